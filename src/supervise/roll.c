// SPDX-License-Identifier: MIT
// Rolling restarts. There is no list of whose turn it is: marks in the records say who is still to
// be restarted (ROLL) and who was and has not proven itself (ROLLED), so a roll goes on under the
// next manager, and beside scaling, crashes and other requests.
#include "supervise/state.h"

// A process whose readiness nobody checks has proven itself when it was up for so long.
#define ROLL_SETTLE NSEC_PER_SEC

enum { MARKS = RECORD_ROLL | RECORD_ROLLED };

// A type's processes, as far as a roll is concerned.
struct tally {
    unsigned wanted;    // those of the plan that are not finished
    unsigned available; // ready and not about to be stopped
    bool is_marked;
};

static void begin_surge(struct supervisor *supervisor, unsigned type)
{
    const struct process_type *its = &supervisor->plan->types[type];
    unsigned room = LIMIT_PROCESSES - its->quantity;
    unsigned surge = its->policy.roll_surge < room ? its->policy.roll_surge : room;
    supervisor->must_replan = supervisor->must_replan || supervisor->surge[type] != surge;
    supervisor->surge[type] = (uint16_t)surge;
}

static void end_surge(struct supervisor *supervisor, unsigned type)
{
    supervisor->must_replan = supervisor->must_replan || supervisor->surge[type] > 0;
    supervisor->surge[type] = 0;
}

void roll_restore(struct supervisor *supervisor, unsigned slot)
{
    const struct process_record *process = &supervisor->processes[slot];
    if (!(process->flags & MARKS))
        return;
    supervisor->is_rolling = true;
    begin_surge(supervisor, process->id.type);
}

void roll_mark(struct supervisor *supervisor, unsigned slot)
{
    const struct process_record *process = &supervisor->processes[slot];
    if (supervisor->formation.phase != FORMATION_RUNNING || !(process->flags & RECORD_WANTED) ||
        process->id.number > supervisor->plan->types[process->id.type].quantity)
        return;
    if (process->state == PROCESS_FINISHED) { // it serves nobody
        process_restart(supervisor, slot);
        return;
    }
    process_amend(supervisor, slot, RECORD_ROLL, 0, process->crashes);
    supervisor->is_rolling = true;
    begin_surge(supervisor, process->id.type);
}

static void restart_marked(struct supervisor *supervisor, unsigned slot)
{
    struct process_record *process = &supervisor->processes[slot];
    switch ((enum process_state)process->state) {
    case PROCESS_RUNNING:
    case PROCESS_READY:
    case PROCESS_BACKOFF:
        process->flags = (uint8_t)((process->flags | RECORD_ROLLED) & ~RECORD_ROLL);
        process_restart(supervisor, slot);
        break;
    case PROCESS_STARTING:
    case PROCESS_STOPPING:
    case PROCESS_EXITED:
        process_amend(supervisor, slot, RECORD_RESTART | RECORD_ROLLED, RECORD_ROLL | RECORD_ASKED,
                      0);
        break;
    case PROCESS_WAITING: // what it will be started as is new
    case PROCESS_FINISHED:
    case PROCESS_VACANT:
    case PROCESS_STATE_COUNT:
        process_amend(supervisor, slot, 0, MARKS, process->crashes);
        break;
    }
}

// Takes the mark from one that was restarted and has been up for long enough.
static void prove(struct supervisor *supervisor, unsigned slot)
{
    const struct process_record *process = &supervisor->processes[slot];
    nsec_t proven_at = process->ready_at + ROLL_SETTLE;
    if (!(process->flags & RECORD_ROLLED) || process->state != PROCESS_READY)
        return;
    if (supervisor->now >= proven_at)
        process_amend(supervisor, slot, 0, RECORD_ROLLED, process->crashes);
    else if (proven_at < supervisor->wake_at)
        supervisor->wake_at = proven_at;
}

static void count(struct supervisor *supervisor, struct tally *tallies)
{
    for (unsigned slot = 0; slot < supervisor->slot_count; slot++) {
        const struct process_record *process = &supervisor->processes[slot];
        struct tally *tally = &tallies[process->id.type];
        if (process->state == PROCESS_VACANT || !(process->flags & RECORD_WANTED))
            continue;
        prove(supervisor, slot);
        bool is_extra = process->id.number > supervisor->plan->types[process->id.type].quantity;
        tally->wanted += !is_extra && process->state != PROCESS_FINISHED;
        tally->available += process->state == PROCESS_READY && !(process->flags & RECORD_ROLLED);
        tally->is_marked = tally->is_marked || process->flags & MARKS;
    }
}

// The one with the lowest number among those that are ready and marked; slot_count: none.
static unsigned next_ready(const struct supervisor *supervisor, unsigned type)
{
    unsigned next = supervisor->slot_count;
    for (unsigned slot = 0; slot < supervisor->slot_count; slot++) {
        const struct process_record *process = &supervisor->processes[slot];
        if (process->state == PROCESS_READY && process->flags & RECORD_ROLL &&
            process->id.type == type &&
            (next == supervisor->slot_count ||
             process->id.number < supervisor->processes[next].id.number))
            next = slot;
    }
    return next;
}

static void advance_type(struct supervisor *supervisor, unsigned type, struct tally *tally)
{
    unsigned spare = supervisor->plan->types[type].policy.roll_max_unavailable;
    while (tally->available > 0 && tally->available - 1 + spare >= tally->wanted) {
        unsigned slot = next_ready(supervisor, type);
        if (slot == supervisor->slot_count)
            return;
        restart_marked(supervisor, slot);
        tally->available--;
    }
}

void roll_advance(struct supervisor *supervisor)
{
    struct tally tallies[LIMIT_TYPES] = {{0}};
    supervisor->is_rolling = false;
    count(supervisor, tallies);
    for (unsigned slot = 0; slot < supervisor->slot_count; slot++) {
        const struct process_record *process = &supervisor->processes[slot];
        if (process->state != PROCESS_VACANT && process->state != PROCESS_READY &&
            process->flags & RECORD_ROLL) // it serves nobody, so nothing is lost by it
            restart_marked(supervisor, slot);
    }
    for (unsigned type = 0; type < supervisor->plan->type_count; type++) {
        if (tallies[type].is_marked)
            advance_type(supervisor, type, &tallies[type]);
        else
            end_surge(supervisor, type);
        supervisor->is_rolling = supervisor->is_rolling || tallies[type].is_marked;
    }
}

void roll_halt(struct supervisor *supervisor, unsigned culprit)
{
    unsigned type = supervisor->processes[culprit].id.type;
    int left = 0;
    for (unsigned slot = 0; slot < supervisor->slot_count; slot++) {
        const struct process_record *process = &supervisor->processes[slot];
        if (process->state == PROCESS_VACANT || process->id.type != type)
            continue;
        left += (process->flags & RECORD_ROLL) != 0;
        process_amend(supervisor, slot, 0, MARKS, process->crashes);
    }
    end_surge(supervisor, type);
    outcome_event(supervisor, culprit, EVENT_ROLL_HALTED, left);
}
