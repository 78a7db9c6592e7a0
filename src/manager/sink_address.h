// SPDX-License-Identifier: MIT
// Where the socket of a sink leads: one address after the other, found without waiting.
#pragma once

#include "base/duration.h"
#include "os/lookup.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/un.h>

struct sink;

union sink_socket_address {
    struct sockaddr any;
    struct sockaddr_un local;
    union lookup_address remote;
};

// Zero-initialise. Does not move.
struct sink_addresses {
    struct lookup lookup;
    size_t next;     // of its addresses, to be tried
    bool is_asking;  // the lookup runs, …
    nsec_t asked_at; // …or has, since then
};

// The next address to try. Its size, or 0 while it is not known, or -1 after the sink has failed.
int sink_address_next(struct sink *sink, union sink_socket_address *out);

// Whether there is another one to try at once; if not, the next is looked up again.
bool sink_address_has_more(const struct sink *sink);
void sink_address_forget(struct sink *sink); // it has worked, and does so no longer
void sink_address_close(struct sink *sink);

// "syslog at udp://logs.example.com:514", "journald": for sentences. Returns `out`.
enum { SINK_NAME_BYTES = 320 };
struct plan_sink;
const char *sink_name(const struct plan_sink *declared, char out[SINK_NAME_BYTES]);
