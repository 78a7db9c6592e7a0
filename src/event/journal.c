// SPDX-License-Identifier: MIT
// The writer may be killed between any two instructions, so each step is either not yet visible
// or repeatable: the event is written first, `newest` is set next (a release store), and the
// snapshot is brought up to `newest` last; a successor repeats that last step when it opens.
#include "event/journal.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

static void catch_up(struct journal *journal)
{
    struct snapshot *snapshot = &journal->snapshot;
    assert(journal->newest - snapshot->applied <= LIMIT_JOURNAL_EVENTS);
    while (snapshot->applied < journal->newest)
        snapshot_apply(snapshot, &journal->ring[(snapshot->applied + 1) % LIMIT_JOURNAL_EVENTS]);
}

int journal_open(struct journal *journal)
{
    if (journal->version != 0 && journal->version != JOURNAL_VERSION)
        return -EPROTO;
    journal->version = JOURNAL_VERSION;
    catch_up(journal);
    return 0;
}

void journal_append(struct journal *journal, struct event *event)
{
    event->sequence = journal->newest + 1;
    journal->ring[event->sequence % LIMIT_JOURNAL_EVENTS] = *event;
    atomic_signal_fence(memory_order_release);
    journal->newest = event->sequence;
    atomic_signal_fence(memory_order_release);
    catch_up(journal);
}

bool journal_next(const struct journal *journal, struct journal_cursor *cursor, struct event *out,
                  uint64_t *lost)
{
    uint64_t newest = journal->newest;
    // The place behind the newest is written next, or was half written by who died doing so.
    uint64_t oldest = newest < LIMIT_JOURNAL_EVENTS ? 1 : newest - LIMIT_JOURNAL_EVENTS + 2;
    *lost = 0;
    if (cursor->next < oldest) {
        *lost = oldest - cursor->next;
        cursor->next = oldest;
    }
    if (cursor->next > newest)
        return false;
    *out = journal->ring[cursor->next % LIMIT_JOURNAL_EVENTS];
    cursor->next++;
    return true;
}

void snapshot_apply(struct snapshot *snapshot, const struct event *event)
{
    if (event_is_of_formation(event->kind)) {
        snapshot->formation = event->formation;
    } else {
        assert(event->slot < LIMIT_PROCESSES);
        snapshot->processes[event->slot] = event->process;
        if (snapshot->slot_count <= event->slot)
            snapshot->slot_count = event->slot + 1;
    }
    snapshot->applied = event->sequence;
}
