// SPDX-License-Identifier: MIT
// Sockets that listen for others: opened here, accepted from by whoever is given them.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct listener_spec {
    int family; // AF_INET; AF_INET6 and nothing else; AF_UNIX; AF_UNSPEC: all addresses of both
    uint8_t host[16]; // in the network's order; of IPv4 the first four
    uint16_t port;
    const char *path; // of AF_UNIX
    int backlog;
    unsigned mode; // of the file at `path`, as all below
    uid_t uid;     // -1: as it is
    gid_t gid;
};

// Opens a blocking socket, binds it and has it listen. An address of TCP that connections in
// TIME_WAIT still have is free (SO_REUSEADDR); a file of AF_UNIX at which nobody listens is
// replaced. 0, and *out is the caller's; or -errno and why, in a sentence to be put behind "web: ":
// -EADDRINUSE with who has it, where that can be seen.
int listener_open(const struct listener_spec *spec, int *out, struct error *error);

// Gives one that is open the backlog, and its file the mode and owner, of `spec`. Also as above.
int listener_tune(int listener, const struct listener_spec *spec, struct error *error);

// Whether one of our user's processes could have the port now, beside others of that user's that
// share it (SO_REUSEPORT): tried, and given back. Also as above.
int listener_check_shared(const struct listener_spec *spec, struct error *error);

// Removes the socket's file if it still is that of `listener`, which goes on to listen.
void listener_remove_file(int listener, const char *path);
