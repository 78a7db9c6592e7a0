// SPDX-License-Identifier: MIT
// Lines on a terminal, and between them a partial line that lingers: a prompt is seen, goes on in
// place, and never gets mixed with the line of another process. A progress bar is drawn over
// itself.
#pragma once

#include "base/buffer.h"
#include "base/str.h"
#include "view/log_line.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Where the cursor stands. Zero-initialise to use, but for `is_dumb`: at the start of a line.
struct terminal {
    bool is_dumb;        // it understands no sequences, so no bar is drawn before its last state
    bool is_within_line; // …of the process `owner`, of which `shown_bytes` are shown
    bool is_bar;         // and were drawn in one row, where they can be wiped away
    bool is_colored;     // and a colour is on
    bool has_hidden;     // a bar, that of `hidden`, had to give way to a line
    uint32_t owner;      // any number that tells processes apart
    uint32_t hidden;
    size_t shown_bytes;
};

// Shows a complete line: its rest, where the cursor stands behind its beginning, else all of it.
void terminal_line(struct terminal *terminal, struct buffer *out, uint32_t owner,
                   const struct log_prefix *prefix, struct str line);

// Shows the beginning of a line (lines_pending) and leaves the cursor there. Of a bar it shows the
// last state, unless another one's is on.
void terminal_partial(struct terminal *terminal, struct buffer *out, uint32_t owner,
                      const struct log_prefix *prefix, struct str pending);

// Ends a partial line, before something else is shown or at the end; wipes a bar away, which is
// then the hidden one until its owner shows anything.
void terminal_leave(struct terminal *terminal, struct buffer *out);
