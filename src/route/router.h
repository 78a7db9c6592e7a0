// SPDX-License-Identifier: MIT
// The program that stands between clients and the processes of a type: it takes connections and
// spreads them over those that are ready. It knows nothing but what it is told through its channel.
#pragma once

#include "base/error.h"

#include <stddef.h>

// What it is started with, beside standard input and output that it does not use, and standard
// error.
enum {
    ROUTE_CHANNEL_FD = 3,  // a SOCK_SEQPACKET unix socket: route/message.h
    ROUTE_LISTENER_FD = 4, // the first of the listening sockets
};

// Carries connections until the channel's other end is closed, or SIGTERM comes, and then until
// those that it has have ended; a further SIGTERM, or the table's `linger`, ends them. Returns 0,
// or -errno and a sentence when it cannot begin.
int route_run(size_t listener_count, struct error *error);
