// SPDX-License-Identifier: MIT
// A line of a process as people see it, byte for byte as Foreman prints it:
// "07:41:31 web.1    | hi".
#pragma once

#include "base/buffer.h"
#include "base/str.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOG_COLOR_SYSTEM = 37 };

// How all lines of one output look.
struct log_style {
    bool color;     // the prefix is coloured
    bool no_prefix; // lines come bare
    bool no_color;  // nothing is coloured: what processes colour themselves comes without, too
    bool tame;      // a terminal: control sequences other than colours are made harmless, and of
                    // what is written over itself the last state counts
    unsigned width; // the names' column, log_name_width
};

// The ready bytes in front of every line of one process. Build it anew when the time text changes.
enum { LOG_TIME_BYTES = 64, LOG_PREFIX_BYTES = 224 };
struct log_prefix {
    bool tame;
    bool no_color;
    uint8_t size;
    char bytes[LOG_PREFIX_BYTES];
};

// The width of the names' column that Foreman would choose: longest declared name, the digits of
// the largest quantity and the dot; at least 6.
unsigned log_name_width(const struct plan *plan);

// The colour of the type at that place in the Procfile: cyan, yellow, green, magenta, red, blue.
unsigned log_color(unsigned type_index);

// Builds the prefix of `name` ("web.1", "system"). `time` is the formatted moment, empty for none,
// cut at LOG_TIME_BYTES.
void log_prefix_build(struct log_prefix *prefix, const struct log_style *style, unsigned color,
                      struct str time, struct str name);

// Appends prefix, line and newline: all of it, or nothing when memory is short (`out` has failed).
void log_line_append(struct buffer *out, const struct log_prefix *prefix, struct str line);
void log_lines_append(struct buffer *out, const struct log_prefix *prefix, const struct str *lines,
                      size_t count);

// The same with any prefix, of which whole blocks can be read.
enum { LOG_BLOCK = 32 };
void log_plain_append(struct buffer *out, struct str prefix, const struct str *lines, size_t count);
