// SPDX-License-Identifier: MIT
// All connections that a router carries: a fixed number of places, found by number in no time, and
// lists of those that wait for something.
#pragma once

#include "base/duration.h"
#include "route/flow.h"

#include <stddef.h>
#include <stdint.h>

enum connection_state {
    CONNECTION_FREE,
    CONNECTION_WAITING,    // for a backend
    CONNECTION_CONNECTING, // to one
    CONNECTION_OPEN,
};

enum { CLIENT, BACKEND, SIDES };

// One of the two sockets, and how far the bytes have come that it sends.
struct connection_side {
    int fd; // -1: none yet
    bool is_unix;
    bool is_watched;   // events say what becomes of it
    bool has_end;      // it has ended or failed, maybe with bytes that are not read yet
    bool is_gone;      // … in both directions
    bool has_more;     // there may be bytes, and no event will say so again
    bool is_stuck;     // the other one takes nothing more at the moment
    bool is_over;      // nothing of it will be moved any more
    bool watches_room; // events say when it takes something again
};

struct connection_list;

struct connection {
    struct connection *next;
    struct connection *previous;
    struct connection_list *list; // that it is in. NULL: none
    nsec_t accepted_at;
    nsec_t attempted_at;
    uint32_t generation; // not 0; another one for each connection that has this place
    uint32_t place;      // of its backend, while it is connecting or open
    enum connection_state state;
    bool is_broken; // one side was reset: the other one is to learn that
    struct connection_side sides[SIDES];
    struct flow flows[SIDES]; // of what this side sends
};

struct connection_list {
    struct connection *first;
    struct connection *last;
    size_t count;
};

struct connections {
    struct connection *items;
    size_t capacity;
    size_t used; // places that ever were
    size_t count;
    struct connection *free;
    struct connection_list waiting;    // in the order in which they came
    struct connection_list connecting; // in the order in which that began
    struct connection_list ready;      // these have more to move
    struct connection_list starving;   // … and the kernel had no memory for it
};

int connections_init(struct connections *connections, size_t capacity); // 0 or -ENOMEM
void connections_fini(struct connections *connections);

// A new one, waiting and in no list. NULL: there are as many as may be.
struct connection *connections_add(struct connections *connections);
// Not one of a list.
void connections_remove(struct connections *connections, struct connection *connection);

void connection_enlist(struct connection_list *list, struct connection *connection); // as the last
void connection_delist(struct connection *connection); // if it is in a list
// As the last of those that were accepted no later.
void connection_enlist_by_age(struct connection_list *list, struct connection *connection);

// A number for a side, and back: NULL when that connection is there no more.
uint64_t connection_mark(const struct connections *connections, const struct connection *of,
                         unsigned side);
struct connection *connection_of_mark(const struct connections *connections, uint64_t mark,
                                      unsigned *side);
