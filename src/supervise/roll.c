// SPDX-License-Identifier: MIT
// Rolling restarts. There is no list of whose turn it is: marks in the records say who is still to
// be restarted (ROLL) and who was and has not proven itself (ROLLED), so a roll goes on under the
// next manager, and beside scaling, crashes and other requests. Whom a new plan rolls is no request
// of its own, either: the revision in its record is not that of its type.
//
// A mark of ROLL stays only with who is ready: everybody else serves nobody and is restarted in
// the step that marks it. Extra processes (surge) are ROLLED from the beginning and never ROLL.
#include "supervise/state.h"

// A process whose readiness nobody checks has proven itself when it was up for so long.
#define ROLL_SETTLE NSEC_PER_SEC

// A type's processes, as far as a roll is concerned.
struct tally {
    unsigned wanted;      // those of the plan that are neither finished nor wait for others
    unsigned available;   // ready, proven, and not about to be stopped …
    unsigned spare_parts; // … those of them that are extra
    unsigned extra;       // that are not finished
    bool is_marked;
};

static void begin_surge(struct supervisor *supervisor, unsigned type)
{
    supervisor->is_rolling = true;
    supervisor->must_replan = supervisor->must_replan || !supervisor->has_surge[type];
    supervisor->has_surge[type] = true;
}

static void end_surge(struct supervisor *supervisor, unsigned type)
{
    supervisor->must_replan = supervisor->must_replan || supervisor->has_surge[type];
    supervisor->has_surge[type] = false;
}

void roll_restore(struct supervisor *supervisor, unsigned slot)
{
    const struct process_record *process = &supervisor->processes[slot];
    if (process->flags & RECORD_MARKS && process->flags & RECORD_WANTED &&
        !formation_has_surplus(supervisor, slot))
        begin_surge(supervisor, process->id.type);
}

void roll_mark(struct supervisor *supervisor, unsigned slot)
{
    const struct process_record *process = &supervisor->processes[slot];
    if (supervisor->formation.phase != FORMATION_RUNNING || !(process->flags & RECORD_WANTED) ||
        formation_has_surplus(supervisor, slot) || process->state == PROCESS_WAITING)
        return;                               // who goes anyway, and who has not been started yet
    if (process->state == PROCESS_FINISHED) { // it serves nobody, and will not fail by this
        process_restart(supervisor, slot);
        return;
    }
    process_amend(supervisor, slot, RECORD_ROLL, 0, process->crashes);
    begin_surge(supervisor, process->id.type);
}

void roll_review(struct supervisor *supervisor, unsigned slot)
{
    const struct process_record *process = &supervisor->processes[slot];
    const unsigned restarting = RECORD_RESTART | RECORD_ROLLED;
    // Who waits, is finished, or is to be, will be started by the new revision, if ever.
    bool is_idle = process->state == PROCESS_VACANT || process->state == PROCESS_WAITING ||
                   process->state == PROCESS_FINISHED || process->flags & RECORD_ASKED;
    if (!is_idle && is_outdated(supervisor, process) && (process->flags & restarting) != restarting)
        roll_mark(supervisor, slot);
}

static void restart_marked(struct supervisor *supervisor, unsigned slot)
{
    struct process_record *process = &supervisor->processes[slot];
    switch ((enum process_state)process->state) {
    case PROCESS_RUNNING:
    case PROCESS_READY:
    case PROCESS_BACKOFF:
        process->flags |= RECORD_ROLLED;
        process_restart(supervisor, slot);
        break;
    case PROCESS_STARTING: // by the old plan, perhaps: stopped once its pid is known
    case PROCESS_STOPPING:
    case PROCESS_EXITED:
        process_amend(supervisor, slot, RECORD_RESTART | RECORD_ROLLED, RECORD_ROLL | RECORD_ASKED,
                      0);
        break;
    case PROCESS_WAITING:
    case PROCESS_FINISHED:
    case PROCESS_VACANT:
    case PROCESS_STATE_COUNT:
        break;
    }
}

// Restarts who serves nobody.
static void advance_idle(struct supervisor *supervisor)
{
    for (unsigned slot = 0; slot < supervisor->slot_count; slot++) {
        const struct process_record *process = &supervisor->processes[slot];
        if (process->state != PROCESS_READY && process->flags & RECORD_ROLL)
            restart_marked(supervisor, slot);
    }
}

