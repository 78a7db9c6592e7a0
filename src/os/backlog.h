// SPDX-License-Identifier: MIT
// How much there is to do for those who serve a listening socket: what waits to be accepted, and
// what they have accepted and not closed yet.
#pragma once

// Of a socket that listens, TCP or unix.
struct backlog {
    unsigned waiting; // connections that nobody has accepted yet
    unsigned limit;   // the kernel takes one more than that, and no further ones
};

// Costs a system call for TCP, four for a unix socket. 0; -EINVAL: `listener` does not listen;
// -ENOENT or -EOPNOTSUPP: of unix sockets this kernel tells nothing (CONFIG_UNIX_DIAG).
int backlog_read(int listener, struct backlog *out);

// Connections to its address that some process has, whether the other side has ended its part or
// not. The kernel walks over all its TCP sockets for that, or over all unix sockets: some
// milliseconds on a large machine, so nothing for every moment. 0 or -errno, as above.
int backlog_count_connections(int listener, unsigned *out);
