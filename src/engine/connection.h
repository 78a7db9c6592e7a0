// SPDX-License-Identifier: MIT
// Messages, each ended by a NUL, over a socket that does not block: whole, in time, and bounded.
#pragma once

#include "base/buffer.h"
#include "base/duration.h"

struct connection {
    int fd; // owned; -1: given up
    struct buffer in;
    size_t taken;   // bytes of `in` that were given out
    size_t scanned; // bytes of `in` that have no NUL, behind `taken`
};

void connection_init(struct connection *connection, int fd);
void connection_fini(struct connection *connection); // closes

// Gives up the descriptor, which is the caller's from then on; appends what was read from it and
// not given out.
void connection_give_up(struct connection *connection, struct buffer *rest);

// Sends all bytes until `deadline`, a moment of clock_now. 0 or -errno: -ETIMEDOUT; -EPIPE: nobody
// reads any more, but an answer may have come (never a signal).
int connection_send(struct connection *connection, struct str bytes, nsec_t deadline);

// The next message without its NUL, borrowed until the next call. 0 or -errno: -ETIMEDOUT;
// -ECONNRESET: closed before the message was whole; -EMSGSIZE: it has more than `limit` bytes;
// -ENOMEM.
int connection_next(struct connection *connection, size_t limit, nsec_t deadline, struct str *out);

// Whether bytes came that nobody asked for.
bool connection_has_rest(const struct connection *connection);
