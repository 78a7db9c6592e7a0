// SPDX-License-Identifier: MIT
// The same again and again in the same place of the terminal, until Ctrl-C.
#pragma once

#include "base/buffer.h"
#include "base/duration.h"

#include <stdbool.h>
#include <stddef.h>

struct watch {
    nsec_t interval;
    nsec_t next; // CLOCK_MONOTONIC
    bool is_terminal;
    size_t lines; // that stand there
};

// From now on SIGINT and SIGTERM end the program with status 0.
void watch_begin(struct watch *watch, nsec_t interval);

// Makes lines for people into what puts them in the place of those before: each is cleared as it is
// written, so that nothing flickers. On a terminal those that do not fit its height are counted.
void watch_draw(struct watch *watch, struct buffer *lines);

// Until the next turn; earlier when the terminal's size has changed.
void watch_wait(struct watch *watch);
