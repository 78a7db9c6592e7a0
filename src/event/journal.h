// SPDX-License-Identifier: MIT
// The memory of a formation: the last events in a ring, and the snapshot that all events so far
// add up to. It has a fixed size, holds no pointer, and survives the death of its writer.
#pragma once

#include "base/limits.h"
#include "event/event.h"

#include <stdbool.h>
#include <stdint.h>

// What is: a fold over events. Index of `processes` is the slot.
struct snapshot {
    uint64_t applied; // sequence of the last event in it
    struct formation_record formation;
    unsigned slot_count; // slots used so far
    struct process_record processes[LIMIT_PROCESSES];
};

struct journal {
    uint32_t version; // layout; 0: never written
    uint64_t newest;  // sequence of the last complete event
    struct snapshot snapshot;
    struct event ring[LIMIT_JOURNAL_EVENTS];
};

// Where a reader stands: `next` is the sequence that it wants next; start with 1 for everything.
struct journal_cursor {
    uint64_t next;
};

#ifndef JOURNAL_VERSION
#define JOURNAL_VERSION 2
#endif

// Takes zeroed memory into use, or continues a journal that an earlier writer left in any
// condition between two instructions. Returns 0, or -EPROTO for another version's layout.
int journal_open(struct journal *journal);

// Appends, numbering the event, and applies it to the snapshot. One writer only.
void journal_append(struct journal *journal, struct event *event);

// Copies the next event for this reader. Returns false when there is none yet. A reader that was
// too slow is moved to the oldest event kept, and `lost` says how many it missed (else 0).
bool journal_next(const struct journal *journal, struct journal_cursor *cursor, struct event *out,
                  uint64_t *lost);

// Applying the same event twice is the same as once.
void snapshot_apply(struct snapshot *snapshot, const struct event *event);
