// SPDX-License-Identifier: MIT
// The formation in one line, as an init shows it beside the service: STATUS= of sd_notify(3).
#pragma once

#include "base/buffer.h"
#include "event/event.h"

#include <stddef.h>

struct readiness {
    unsigned count; // processes that are to be ready
    unsigned ready;
    unsigned running;         // main processes that live, wanted or not
    const char *first;        // name of the first one that is not ready; NULL
    enum process_state state; // …of that one
};

// "2 of 2 processes ready", "3 of 6 processes ready, web.2 in backoff and 2 others not ready".
void readiness_write(struct buffer *out, const struct readiness *readiness);

// "stopping, 3 processes are left"
void readiness_write_stopping(struct buffer *out, const struct readiness *readiness);
