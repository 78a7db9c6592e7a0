// SPDX-License-Identifier: MIT
// The kernel keeps a limit for a whole tree where a cgroup controller can be had: of version 2 in
// the tree's own folders (os/tree.h), else of version 1 in folders beside them (os/hierarchy.h).
#pragma once

#include "base/error.h"
#include "os/tree.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum controller { CONTROLLER_MEMORY, CONTROLLER_CPU, CONTROLLER_PIDS, CONTROLLERS };

enum controller_way { CONTROLLER_UNUSED, CONTROLLER_V2, CONTROLLER_V1 };

struct controllers {
    enum controller_way ways[CONTROLLERS];
    int groups[CONTROLLERS]; // the formation's folder in the v1 hierarchy, or -1
};

// What a branch may use: bytes, thousandths of a processor, tasks. 0: what there is.
struct controller_amounts {
    uint64_t of[CONTROLLERS];
};

// As the kernel calls it: "memory", "cpu", "pids".
const char *controller_name(enum controller which);

void controllers_init(struct controllers *controllers);

// Makes the controller keep limits for the branches of `tree`. Version 2 gives controllers only to
// folders without processes beside the root: then the guard, its witness and we ourselves, all of
// `supervisors`, move from our folder to a leaf below it. Once more does no harm. Returns 0, or
// -errno and why, as the end of a sentence, with how to get it.
int controllers_need(struct controllers *controllers, const struct tree *tree,
                     enum controller which, const pid_t *supervisors, size_t supervisor_count,
                     struct error *error);

// Limits a branch whose folder in the tree is there, before a process is put in it. `fds` are files
// by which a new process has to move itself (struct spawn_request); the caller closes them. Returns
// how many, or -errno.
int controllers_limit(const struct controllers *controllers, const struct tree *tree,
                      const char *branch, const struct controller_amounts *amounts,
                      int fds[CONTROLLERS]);

void controllers_close(struct controllers *controllers);

// What a machine gives, without taking it: "cgroup v2", "cgroup v1", or why there is none and how
// to get it. True: limits can be kept.
bool controller_describe(enum controller which, struct error *out);

// At the end: those who moved to the leaf that belongs to the formation's folder `name` are gone
// but for the caller, who goes back to `parent_fd`.
void controllers_leave(int parent_fd, const char *name);
