// SPDX-License-Identifier: MIT
// The entrance: one switch over inputs, and the deadline that the caller must keep.
//
// Deadlines are not kept in a queue. wake_at is the earliest that was ever set since the last
// look at all of them; coming back too early costs one look, and nothing can be forgotten.
#include "supervise/supervise.h"

#include "supervise/state.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct supervisor *supervisor_new(uint64_t seed)
{
    struct supervisor *supervisor = calloc(1, sizeof(*supervisor));
    if (supervisor)
        supervisor_reset(supervisor, seed);
    return supervisor;
}

void supervisor_reset(struct supervisor *supervisor, uint64_t seed)
{
    memset(supervisor, 0,
           offsetof(struct supervisor, processes) +
               supervisor->slot_count * sizeof(supervisor->processes[0]));
    supervisor->random.state = seed;
    supervisor->wake_at = NSEC_NEVER;
    supervisor->formation.deadline = NSEC_NEVER;
}

void supervisor_free(struct supervisor *supervisor)
{
    free(supervisor);
}

void supervisor_restore(struct supervisor *supervisor, const struct snapshot *snapshot,
                        const struct plan *plan)
{
    assert(supervisor->slot_count == 0);
    supervisor->plan = plan;
    if (snapshot->applied == 0)
        return;              // nothing was ever written: a new formation
    supervisor->wake_at = 0; // look at every deadline first
    supervisor->formation = snapshot->formation;
    if (supervisor->formation.phase == FORMATION_RUNNING)
        supervisor->formation.deadline = NSEC_NEVER; // no event of the formation yet
    supervisor->slot_count = snapshot->slot_count;
    for (unsigned slot = 0; slot < snapshot->slot_count; slot++) {
        supervisor->processes[slot] = snapshot->processes[slot];
        supervisor->state_count[snapshot->processes[slot].state]++;
        if (plan && snapshot->processes[slot].state != PROCESS_VACANT)
            roll_restore(supervisor, slot);
    }
}

static void look_at_deadlines(struct supervisor *supervisor)
{
    supervisor->wake_at = NSEC_NEVER;
    formation_time(supervisor);
    for (unsigned slot = 0; slot < supervisor->slot_count; slot++) {
        struct process_record *process = &supervisor->processes[slot];
        if (process->deadline <= supervisor->now)
            process_time(supervisor, slot);
        if (process->deadline < supervisor->wake_at)
            supervisor->wake_at = process->deadline;
    }
    if (supervisor->formation.deadline < supervisor->wake_at)
        supervisor->wake_at = supervisor->formation.deadline;
}

// All that a person has asked for at once, before anything follows from it.
static void feed_slots(struct supervisor *supervisor, const struct input *input)
{
    struct input one = *input;
    for (size_t i = 0; i < (input->slots ? input->slot_count : 1); i++) {
        one.slot = input->slots ? input->slots[i] : input->slot;
        if (one.slot < supervisor->slot_count)
            process_input(supervisor, &one);
    }
}

void supervise_step(struct supervisor *supervisor, const struct input *input, struct outcome *out)
{
    supervisor->now = input->now;
    supervisor->event_count = 0;
    supervisor->action_count = 0;
    switch (input->kind) {
    case INPUT_PLAN:
        formation_plan(supervisor, input->plan);
        break;
    case INPUT_STOP:
        formation_stop(supervisor, input->value, true, 0);
        break;
    case INPUT_KILL:
        formation_kill(supervisor);
        break;
    case INPUT_TIME:
        look_at_deadlines(supervisor);
        break;
    case INPUT_SPAWNED:
    case INPUT_SPAWN_FAILED:
    case INPUT_READY:
    case INPUT_UNREADY:
    case INPUT_EXITED:
    case INPUT_LEFT:
    case INPUT_EMPTIED:
    case INPUT_RESTART:
    case INPUT_ROLL:
    case INPUT_HALT:
    case INPUT_START:
    case INPUT_EXTEND:
    case INPUT_UNRESPONSIVE:
        feed_slots(supervisor, input);
        break;
    }
    if (supervisor->plan)
        formation_settle(supervisor);
    *out = (struct outcome){
        .events = supervisor->events,
        .event_count = supervisor->event_count,
        .actions = supervisor->actions,
        .action_count = supervisor->action_count,
        .wake_at = supervisor->wake_at,
    };
}

const struct process_record *supervisor_process(const struct supervisor *supervisor, unsigned slot)
{
    assert(slot < supervisor->slot_count);
    return &supervisor->processes[slot];
}

unsigned supervisor_slot_count(const struct supervisor *supervisor)
{
    return supervisor->slot_count;
}

const struct formation_record *supervisor_formation(const struct supervisor *supervisor)
{
    return &supervisor->formation;
}
