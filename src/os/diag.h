// SPDX-License-Identifier: MIT
// What the kernel knows of sockets, whoever has them: sock_diag(7). Nothing is asked of /proc,
// which would be read as text for every connection of the machine.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct diag_tcp {
    int family;
    uint8_t host[16]; // its own address, in the network's order; of IPv4 the first four
    uint16_t port;
    uint32_t inode; // 0: no process has it, since it waits to be accepted, or was closed
    uid_t uid;
};

struct diag_unix {
    uint32_t inode;
    uint32_t file_inode; // of its path, or 0
    uint32_t file_device;
    uint32_t waiting; // of one that listens: connections that were not accepted yet
    uint32_t limit;   // … and how many there may be
};

// States, as bits: 1 << TCP_LISTEN.
typedef void diag_tcp_visit(const struct diag_tcp *socket, void *context);
typedef void diag_unix_visit(const struct diag_unix *socket, void *context);

// Visits the TCP sockets of `family` that have the own port `port` and one of `states`. 0, or
// -errno: without CONFIG_INET_DIAG for example -ENOENT. The kernel walks over all its TCP sockets
// unless `states` is that of listeners alone.
int diag_each_tcp(int family, uint32_t states, uint16_t port, diag_tcp_visit *visit, void *context);

// Likewise of unix sockets: that with `inode`, or all when it is 0.
int diag_each_unix(uint32_t states, uint32_t inode, diag_unix_visit *visit, void *context);
