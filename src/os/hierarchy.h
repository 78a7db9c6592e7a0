// SPDX-License-Identifier: MIT
// cgroup v1: each controller has a mount of its own, in which we are in some folder. Below that,
// "formation.MARK" is made for those who keep limits there, with a folder for each process.
#pragma once

#include <stdbool.h>

// Opens our own folder in the hierarchy of a controller ("memory"). Returns its descriptor, or
// -errno: -ENOENT when no hierarchy has it.
int hierarchy_open(const char *controller);

// Removes the folder `name` below ours in each hierarchy that we keep limits in, with those in it;
// they must be empty of processes.
void hierarchy_remove(const char *name);

// Ends what is in folders whose `mark` is said to be abandoned, and removes them.
typedef bool hierarchy_judge(const char *mark);
void hierarchy_end_abandoned(hierarchy_judge *is_abandoned, unsigned patience_ms);
