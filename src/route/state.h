// SPDX-License-Identifier: MIT
// All that a router knows. Only src/route/ includes this.
#pragma once

#include "route/backends.h"
#include "route/connections.h"
#include "route/message.h"
#include "route/pool.h"
#include "route/router.h"

#include <stdbool.h>

struct router {
    nsec_t now; // as of the last event
    int epoll;
    int signals;
    int channel; // -1: its other end is closed
    int listeners[LIMIT_ROUTE_LISTENERS];
    bool is_unix[LIMIT_ROUTE_LISTENERS]; // each of them
    size_t listener_count;
    bool is_listening;   // events say when there are clients
    bool is_ending;      // it takes no more of them
    nsec_t ends_at;      // then: with all that it has; NSEC_NEVER
    nsec_t paused_until; // descriptors or memory were lacking: nothing new before that
    nsec_t starved_until;

    struct route_settings settings;
    uint64_t table; // number of the last one; 0: there was none
    uint64_t question;
    struct backends backends;
    struct connections connections;
    struct pool pool;

    struct route_totals totals;
    uint64_t report_number;
    nsec_t reported_at;
    bool is_changed; // something that a report would tell
    bool is_urgent;  // … and somebody waits for it
    bool is_unheard; // the channel had no room for the last one

    // A message each: struct route_table, struct route_report.
    _Alignas(struct route_table) char incoming[ROUTE_TABLE_BYTES];
    _Alignas(struct route_report) char outgoing[ROUTE_REPORT_BYTES];
};

// Marks of events that are of no connection: none of these has the generation 0.
enum { MARK_CHANNEL, MARK_SIGNALS, MARK_LISTENER };
