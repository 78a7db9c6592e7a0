// SPDX-License-Identifier: MIT
// The backends of the last table, and those of earlier ones that still have connections. A backend
// keeps its place in the list for as long as it is in a table or has a connection.
#pragma once

#include "route/balance.h"
#include "route/message.h"

#include <sys/socket.h>
#include <sys/un.h>

struct backend {
    uint64_t key; // 0: the place is free
    bool is_listed;
    bool is_draining;
    uint64_t routed; // connections, ever
    uint64_t failed; // attempts
    socklen_t address_size;
    union {
        struct sockaddr generic;
        struct sockaddr_un local; // the longest
    } address;
};

struct backends {
    struct balance_seat *seats; // of each place
    struct backend *items;
    uint32_t *listed; // the places of the last table, in its order
    size_t count;     // of places
    size_t capacity;
    size_t listed_count;
    size_t last_chosen;
    uint32_t lingering; // connections of those that are not listed any more
    bool has_drained;   // one that was draining has lost its last connection; the reader resets it
};

// Makes room for all that there can ever be with so many connections. 0 or -ENOMEM.
int backends_init(struct backends *backends, size_t connections);
void backends_fini(struct backends *backends);

// Takes the table; a backend that was listed before goes on as it is.
void backends_take(struct backends *backends, const struct route_table *table);

// The place of the backend for the next connection, which counts as one that is being made; or
// BALANCE_NONE.
size_t backends_choose(struct backends *backends, nsec_t now);

// What became of it: it could be made, …
void backends_note_success(struct backends *backends, size_t place);
// … or not: it was refused or not answered; its queue is full; the backend is not to blame. It
// does not count any more.
void backends_note_failure(struct backends *backends, size_t place, nsec_t now);
void backends_note_busy(struct backends *backends, size_t place, nsec_t now);
void backends_note_nothing(struct backends *backends, size_t place);

// A connection that was made has ended.
void backends_note_end(struct backends *backends, size_t place);

// When it is worth to choose again though nothing else happens. NSEC_NEVER: it is not.
nsec_t backends_due_at(const struct backends *backends);

// Whether it is one of the last table.
bool backends_is_listed(const struct backends *backends, size_t place);
