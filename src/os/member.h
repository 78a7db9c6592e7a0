// SPDX-License-Identifier: MIT
// Whether a process belongs to one of a formation's.
#pragma once

#include "os/tree.h"

#include <sys/types.h>

enum membership {
    MEMBER_IS,
    MEMBER_IS_NOT,
    MEMBER_IS_GONE, // it has ended: nobody can tell any more
};

// Whether `pid` is in the tree of the process `name`, whose main process is `leader`.
enum membership member_of_branch(const struct tree *tree, const char *name, pid_t leader,
                                 pid_t pid);
