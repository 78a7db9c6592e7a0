// SPDX-License-Identifier: MIT
// Bytes of one process become its lines: whole, in order, none lost, whatever the chunks were.
#pragma once

#include "base/buffer.h"
#include "base/limits.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What the unfinished lines of all processes may hold together. One for all, all zeros but the
// limits; it must outlive every struct lines that uses it.
struct lines_budget {
    size_t line_limit_bytes; // one line; longer ones are cut
    size_t held_limit_bytes; // the sum
    size_t held_bytes;       // now
};

#define LINES_BUDGET_INIT                                                                          \
    {                                                                                              \
        .line_limit_bytes = LIMIT_LINE_BYTES, .held_limit_bytes = LIMIT_HELD_BYTES                 \
    }

// Zero-initialise to use, with `budget` set.
struct lines {
    struct lines_budget *budget;
    struct buffer held; // the unfinished line
    bool held_is_given; // …was handed out: the next call empties it
    bool is_cut;        // the line just handed out is a piece; its rest follows as the next line
    uint64_t cut_count; // pieces ever handed out
};

// Takes the next line out of `bytes` (which shrinks from its front) together with what is held.
// Call it until it returns false: then `bytes` is used up and its unfinished end is held. `out` has
// neither '\n' nor one '\r' before it; it borrows from `bytes` or from `lines`, until the next
// call. A line over the limits, or one for which there is no memory, comes cut in pieces.
bool lines_next(struct lines *lines, struct str *bytes, struct str *out);

// The same for many lines at once, and faster: only those that lie whole in `bytes`, at most `most`
// of them. 0: there are none at its front, and lines_next() knows what is there.
size_t lines_next_whole(struct lines *lines, struct str *bytes, struct str *out, size_t most);

// Takes the unfinished line, at the end of the output. Returns false when there is none.
bool lines_flush(struct lines *lines, struct str *out);

// The unfinished line so far, such as a prompt. Borrows until the next call.
struct str lines_pending(const struct lines *lines);

// Frees what is held and gives it back to the budget.
void lines_fini(struct lines *lines);
