// SPDX-License-Identifier: MIT
// The addresses of a host, asked for by a child: a name server may take seconds, and the C library
// waits for it.
#pragma once

#include "os/check.h"
#include "os/loop.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum { LOOKUP_MOST = 16 }; // addresses of one host; nobody tries more of them

union lookup_address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
};

// Zero-initialise. Does not move.
struct lookup {
    struct check check;
    int answers; // what the child has said, while it runs
    bool is_running;
    union lookup_address addresses[LOOKUP_MOST]; // that were found last, …
    size_t count;                                // …in the order in which to try them
    char failure[128];                           // of the last one, if it has found none
};

// Begins one, unless one is running: `program`, a path, is run as `formation lookup HOST`. The
// loop wakes up when it has ended. 0 or -errno.
int lookup_begin(struct lookup *lookup, struct loop *loop, const char *program, const char *host);

// Whether it has ended. With a failure, what was found before stays.
bool lookup_has_ended(struct lookup *lookup);

// Ends the child, if there is one.
void lookup_cancel(struct lookup *lookup);

// Of a number, with a scope perhaps; false for names.
bool lookup_parse(const char *text, union lookup_address *out);
socklen_t lookup_address_size(const union lookup_address *address);

// The child's work: an address a line to standard output, or 1 and a sentence to standard error.
int lookup_print(const char *host);
