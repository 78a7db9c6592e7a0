// SPDX-License-Identifier: MIT
// How much a tree waits for what it lacks: the kernel's pressure stall information, which it keeps
// for each folder of cgroup v2.
#pragma once

#include "os/tree.h"

// In hundredths of a percent of the last 10 s: so long some of it waited for a processor, or for
// memory to be given back; -1: nobody knows.
struct pressure {
    int cpu;
    int memory;
};

void pressure_read(const struct tree *tree, const char *branch, struct pressure *out);
