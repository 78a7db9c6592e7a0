// SPDX-License-Identifier: MIT
// What the kernel has killed for want of memory: it counts it for each cgroup folder that has a
// memory controller.
#pragma once

#include "os/tree.h"

// How many processes of a branch of the tree were killed so, since its folder was made. 0 also
// where nobody counts. `group_fd`: the formation's folder in the v1 hierarchy for memory, or -1.
unsigned long oom_kills(const struct tree *tree, int group_fd, const char *branch);

// The same of the folder that we are in ourselves, and of it alone.
unsigned long oom_kills_here(void);
