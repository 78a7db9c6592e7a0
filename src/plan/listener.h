// SPDX-License-Identifier: MIT
// `listen:` of a process type: the addresses at which all its processes are reached.
#pragma once

#include "base/limits.h"
#include "base/str.h"
#include "plan/origin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum listener_family {
    LISTENER_ANY,  // every address of the machine, of IPv4 and IPv6
    LISTENER_IPV4, // `host`, which may be 0.0.0.0
    LISTENER_IPV6, // `host`, which may be ::, and IPv6 only
    LISTENER_UNIX, // `path`
};

// How the processes of a type share them.
enum listener_share {
    LISTENER_PASS,      // the formation listens and each process gets the very same socket
    LISTENER_REUSEPORT, // each process listens for itself, at the same port (SO_REUSEPORT)
    LISTENER_ROUTE,     // the router listens, and connects to the process's own PORT
    LISTENER_SHARES,
};

enum { LISTENER_HOST_BYTES = 16 };

struct listener {
    enum listener_family family;
    uint8_t host[LISTENER_HOST_BYTES]; // in the network's order; of IPv4 the first four
    unsigned port;
    struct str path;     // absolute
    struct str name;     // in LISTEN_FDNAMES
    struct str variable; // that has the number of the descriptor; empty: none
    unsigned backlog;    // connections that wait to be accepted; the kernel has a limit, too
    bool has_mode;       // of a unix socket's file, as all below; else LISTENER_MODE
    unsigned mode;
    bool has_uid;
    bool has_gid;
    uint32_t uid;
    uint32_t gid;
    struct origin origin;
};

enum {
    LISTENER_MODE = 0660,
    LISTENER_BACKLOG = 4096,   // net.core.somaxconn since Linux 5.4
    LISTENER_TEXT_BYTES = 128, // of its address: a path has 107 at most
};

struct listening {
    enum listener_share share;
    const struct listener *items;
    size_t count; // LIMIT_TYPE_LISTENERS at most
};

// "*:8080", "127.0.0.1:8080", "[::1]:8080" or the path: what people read, and what tells one from
// another: two listeners of the same text are one socket. Returns out.
const char *listener_text(const struct listener *listener, char out[LISTENER_TEXT_BYTES]);

// Reads one of these forms, "8080" for "*:8080" or "unix:" and a path, which may be relative:
// address only, the rest of *out is left alone. NULL, or what is wrong with `text`, to be put
// behind it. `path` is a part of `text`.
const char *listener_parse(struct str text, struct listener *out);

// Whether the kernel would refuse the second of them, since both are for the same connections.
bool listeners_collide(const struct listener *a, const struct listener *b);

// Whether a process that has one would have to be started anew to have the other.
bool listening_differs(const struct listening *a, const struct listening *b);

// The port that all processes of the type have in common as their PORT, or 0.
unsigned listening_port(const struct listening *listening);

// As formation.yaml has it. NULL behind the last.
const char *listener_share_name(unsigned share);
