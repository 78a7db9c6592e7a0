// SPDX-License-Identifier: MIT
// The shell around supervise, in the order that makes it safe to be killed anywhere: an outcome's
// events are journaled first, all or none, its actions carried out after that. What was journaled
// and not carried out is found and carried out by the next manager (recover.c).
#include "manager/serve.h"
#include "manager/state.h"

#include "os/clock.h"

#include <assert.h>

void decide_later(struct manager *manager, struct input input)
{
    assert(manager->input_count < INPUT_QUEUE);
    size_t at = (manager->input_first + manager->input_count) % INPUT_QUEUE;
    manager->inputs[at] = input;
    manager->input_count++;
}

// What is ours of a process whose end was decided on.
static void follow(struct manager *manager, const struct event *event)
{
    struct process *process = process_of(manager, event->slot);
    if (event->kind == EVENT_EXITED && process)
        attach_end_of(process);
    else if (event->kind == EVENT_REMOVED)
        process_close(manager, event->slot);
}

static void decide(struct manager *manager, struct input *input)
{
    struct outcome outcome;
    input->now = clock_now();
    supervise_step(manager->supervisor, input, &outcome);
    journal_append(manager->journal, outcome.events, outcome.event_count);
    for (size_t i = 0; i < outcome.event_count && manager->subscriptions; i++) {
        listen_hear(manager, &outcome.events[i]);
        wait_hear(manager, &outcome.events[i]);
    }
    tell(manager, outcome.events, outcome.event_count);
    manager->desk.state.told = manager->journal->newest;
    for (size_t i = 0; i < outcome.event_count; i++)
        watch_hear(manager, &outcome.events[i]);
    for (size_t i = 0; i < outcome.event_count; i++)
        follow(manager, &outcome.events[i]);
    for (size_t i = 0; i < outcome.action_count; i++)
        act(manager, &outcome.actions[i]);
    manager->wake_at = outcome.wake_at;
}

void decide_record(struct manager *manager, struct event *event)
{
    event->at = clock_now();
    journal_append(manager->journal, event, 1);
    listen_hear(manager, event);
    tell(manager, event, 1);
    manager->desk.state.told = manager->journal->newest;
}

void decide_all(struct manager *manager)
{
    if (manager->wake_at <= clock_now())
        decide_later(manager, (struct input){.kind = INPUT_TIME});
    while (manager->input_count > 0) {
        struct input input = manager->inputs[manager->input_first];
        manager->input_first = (manager->input_first + 1) % INPUT_QUEUE;
        manager->input_count--;
        if (manager->input_count == 0)
            manager->input_first = 0; // else a quiet day would touch every page of the queue
        decide(manager, &input);
    }
}
