// SPDX-License-Identifier: MIT
// One look at a TCP port of this machine, without waiting: whether a connection is accepted, and
// with which status a request by HTTP is answered.
#pragma once

#include "base/str.h"
#include "os/loop.h"

#include <stdbool.h>
#include <stddef.h>

enum port_answer {
    PORT_SILENT,   // none so far
    PORT_ACCEPTED, // connected; by HTTP: answered with `status`
    PORT_REFUSED,  // nobody listens
    PORT_FAILED,   // … or it cannot be reached: `error`
    PORT_CLOSED,   // by HTTP: the connection was closed before an answer
    PORT_NOT_HTTP, // by HTTP: answered with something else
    PORT_UNKNOWN,  // this machine is short of something (`error`), which says nothing of the port
};

enum port_state {
    PORT_CONNECTING,
    PORT_SENDING,
    PORT_READING,
    PORT_DRAINING, // the status is known; whoever sends the rest is not cut off
    PORT_ENDED,
};

enum {
    PORT_REASON_BYTES = 160,
    PORT_REQUEST_BYTES = 1024 + 256,
    PORT_STATUS_BYTES = 16, // "HTTP/1.1 200 …", as far as it matters
};

struct port_look;
typedef void port_look_news(struct port_look *look);

// Private to port.c but for `answer`, `status` and `state`.
struct port_look {
    enum port_answer answer;
    int status; // of HTTP
    int error;  // errno
    enum port_state state;
    struct loop *loop;
    struct loop_source source;
    port_look_news *news;
    unsigned port;
    bool is_second; // at ::1, since it was refused at 127.0.0.1
    size_t sent;
    size_t received;
    size_t request_size; // 0: it only connects
    char request[PORT_REQUEST_BYTES];
    char status_line[PORT_STATUS_BYTES];
    size_t line_size;      // of the line that is being read
    bool skips_to_headers; // these are the headers of a provisional answer (1xx)
};

// Begins to connect to 127.0.0.1, or ::1 when that refuses, and to GET `path` (empty: nothing) of
// at most LIMIT_PROBE_BYTES. `news` is called, also from within this function, when the answer is
// known, and when the state is PORT_ENDED; at once or one after the other.
void port_look_begin(struct port_look *look, struct loop *loop, unsigned port, struct str path,
                     port_look_news *news);

// Whether it is as a healthy one should be. By HTTP: 200 to 399.
bool port_look_is_good(const struct port_look *look);

// Looks whether there is news that the loop has not told of yet.
void port_look_poke(struct port_look *look);

// Closes it in whatever state it is. `news` is not called.
void port_look_end(struct port_look *look);

// What was seen, for people: "connection to port 5000 refused"; "GET /health at port 5000: answered
// 503". `after` is how a look of so long ends that had no answer.
void port_look_tell(const struct port_look *look, nsec_t after, char out[PORT_REASON_BYTES]);
