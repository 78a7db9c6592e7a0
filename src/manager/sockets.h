// SPDX-License-Identifier: MIT
// Listening sockets that whoever has started the formation has opened for it (sd_listen_fds(3)):
// the guard holds them, and each process of a type that asks for them gets them as descriptors 3,
// 4, ….
#pragma once

#include "base/error.h"
#include "plan/launch.h"

#include <stdint.h>

struct manager;

// Which of the guard's sockets a type gets, as bits.
uint32_t sockets_of(const struct manager *manager, const struct process_type *type);

// Tells them to a process that is about to be started, by its environment. 0 or -ENOMEM.
int sockets_prepare(const struct manager *manager, const struct process_type *type,
                    struct arena *arena, struct launch *launch);

// Whether all that the plan asks for is there. 0, or -ENOTSOCK and a sentence.
int sockets_check(const struct manager *manager, const struct plan *plan, struct error *error);
