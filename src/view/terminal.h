// SPDX-License-Identifier: MIT
// Lines on a terminal, and between them a partial line that lingers: a prompt is seen, goes on in
// place, and never gets mixed with the line of another process.
#pragma once

#include "base/buffer.h"
#include "base/str.h"
#include "view/log_line.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Where the cursor stands. Zero-initialise to use: at the start of a line.
struct terminal {
    bool is_within_line; // …of the process `owner`, of which `shown_bytes` are shown
    bool is_colored;     // and a colour is on
    uint32_t owner;      // any number that tells processes apart
    size_t shown_bytes;
};

// Shows a complete line: its rest, where the cursor stands behind its beginning, else all of it.
void terminal_line(struct terminal *terminal, struct buffer *out, uint32_t owner,
                   const struct log_prefix *prefix, struct str line);

// Shows the beginning of a line (lines_pending) and leaves the cursor there.
void terminal_partial(struct terminal *terminal, struct buffer *out, uint32_t owner,
                      const struct log_prefix *prefix, struct str pending);

// Ends a partial line, before something else is shown or at the end.
void terminal_leave(struct terminal *terminal, struct buffer *out);