// Takes the mark from one that was restarted and has been up for long enough.
static void prove(struct supervisor *supervisor, unsigned slot)
{
    const struct process_record *process = &supervisor->processes[slot];
    if (!(process->flags & RECORD_ROLLED) || process->state != PROCESS_READY)
        return;
    nsec_t proven_at = process->ready_at + ROLL_SETTLE;
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
        bool is_available = process->state == PROCESS_READY && !(process->flags & RECORD_ROLLED);
        tally->available += is_available;
        if (formation_has_surplus(supervisor, slot)) {
            tally->spare_parts += is_available;
            tally->extra += process->state != PROCESS_FINISHED;
        } else {
            tally->wanted +=
                process->state != PROCESS_FINISHED && process->state != PROCESS_WAITING;
            tally->is_marked = tally->is_marked || process->flags & RECORD_MARKS;
        }
    }
}

// How many may be missing. Where no extra process can be had, for want of places or because it is
// finished, one must be: else nobody would ever be replaced.
static unsigned unavailable_most(const struct supervisor *supervisor, unsigned type,
                                 const struct tally *tally)
{
    unsigned most = supervisor->plan->types[type].policy.roll_max_unavailable;
    return most == 0 && tally->extra == 0 ? 1 : most;
}

// Restarts those that are ready and marked, lowest number first, as far as there are enough.
static void advance_ready(struct supervisor *supervisor, unsigned type, struct tally *tally)
{
    unsigned most = unavailable_most(supervisor, type, tally);
    unsigned quantity = supervisor->plan->types[type].quantity;
    if (tally->available == 0 || tally->available - 1 + most < tally->wanted)
        return;
    for (unsigned number = 1; number <= quantity; number++)
        supervisor->slot_of[number] = LIMIT_PROCESSES;
    for (unsigned slot = 0; slot < supervisor->slot_count; slot++) {
        const struct process_record *process = &supervisor->processes[slot];
        if (process->state == PROCESS_READY && process->flags & RECORD_ROLL &&
            process->id.type == type && process->id.number <= quantity)
            supervisor->slot_of[process->id.number] = (uint16_t)slot;
    }
    for (unsigned number = 1; number <= quantity; number++) {
        unsigned slot = supervisor->slot_of[number];
        if (slot == LIMIT_PROCESSES)
            continue;
        // One that has not proven itself since the last roll is not among the available.
        bool was_available = !(supervisor->processes[slot].flags & RECORD_ROLLED);
        if (tally->available == 0 || tally->available - 1 + most < tally->wanted)
            break;
        restart_marked(supervisor, slot);
        tally->available -= was_available;
    }
}

void roll_advance(struct supervisor *supervisor)
{
    struct tally tallies[LIMIT_TYPES] = {{0}};
    advance_idle(supervisor);
    count(supervisor, tallies);
    supervisor->is_rolling = false;
    for (unsigned type = 0; type < supervisor->plan->type_count; type++) {
        struct tally *tally = &tallies[type];
        unsigned lasting = tally->available - tally->spare_parts;
        if (tally->is_marked)
            advance_ready(supervisor, type, tally);
        else if (lasting + unavailable_most(supervisor, type, tally) >= tally->wanted)
            end_surge(supervisor, type); // also after a halt not before the others suffice
        supervisor->is_rolling =
            supervisor->is_rolling || tally->is_marked || supervisor->has_surge[type];
    }
}

// Who was not restarted runs on as it does: the next plan, too, leaves it alone.
void roll_halt(struct supervisor *supervisor, unsigned culprit)
{
    struct process_record *guilty = &supervisor->processes[culprit];
    unsigned revision = supervisor->plan->types[guilty->id.type].revision;
    int left = (guilty->flags & RECORD_ROLL) != 0;
    for (unsigned slot = 0; slot < supervisor->slot_count; slot++) {
        struct process_record *process = &supervisor->processes[slot];
        if (slot == culprit || !(process->flags & RECORD_MARKS) ||
            process->state == PROCESS_VACANT || process->id.type != guilty->id.type)
            continue;
        left += (process->flags & RECORD_ROLL) != 0;
        if (process->flags & RECORD_ROLL)
            process->revision = revision;
        process_amend(supervisor, slot, 0, RECORD_MARKS, process->crashes);
    }
    guilty->flags &= (uint8_t)~RECORD_MARKS;
    outcome_event(supervisor, culprit, EVENT_ROLL_HALTED, left);
}
