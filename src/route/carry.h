// SPDX-License-Identifier: MIT
// What happens on a connection with a backend: its bytes and its end go on to the other side.
#pragma once

#include "route/state.h"

// Has events of this side come in.
int carry_watch(struct router *router, struct connection *connection, unsigned side);

// Begins with what is there. The backend has taken the connection.
void carry_begin(struct router *router, struct connection *connection);

// Remembers what epoll says of the end of a side.
void carry_note_end(struct connection *connection, unsigned side, uint32_t events);

// Deals with what epoll says of one side.
void carry_on(struct router *router, struct connection *connection, unsigned side, uint32_t events);

// Goes on with those that had more than their turn's share; with those that lacked memory, too,
// once that is due.
void carry_rest(struct router *router);

// Ends it, whatever state it is in. `is_reset`: its peers are told that not all has come through.
void carry_end(struct router *router, struct connection *connection, bool is_reset);

// Ends those that nobody at the other end will ever end: their process is gone, and the client has
// got all that it had sent.
void carry_end_orphans(struct router *router);
