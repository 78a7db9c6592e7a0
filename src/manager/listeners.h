// SPDX-License-Identifier: MIT
// The listening sockets of `listen` with `share: pass`. The manager opens them, the guard holds
// them over the death of managers, and processes are born with them; with the formation they end.
#pragma once

#include "base/limits.h"
#include "guard/link.h"
#include "plan/plan.h"

struct diagnostics;
struct manager;
struct process;

// By their numbers, as in the guard and in struct manager_memory, which says which are there. -1:
// none, or this manager has no descriptor of it.
struct listeners {
    int fds[LIMIT_LISTENERS];
};

void listeners_init(struct manager *manager);

// Takes over what an earlier manager has opened.
void listeners_open(struct manager *manager);

// At the end of a manager; the guard has its own.
void listeners_free(struct manager *manager);

// Opens whatever the plan asks for and is not open yet, and gives those that are the backlog, mode
// and owner that it says. 0; or -EINVAL, with all that is wrong added to `diagnostics`: what could
// be opened stays until listeners_drop().
int listeners_need(struct manager *manager, const struct plan *plan,
                   struct diagnostics *diagnostics);

// Closes what the plan in force does not ask for. Processes that have one keep it.
void listeners_drop(struct manager *manager);

// Both, for a plan that was in force before: what cannot be had is told to people.
void listeners_restore(struct manager *manager);

// Which of them a process is to be started with. 0, or -errno: one is not there, and cannot be
// opened now.
int listeners_of(struct process *process, struct guard_listeners *out);

// The socket of an address, to look at its queue (os/backlog.h), or -1. It stays the manager's.
int listeners_find(const struct manager *manager, const struct listener *listener);

// At the end of the formation.
void listeners_remove_files(struct manager *manager);
