// SPDX-License-Identifier: MIT
// What the kernel has killed for want of memory: cgroup v2 counts it for each folder that has a
// memory controller.
#pragma once

#include "os/tree.h"

// How many processes of a branch of the tree were killed so, since its folder was made. 0 also
// where nobody counts.
unsigned long oom_kills(const struct tree *tree, const char *branch);
