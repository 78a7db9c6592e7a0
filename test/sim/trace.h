// SPDX-License-Identifier: MIT
// What happened in a history, as text with virtual time: printed at once or the end of it kept.
#pragma once

#include "supervise/supervise.h"

#include <stdbool.h>

enum { TRACE_LINES = 30, TRACE_COLUMNS = 120 };

struct trace {
    bool is_on; // without, nothing is written and no time is spent
    bool prints;
    unsigned count;
    char lines[TRACE_LINES][TRACE_COLUMNS]; // a ring of the last ones
};

void trace_line(struct trace *trace, nsec_t now, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void trace_input(struct trace *trace, const struct input *input);
void trace_event(struct trace *trace, const struct event *event);
void trace_action(struct trace *trace, nsec_t now, const struct action *action, bool is_done);

// Prints the lines that were kept.
void trace_print(const struct trace *trace);
