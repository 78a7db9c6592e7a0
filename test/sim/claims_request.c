// SPDX-License-Identifier: MIT
// What people ask of single processes, and the order in which types are started.
#include "sim/claims.h"

#include <signal.h>
#include <string.h>

#define SECOND_INTERRUPT (100 * NSEC_PER_MSEC) // sooner it is the same key, told twice

void claim_halted_stays_halted(struct check *check)
{
    for (size_t i = 0; i < check->outcome->action_count; i++) {
        const struct action *action = &check->outcome->actions[i];
        if (action->kind == ACTION_SPAWN)
            claim(check, !check->halted[action->slot]);
    }
}

void claim_halted_is_finished(struct check *check)
{
    for (unsigned slot = 0; slot < check->slot_count; slot++) {
        const struct process_record *process = now_of(check, slot);
        if (check->halted[slot] && is_there(process) && phase(check) == FORMATION_RUNNING)
            claim(check, (process->state == PROCESS_FINISHED && process->flags & RECORD_ASKED) ||
                             world_is_unkillable(&check->world->bodies[slot]));
    }
}

// Whether it holds up those that are to be started after its type.
static bool is_missing(const struct process_record *process)
{
    bool is_done = process->exit_status == 0 && !(process->flags & RECORD_FAILED);
    if (!is_there(process) || process->state == PROCESS_READY)
        return false;
    return process->state != PROCESS_FINISHED || !(is_done || process->flags & RECORD_ASKED);
}

bool check_must_wait(const struct check *check, unsigned slot)
{
    const struct process_type *type = &check->shell->plan->types[now_of(check, slot)->id.type];
    if (is_extra(check, now_of(check, slot)))
        return false;
    for (size_t i = 0; i < type->after_count; i++)
        for (unsigned other = 0; other < slot_count(check); other++)
            if (now_of(check, other)->id.type == type->after[i] && is_missing(now_of(check, other)))
                return true;
    return false;
}

void claim_order_is_kept(struct check *check)
{
    for (unsigned slot = 0; slot < slot_count(check); slot++) {
        const struct process_record *process = now_of(check, slot);
        const struct process_record *before = before_of(check, slot);
        bool is_first = before->state == PROCESS_WAITING || before->state == PROCESS_VACANT;
        bool is_by_request = check->input->kind == INPUT_START && is_asked(check->input, slot);
        if (process->state == PROCESS_WAITING && !check->is_restored)
            claim(check, check_must_wait(check, slot) || phase(check) != FORMATION_RUNNING);
        else if (process->state == PROCESS_STARTING && is_first)
            claim(check, is_by_request || !check_must_wait(check, slot));
    }
}

void claim_second_interrupt_kills(struct check *check)
{
    const struct input *input = check->input;
    bool kills = false;
    if (input->kind != INPUT_STOP)
        return;
    for (size_t i = 0; i < check->outcome->event_count; i++)
        kills |= check->outcome->events[i].kind == EVENT_FORMATION_KILLING;
    bool is_second = check->phase == FORMATION_STOPPING && input->value == SIGINT &&
                     check->world->now - check->asked_at >= SECOND_INTERRUPT;
    claim(check, kills == is_second);
}

static bool is_about_some(enum input_kind kind)
{
    return kind == INPUT_RESTART || kind == INPUT_ROLL || kind == INPUT_HALT ||
           kind == INPUT_START || kind == INPUT_EXTEND || kind == INPUT_UNRESPONSIVE;
}

// In a roll, more may follow from any step; the next manager makes that decision as well.
static bool is_in_roll(const struct check *check, unsigned slot)
{
    return before_of(check, slot)->flags & MARKS || is_extra(check, before_of(check, slot));
}

void claim_request_is_one_event(struct check *check)
{
    for (size_t i = 0; i < asked_count(check->input); i++) {
        unsigned slot = asked_slot(check->input, i), count = 0;
        const struct event *first = NULL;
        if (!is_about_some(check->input->kind) || slot >= check->slot_count ||
            is_in_roll(check, slot) || before_of(check, slot)->state == PROCESS_VACANT)
            continue;
        for (size_t at = 0; at < check->outcome->event_count; at++) {
            const struct event *event = &check->outcome->events[at];
            bool is_its = !event_is_of_formation(event->kind) && event->slot == slot;
            first = is_its && !first ? event : first;
            count += is_its;
        }
        if (check->input->kind == INPUT_ROLL && count > 1)
            claim(check, first->process.flags & RECORD_ROLL);
        else
            claim(check, count <= 1);
    }
}

void claim_requests_do_no_more(struct check *check)
{
    if (!is_about_some(check->input->kind))
        return;
    for (unsigned slot = 0; slot < check->slot_count; slot++) {
        const struct process_record *before = before_of(check, slot);
        bool is_apart = !is_asked(check->input, slot) && before->state != PROCESS_VACANT &&
                        before->state != PROCESS_WAITING && !is_in_roll(check, slot);
        if (is_apart)
            claim(check, memcmp(before, now_of(check, slot), sizeof(*before)) == 0);
    }
}

void claim_extension_is_later(struct check *check)
{
    unsigned slot = check->input->slot;
    if (check->input->kind != INPUT_EXTEND || slot >= check->slot_count || is_in_roll(check, slot))
        return;
    struct process_record expected = *before_of(check, slot);
    nsec_t deadline = check->world->now + check->input->value * NSEC_PER_MSEC;
    if (expected.state == PROCESS_WAITING)
        return; // its turn may have come
    if (expected.state == PROCESS_RUNNING && expected.deadline < deadline)
        expected.deadline = deadline;
    claim(check, memcmp(&expected, now_of(check, slot), sizeof(expected)) == 0);
}
