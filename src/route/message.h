// SPDX-License-Identifier: MIT
// What a manager and a router say to each other: whole messages, checked before anything of them is
// believed. Both are programs on one machine, so numbers are in the machine's own order.
#pragma once

#include "base/duration.h"
#include "base/limits.h"

#include <stddef.h>
#include <stdint.h>

enum { ROUTE_VERSION = 1, ROUTE_PATH_BYTES = 108 };

enum route_kind {
    ROUTE_TABLE = 1, // manager: these are all backends from now on
    ROUTE_ASK,       // manager: answer with a report
    ROUTE_REPORT,    // router
};

enum route_state {
    ROUTE_ACCEPTING = 1,
    ROUTE_DRAINING, // gets no new connections, keeps those that it has
};

enum route_family {
    ROUTE_IPV4 = 1,
    ROUTE_IPV6,
    ROUTE_UNIX,
};

// The PROXY protocol: what a backend is told first of each connection.
enum route_preface {
    ROUTE_PREFACE_NONE,
    ROUTE_PREFACE_TEXT,   // version 1
    ROUTE_PREFACE_BINARY, // version 2
};

// The first bytes of every message.
struct route_head {
    uint32_t kind;
    uint32_t version;
    uint64_t number; // of the table or question, as the manager counts; of the report
};

struct route_backend {
    uint64_t key; // which process it is, for the manager: another one has another key. Not 0
    uint8_t state;
    uint8_t family;
    uint16_t port; // of IP
    uint32_t reserved;
    union {
        uint8_t ip[16];              // the first four bytes for IPv4; in network order
        char path[ROUTE_PATH_BYTES]; // with a NUL at its end, so of 107 bytes at most
        uint8_t bytes[112];
    } address;
};

struct route_settings {
    int64_t hold;          // nanoseconds that a connection waits for a backend, then it is closed
    int64_t linger;        // … that connections may go on for once the router is asked to end
    int64_t report_after;  // between two reports that nobody has asked for; 0: none but urgent ones
    uint32_t most_waiting; // connections that wait at a time; the next ones wait in the kernel
    uint32_t preface;
};

struct route_table {
    struct route_head head;
    struct route_settings settings;
    uint32_t count;
    uint32_t reserved;
    struct route_backend backends[]; // in ascending order of keys
};

// Counts since the router was started.
struct route_totals {
    uint64_t accepted; // connections
    uint64_t routed;   // … that got a backend
    uint64_t expired;  // … that waited too long, and were closed
    uint64_t left;     // … whose clients left while they waited
    uint64_t failed;   // attempts to connect to a backend: refused, or not answered
    uint64_t short_of; // times that descriptors or memory were lacking: nothing was accepted then
    uint64_t nonsense; // messages of a manager that could not be understood
    uint64_t bytes_in; // from clients
    uint64_t bytes_out;
};

struct route_count {
    uint64_t key;
    uint64_t routed;
    uint64_t failed;
    uint32_t in_flight; // connections that it has, those being made included
    uint32_t reserved;
};

struct route_report {
    struct route_head head;
    uint64_t table;     // number of the last table taken; 0: none was
    uint64_t question;  // … and of the last question
    uint32_t waiting;   // connections without a backend, now
    uint32_t open;      // connections with one, those of backends that are in no table included
    uint32_t lingering; // … these
    uint32_t queued;    // connections by TCP that wait in the kernel, not accepted yet
    uint32_t is_full;   // as many wait as may: nothing is accepted
    uint32_t count;
    struct route_totals totals;
    struct route_count counts[]; // a backend of the last table each, in its order
};

enum {
    ROUTE_TABLE_BYTES =
        sizeof(struct route_table) + LIMIT_ROUTE_BACKENDS * sizeof(struct route_backend),
    ROUTE_REPORT_BYTES =
        sizeof(struct route_report) + LIMIT_ROUTE_BACKENDS * sizeof(struct route_count),
};

// Bytes of a table or report with so many backends.
size_t route_table_size(size_t count);
size_t route_report_size(size_t count);

// What a message says it is: a kind, or 0 when it is too short for one or of another version.
enum route_kind route_message_kind(const void *message, size_t size);

// The message as a table (aligned as one), if each part of it is as it must be: else NULL and why.
const struct route_table *route_message_table(const void *message, size_t size, const char **why);

// … as a report.
const struct route_report *route_message_report(const void *message, size_t size);
