// SPDX-License-Identifier: MIT
// The last lines of every source, in memory of a fixed size that survives the death of its writer:
// for whoever asks later, and for the last words of a process that has crashed.
#pragma once

#include "base/duration.h"
#include "base/limits.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    // One source's share: some 80 lines of 80 bytes. A share of its own for each, so that one that
    // floods does not push out what the others have said.
    RECENT_RING_BYTES = 8192 - 16,
    RECENT_SOURCES = LIMIT_PROCESSES + 1, // the last one is for the formation's own lines
    RECENT_LINE_BYTES = 1024,             // of a longer line, its beginning, or if it was written
                                          // over itself ('\r'), that of its last state
};

struct recent_ring {
    uint64_t first; // position of the oldest line; positions never go back
    uint64_t end;   // …behind the newest one
    _Alignas(8) char bytes[RECENT_RING_BYTES];
};

// Zeroed memory is empty. Pages of sources that were silent are never touched.
struct recent {
    uint64_t newest; // sequence of the last line of any source
    struct recent_ring rings[RECENT_SOURCES];
};

struct recent_line {
    uint64_t sequence; // counts lines of all sources
    nsec_t at;         // wall clock
    uint32_t owner;    // whose it was: a source may serve one after the other
    bool is_cut;
    struct str text;
};

// Keeps a line; the oldest ones of its source make room. One writer only. Returns its sequence.
uint64_t recent_add(struct recent *recent, unsigned source, uint32_t owner, nsec_t at,
                    struct str line);

// The same for many lines at once: those that the ring could not keep are only counted. Returns the
// sequence of the last one.
uint64_t recent_add_all(struct recent *recent, unsigned source, uint32_t owner, nsec_t at,
                        const struct str *lines, size_t count);

// Walks through a source from its oldest line: start with *cursor = 0; false at the end. The text
// borrows from the memory until the next line is added.
bool recent_next(const struct recent *recent, unsigned source, uint64_t *cursor,
                 struct recent_line *out);
