// SPDX-License-Identifier: MIT
// Listening sockets for processes: the type's own (listeners.h), and those that whoever has started
// the formation has opened for it (sd_listen_fds(3)). The guard holds them, and each process of a
// type that asks for them gets them as descriptors 3, 4, …, in this order.
#pragma once

#include "base/error.h"
#include "plan/launch.h"

#include <stdint.h>

struct manager;

// Which of those that were opened for the formation a type gets, as bits.
uint32_t sockets_of(const struct manager *manager, const struct process_type *type);

// The first descriptor that one is.
enum { SOCKETS_FIRST = 3 };

// Tells the type's own to a process, and `others` behind them whose names, with ':' between them,
// are `other_names`; `pid` is what LISTEN_PID is to be. 0 or -ENOMEM.
int sockets_announce(const struct process_type *type, unsigned others, struct str other_names,
                     const char *pid, struct arena *arena, struct launch *launch);

// Tells them to a process that is about to be started, by its environment. 0 or -ENOMEM.
int sockets_prepare(const struct manager *manager, const struct process_type *type,
                    struct arena *arena, struct launch *launch);

// Whether all that the plan asks for is there. 0, or -ENOTSOCK and a sentence.
int sockets_check(const struct manager *manager, const struct plan *plan, struct error *error);
