// SPDX-License-Identifier: MIT
// A sink's counts are in its tray's state, which becomes true at the same moment as what was read,
// so a line is counted or kept, never both, and never neither. The count of a process goes the same
// way: on the desk is that of the one that was counted last, and it is copied to the table of all
// when another one's turn comes; whoever was killed meanwhile has its successor copy it.
#include "manager/drops.h"

#include "manager/sink.h"
#include "manager/state.h"
#include "os/clock.h"
#include "view/sentence.h"

#include <stdio.h>
#include <string.h>

// When so long nothing more was left out, it is over. (A sink that is a bit too slow leaves out
// some lines many times a second.)
#define OVER_AFTER (5 * NSEC_PER_SEC)

static bool is_in_gap(const struct sink *sink)
{
    return sink->tray->state->counts.dropped > sink->tray->state->counts.dropped_told;
}

bool drops_has_room(const struct sink *sink)
{
    size_t most = LIMIT_SINK_QUEUE_BYTES / (is_in_gap(sink) ? 2 : 1);
    return sink->declared->policy == SINK_BLOCK || tray_waiting_bytes(sink->tray) < most;
}

uint64_t drops_of_sink(const struct sink *sink)
{
    return sink->tray->state->counts.dropped + sink->tray->state->counts.refused;
}

// --- by process

// What the desk says is true by now: each read has ended with a commit.
static void settle(struct manager *manager)
{
    const struct desk_state *state = &manager->desk.state;
    if (state->drops_slot < LIMIT_PROCESSES && state->drops_count > 0)
        manager->memory->drops[state->drops_slot] =
            (struct process_drops){state->drops_owner, state->drops_count};
}

void drops_resume(struct manager *manager)
{
    settle(manager);
}

uint64_t drops_of_process(const struct manager *manager, unsigned slot)
{
    const struct desk_state *state = &manager->desk.state;
    const struct process_drops *drops = &manager->memory->drops[slot];
    uint32_t owner = show_owner(supervisor_process(manager->supervisor, slot)->id);
    if (state->drops_slot == slot && state->drops_count > 0)
        return state->drops_owner == owner ? state->drops_count : 0;
    return drops->owner == owner ? drops->count : 0;
}

static void count_for_process(struct manager *manager, unsigned slot, uint32_t owner, size_t count)
{
    struct desk_state *state = &manager->desk.state;
    if (state->drops_slot != slot || state->drops_owner != owner || state->drops_count == 0) {
        settle(manager);
        const struct process_drops *drops = &manager->memory->drops[slot];
        state->drops_slot = slot;
        state->drops_owner = owner;
        state->drops_count = drops->owner == owner ? drops->count : 0;
    }
    state->drops_count += count;
    if (!manager->desk.memory)
        settle(manager);
}

// --- by sink

void drops_count(struct sink *sink, unsigned source, uint32_t owner, size_t count)
{
    sink->tray->state->counts.dropped += count;
    sink->drop_cause = sink->is_failing ? DROP_FAILING : DROP_SLOW;
    if (source < LIMIT_PROCESSES && !(owner & SHOW_IS_NOTE))
        count_for_process(sink->manager, source, show_owner(show_process(owner)), count);
}

static void tell_one(struct sink *sink, uint64_t count, const char *where, enum drop_cause cause)
{
    struct buffer text = {0};
    if (count == 0)
        return;
    sentence_dropped(&text, count, where, str_of(sink->name), cause);
    sink_note(sink, buffer_str(&text));
    buffer_fini(&text);
}

void drops_tell(struct sink *sink)
{
    struct tray_counts *counts = &sink->tray->state->counts;
    tell_one(sink, counts->dropped - counts->dropped_told, " here",
             sink->drop_cause == DROP_FAILING ? DROP_FAILING : DROP_SLOW);
    tell_one(sink, counts->refused - counts->refused_told, "", DROP_REFUSED);
    counts->dropped_told = counts->dropped;
    counts->refused_told = counts->refused;
}

void drops_tell_others(struct manager *manager, const char *name, struct str sentence)
{
    const size_t most = sizeof(((struct sink_record *)NULL)->name) - 1; // it may be cut
    struct sink *its = NULL;
    for (size_t i = 0; i < manager->sink_count; i++)
        if (strncmp(manager->sinks[i].name, name, most) == 0)
            its = &manager->sinks[i];
    if (its)
        its->is_spoken_of = true;
    show_system(&manager->show, sentence);
    if (its)
        its->is_spoken_of = false;
}

static void report(struct sink *sink, enum event_kind kind)
{
    struct tray_counts *counts = &sink->tray->state->counts;
    struct event event = {
        .kind = (uint16_t)kind,
        .detail = (int32_t)sink->drop_cause,
        .sink.total = drops_of_sink(sink),
        .sink.dropped = drops_of_sink(sink) - counts->reported,
    };
    memcpy(event.sink.name, sink->name, strnlen(sink->name, sizeof(event.sink.name) - 1));
    counts->is_reporting = kind == EVENT_SINK_DROPPING;
    if (kind == EVENT_SINK_DROPPED)
        counts->reported = event.sink.total;
    decide_record(sink->manager, &event);
}

static void work_at(struct sink *sink, nsec_t now)
{
    struct tray_counts *counts = &sink->tray->state->counts;
    uint64_t total = drops_of_sink(sink);
    if (is_in_gap(sink) && drops_has_room(sink))
        drops_tell(sink);
    if (total == counts->reported)
        return;
    if (counts->refused > sink->refused_seen)
        sink->drop_cause = DROP_REFUSED;
    if (total != sink->drops_seen)
        sink->drops_over_at = now + OVER_AFTER;
    sink->drops_seen = total;
    sink->refused_seen = counts->refused;
    if (!counts->is_reporting)
        report(sink, EVENT_SINK_DROPPING);
    else if (!is_in_gap(sink) && sink->drops_over_at <= now)
        report(sink, EVENT_SINK_DROPPED);
}

void drops_work(struct manager *manager)
{
    for (size_t i = 0; i < manager->sink_count; i++)
        if (manager->sinks[i].declared->policy == SINK_DROP || drops_of_sink(&manager->sinks[i]))
            work_at(&manager->sinks[i], clock_now());
}

void drops_finish(struct manager *manager)
{
    for (size_t i = 0; i < manager->sink_count; i++) {
        struct sink *sink = &manager->sinks[i];
        drops_tell(sink);
        if (drops_of_sink(sink) > sink->tray->state->counts.reported)
            report(sink, EVENT_SINK_DROPPED);
    }
}

nsec_t drops_due_at(const struct manager *manager)
{
    nsec_t at = NSEC_NEVER;
    for (size_t i = 0; i < manager->sink_count; i++) {
        const struct sink *sink = &manager->sinks[i];
        if (sink->tray->state->counts.is_reporting && !is_in_gap(sink) && sink->drops_over_at < at)
            at = sink->drops_over_at;
    }
    return at;
}
