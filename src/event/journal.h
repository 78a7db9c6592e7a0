// SPDX-License-Identifier: MIT
// The memory of a formation: the last events in a ring, and the snapshot that all events so far
// add up to. It has a fixed size, holds no pointer, and survives the death of its writer: what was
// appended at once is there whole or not at all.
#pragma once

#include "base/limits.h"
#include "event/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What is: a fold over events. Index of `processes` is the slot.
struct snapshot {
    uint64_t applied; // sequence of the last event in it
    struct formation_record formation;
    unsigned slot_count; // slots used so far
    struct process_record processes[LIMIT_PROCESSES];
};

// Events that are appended at once: what one decision may come to, at worst. For a place: its pause
// is over, or a roll that is halted takes its mark (2); it is one too many: finished, removed (2);
// somebody else gets it: placed, starting (2). The formation itself has a handful.
enum { JOURNAL_BATCH = 8 * LIMIT_PROCESSES + 16 };

struct journal {
    uint32_t version; // layout; 0: never written
    uint32_t batch_count;
    uint64_t newest; // sequence of the last event that counts
    struct snapshot snapshot;
    struct event ring[LIMIT_JOURNAL_EVENTS];
    struct event batch[JOURNAL_BATCH]; // the last ones appended; the rest was never written and
                                       // costs nothing
};

// Where a reader stands: `next` is the sequence that it wants next; start with 1 for everything.
struct journal_cursor {
    uint64_t next;
};

#ifndef JOURNAL_VERSION
#define JOURNAL_VERSION 4
#endif

// Takes zeroed memory into use, or continues a journal that an earlier writer left in any
// condition between two instructions. Returns 0, or -EPROTO for another version's layout.
int journal_open(struct journal *journal);

// Appends all of them or, if the writer dies, none; numbers them, and applies them to the snapshot.
// One writer only. count ≤ JOURNAL_BATCH.
void journal_append(struct journal *journal, struct event *events, size_t count);

// Copies the next event for this reader. Returns false when there is none yet. A reader that was
// too slow is moved to the oldest event kept, and `lost` says how many it missed (else 0).
bool journal_next(const struct journal *journal, struct journal_cursor *cursor, struct event *out,
                  uint64_t *lost);

// Applying the same event twice is the same as once.
void snapshot_apply(struct snapshot *snapshot, const struct event *event);
