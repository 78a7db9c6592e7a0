// SPDX-License-Identifier: MIT
// Messages of fixed size between two processes, with a few descriptors each; none torn or merged.
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { CHANNEL_DESCRIPTORS = 9 };

// A connected pair of SOCK_SEQPACKET unix sockets, close-on-exec. 0 or -errno.
int channel_pair(int out[2]);

// Sends one message with `fd_count` descriptors (which stay the caller's). Blocks while the peer's
// queue is full unless `now`. 0 or -errno (-EPIPE: the peer is gone; never a signal).
int channel_send(int channel, const void *message, size_t size, const int *fds, size_t fd_count,
                 bool now);

// Receives one message of exactly `size` bytes without waiting, and up to CHANNEL_DESCRIPTORS
// descriptors, which become the caller's (close-on-exec). Returns 1, 0 when there is none now, or
// -errno: -EPIPE when the peer is gone and all was read, -EBADMSG for a message of another size.
int channel_receive(int channel, void *message, size_t size, int fds[CHANNEL_DESCRIPTORS],
                    size_t *fd_count);
