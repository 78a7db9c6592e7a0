// SPDX-License-Identifier: MIT
// The single place where state changes and outcomes are written, so that the table of states is
// checked always and no change goes without an event that carries it.
#include "supervise/state.h"

#include <assert.h>

static struct event *next_event(struct supervisor *supervisor, enum event_kind kind, int detail)
{
    assert(supervisor->event_count < OUTCOME_CAPACITY);
    struct event *event = &supervisor->events[supervisor->event_count++];
    *event = (struct event){.at = supervisor->now, .kind = (uint16_t)kind, .detail = detail};
    return event;
}

void outcome_event(struct supervisor *supervisor, unsigned slot, enum event_kind kind, int detail)
{
    struct event *event = next_event(supervisor, kind, detail);
    event->slot = (uint16_t)slot;
    event->process = supervisor->processes[slot];
}

void outcome_formation_event(struct supervisor *supervisor, enum event_kind kind, int detail)
{
    next_event(supervisor, kind, detail)->formation = supervisor->formation;
}

void outcome_action(struct supervisor *supervisor, enum action_kind kind, unsigned slot, int value)
{
    assert(supervisor->action_count < OUTCOME_CAPACITY);
    supervisor->actions[supervisor->action_count++] = (struct action){
        .kind = kind,
        .slot = slot,
        .token = supervisor->processes[slot].token,
        .value = value,
    };
}

void outcome_deadline(struct supervisor *supervisor, nsec_t *deadline, nsec_t at)
{
    *deadline = at;
    if (at < supervisor->wake_at)
        supervisor->wake_at = at;
}

void process_enter(struct supervisor *supervisor, unsigned slot, enum process_state state,
                   nsec_t deadline)
{
    struct process_record *process = &supervisor->processes[slot];
    assert(process_state_allows(process->state, state));
    supervisor->state_count[process->state]--;
    supervisor->state_count[state]++;
    process->state = (uint8_t)state;
    process->since = supervisor->now;
    outcome_deadline(supervisor, &process->deadline, deadline);
}
