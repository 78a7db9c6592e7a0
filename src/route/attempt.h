// SPDX-License-Identifier: MIT
// From a client to a backend: each connection tries one after the other, and waits while there is
// none for it, though not for ever.
#pragma once

#include "route/state.h"

// Finds a backend for a connection that has just been accepted, or has it wait.
void attempt_begin(struct router *router, struct connection *connection);

// Deals with what epoll says of a side of one that waits or is connecting.
void attempt_go_on(struct router *router, struct connection *connection, unsigned side,
                   uint32_t events);

// Gives those that wait to backends that can have them; ends what takes too long.
void attempt_rest(struct router *router);

// When that is to be called again though nothing happens. NSEC_NEVER: need not be.
nsec_t attempt_due_at(const struct router *router);

// Descriptors or memory are lacking: nothing new is begun for a moment.
void attempt_pause(struct router *router);
