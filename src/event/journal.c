// SPDX-License-Identifier: MIT
// The writer may be killed between any two instructions, so each step is either not yet visible
// or repeatable: the events are written to the batch first, which nobody reads; `newest` is set
// next (a release store), by which all of them count; then ring and snapshot are brought up to
// `newest`, and a successor repeats that last step when it opens.
#include "event/journal.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

static void catch_up(struct journal *journal)
{
    struct snapshot *snapshot = &journal->snapshot;
    assert(journal->newest <= snapshot->applied + journal->batch_count);
    while (snapshot->applied < journal->newest) {
        uint64_t left = journal->newest - snapshot->applied;
        const struct event *event = &journal->batch[journal->batch_count - left];
        journal->ring[event->sequence % LIMIT_JOURNAL_EVENTS] = *event;
        snapshot_apply(snapshot, event);
    }
}

int journal_open(struct journal *journal)
{
    if (journal->version != 0 && journal->version != JOURNAL_VERSION)
        return -EPROTO;
    journal->version = JOURNAL_VERSION;
    catch_up(journal);
    return 0;
}

void journal_append(struct journal *journal, struct event *events, size_t count)
{
    assert(count <= JOURNAL_BATCH);
    for (size_t i = 0; i < count; i++)
        events[i].sequence = journal->newest + 1 + i;
    if (count > 0)
        memcpy(journal->batch, events, count * sizeof(*events));
    journal->batch_count = (uint32_t)count;
    atomic_signal_fence(memory_order_release);
    journal->newest += count;
    atomic_signal_fence(memory_order_release);
    catch_up(journal);
}

bool journal_next(const struct journal *journal, struct journal_cursor *cursor, struct event *out,
                  uint64_t *lost)
{
    uint64_t newest = journal->newest;
    uint64_t oldest = newest < LIMIT_JOURNAL_EVENTS ? 1 : newest - LIMIT_JOURNAL_EVENTS + 1;
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
    } else if (event_is_of_process(event->kind)) {
        assert(event->slot < LIMIT_PROCESSES);
        snapshot->processes[event->slot] = event->process;
        if (snapshot->slot_count <= event->slot)
            snapshot->slot_count = event->slot + 1;
    }
    atomic_signal_fence(memory_order_release); // an event that is applied by half is repeated
    snapshot->applied = event->sequence;
}
