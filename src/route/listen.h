// SPDX-License-Identifier: MIT
// Takes clients from the listening sockets, for as long as there is a place for one more. Those
// without one stay in the kernel's queue, and it refuses what is more than that.
#pragma once

#include "route/state.h"

// Takes over the sockets that the router was started with. 0, or -errno and a sentence.
int listen_open(struct router *router, size_t count, struct error *error);

// Closes them: whoever else holds them listens on.
void listen_close(struct router *router);

// Takes those that wait at one socket, though not more than its share.
void listen_take(struct router *router, size_t index);

// Begins or ends to watch the sockets, by whether there is a place.
void listen_rest(struct router *router);

// As many wait, or are carried, as may.
bool listen_is_full(const struct router *router);

// How many wait in the kernel's queues, as far as it tells: of TCP.
uint32_t listen_count_queued(const struct router *router);
