// SPDX-License-Identifier: MIT
// Everything that descends from a formation's processes can be found, counted, signalled and ended,
// whatever it forked, whichever session it fled to.
//
// Where a cgroup v2 folder can be made below our own, each process gets one and the kernel keeps
// the books. Elsewhere the descendants of the guard are searched (os/search.h).
#pragma once

#include "os/kin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { TREE_MARK_BYTES = 64, TREE_NAME_BYTES = 256 };

struct tree {
    int fd;                     // the formation's cgroup folder; -1: there is none
    int parent_fd;              // the folder that it is in
    char name[TREE_NAME_BYTES]; // of the folder
    char mark[TREE_MARK_BYTES]; // value of FORMATION_ID in every process's environment
    uint64_t brand;             // of every process, beside the mark (os/brand.h); 0: none
    pid_t guard;
    pid_t spared;                // a child of the guard that is not ended with the others; 0: none
    const struct kin_set *mains; // main processes, so that they are not looked into; may be NULL
    bool has_strangers;          // the guard has children that are not the formation's
};

// The cgroup v2 folder that we are in, or -1; the caller closes it.
int tree_open_own_folder(void);

// First ends what formations have left here whose supervisors are gone (same pid namespace only).
// Names the tree of the supervisor `guard` and makes its folder where that can be had; without one
// tree->fd is -1, and that is no error. -errno: the supervisor itself cannot be looked up.
int tree_open(struct tree *tree, pid_t guard);

// The tree as it was opened by another process: fills `mark` and `name`; `fd` may be -1.
int tree_adopt(struct tree *tree, pid_t guard, int fd);

// Removes a folder of cgroups with those in it, which must be empty of processes.
void tree_remove_folder(int parent_fd, const char *name);

// Removes the folder with its branches, which must be empty of processes; closes the descriptors.
void tree_close(struct tree *tree);

// One process's part, by its name ("web.1").
// A descriptor of its folder to be born into (the caller closes it), made if it is missing; -1 when
// there are no folders, or -errno below -1 when it cannot be made now.
int tree_branch_open(const struct tree *tree, const char *name);

// The folder of a branch that was sent SIGKILL must not be used again: kernels that close the race
// of fork and cgroup.kill (seen: 6.18) kill everything that is born into it later. To be removed
// once it is empty.
void tree_branch_remove(const struct tree *tree, const char *name);

// Living processes (zombies are none) of the branch whose main process is or was `leader`, which
// must not have been reaped yet. Without folders `leader`'s own group and marked processes count.
unsigned tree_branch_count(const struct tree *tree, const char *name, pid_t leader);

// Their pids; without folders the descendants of `leader`, which a daemon is none of. Free `out`,
// which is empty before, by kin_fini().
void tree_branch_list(const struct tree *tree, const char *name, pid_t leader,
                      struct kin_list *out);

// The same processes. Free `out`, which is empty before, by kin_fini().
unsigned tree_branch_members(const struct tree *tree, const char *name, pid_t leader,
                             struct kin_list *out);

// Whether any is left; cheaper than the count.
bool tree_branch_is_empty(const struct tree *tree, const char *name, pid_t leader);

// Sends `signal` to each of them; SIGKILL reaches also what is forked meanwhile where there is
// cgroup.kill (Linux 5.14).
void tree_branch_signal(const struct tree *tree, const char *name, pid_t leader, int signal);

// A descriptor that is ready for EPOLLPRI when the branch becomes empty or ceases to be; -1: there
// is none, look again after a while. The caller closes it.
int tree_branch_watch(const struct tree *tree, const char *name);

// Looks through that descriptor, which is then not ready until the next change: 0, 1 or -errno.
int tree_watched_is_empty(int watch_fd);

// SIGKILL to everything in the tree, again and again until nothing is left or `patience_ms` passed.
// Returns how many are left.
unsigned tree_kill_all(const struct tree *tree, unsigned patience_ms);
