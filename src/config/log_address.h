// SPDX-License-Identifier: MIT
// Where a syslog daemon listens: unix:/dev/log, udp://host:514, tcp://[::1]:601.
#pragma once

#include "base/str.h"
#include "plan/sink.h"

struct log_address {
    enum sink_address kind;
    struct str target; // a path or a host, borrowed
    unsigned port;     // 0 for a path
};

// Without a port it is the usual one, 514 for udp and 601 for tcp. Returns NULL, or why `text` is
// no address, as the end of a sentence about it; then `out` is untouched.
const char *log_address_parse(struct str text, struct log_address *out);
