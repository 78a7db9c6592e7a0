// SPDX-License-Identifier: MIT
// What is true of single processes and of what is asked of the guard for them.
#include "sim/claims.h"

#include <string.h>

static bool is_the_same(const struct process_record *a, const struct process_record *b)
{
    return a->id.type == b->id.type && a->id.number == b->id.number;
}

void claim_one_place_a_process(struct check *check)
{
    if (check->input->kind != INPUT_PLAN)
        return;
    for (unsigned one = 0; one < slot_count(check); one++)
        for (unsigned other = 0; other < one; other++) {
            const struct process_record *a = now_of(check, one), *b = now_of(check, other);
            claim(check,
                  a->state == PROCESS_VACANT || b->state == PROCESS_VACANT || !is_the_same(a, b));
        }
}

void claim_exactly_the_wanted(struct check *check)
{
    const struct plan *plan = check->shell->plan;
    unsigned wanted[WORLD_TYPES] = {0}, extra[WORLD_TYPES] = {0};
    bool is_rolling[WORLD_TYPES] = {false};
    if (phase(check) != FORMATION_RUNNING)
        return;
    for (unsigned slot = 0; slot < slot_count(check); slot++) {
        const struct process_record *process = now_of(check, slot);
        unsigned type = process->id.type;
        if (!is_there(process))
            continue;
        wanted[type] += !is_extra(check, process);
        extra[type] += is_extra(check, process);
        is_rolling[type] |= !is_extra(check, process) && process->flags & MARKS;
    }
    for (size_t type = 0; type < plan->type_count; type++) {
        unsigned surge = plan->types[type].policy.roll_surge;
        claim(check, wanted[type] == plan->types[type].quantity);
        claim(check, extra[type] == 0 || extra[type] == surge); // until the others suffice: …
        claim(check, !is_rolling[type] || extra[type] == surge);
    }
}

static bool was_removed(const struct check *check, unsigned slot)
{
    for (size_t i = 0; i < check->outcome->event_count; i++)
        if (check->outcome->events[i].kind == EVENT_REMOVED &&
            check->outcome->events[i].slot == slot)
            return true;
    return false;
}

void claim_plan_spares_the_rest(struct check *check)
{
    bool is_plan = check->input->kind == INPUT_PLAN && phase(check) == FORMATION_RUNNING;
    for (unsigned slot = 0; slot < check->slot_count; slot++) {
        const struct process_record *before = before_of(check, slot);
        const struct process_record *process = now_of(check, slot);
        bool is_same = is_the_same(before, process);
        // One that serves and was asked to stop was left so by a manager that died; and it may be
        // time for one that waits or is rolled, or its check is not declared any more.
        bool is_half = before->state == PROCESS_WAITING ||
                       before->flags & (RECORD_ASKED | RECORD_RESTART | MARKS) ||
                       before->revision != check->shell->plan->types[before->id.type].revision ||
                       (before->state == PROCESS_RUNNING && !policy(check, slot)->waits_for_ready);
        if (before->state == PROCESS_VACANT)
            continue;
        claim(check, is_same || was_removed(check, slot));
        if (is_plan && is_same && !is_half && before->flags & process->flags & RECORD_WANTED)
            claim(check, memcmp(before, process, sizeof(*before)) == 0);
    }
}

void claim_spawns_when_empty(struct check *check)
{
    for (size_t i = 0; i < check->outcome->action_count; i++) {
        const struct action *action = &check->outcome->actions[i];
        if (action->kind != ACTION_SPAWN)
            continue;
        claim(check, world_tree_is_empty(&check->world->bodies[action->slot]));
        claim(check, now_of(check, action->slot)->state == PROCESS_STARTING &&
                         now_of(check, action->slot)->token == action->token &&
                         action->token > before_of(check, action->slot)->token);
    }
}

static void claim_for_signal(struct check *check, const struct action *action)
{
    bool is_for_tree = action->kind == ACTION_SIGNAL_TREE || action->kind == ACTION_KILL_TREE;
    if (action->kind != ACTION_SIGNAL && !is_for_tree)
        return;
    const struct process_record *process = now_of(check, action->slot);
    claim(check, process->token == action->token);
    if (action->kind == ACTION_SIGNAL)
        claim(check, process->state == PROCESS_STOPPING);
    else if (action->kind == ACTION_SIGNAL_TREE)
        claim(check, process->state == PROCESS_EXITED);
    else
        claim(check, is_ending(process->state));
    claim(check, check->gone[action->slot] != action->token || is_for_tree);
    claim(check, check->emptied[action->slot] != action->token);
}

void claim_signals_the_living(struct check *check)
{
    for (size_t i = 0; i < check->outcome->action_count; i++)
        claim_for_signal(check, &check->outcome->actions[i]);
}

void check_repeated(struct check *check, const struct action *action)
{
    check->current = INVARIANT_signals_the_living;
    claim_for_signal(check, action);
    check->current = INVARIANT_nothing_after_stop;
    claim(check, action->kind != ACTION_SPAWN || phase(check) == FORMATION_RUNNING);
}

void claim_kills_after_grace(struct check *check)
{
    for (size_t i = 0; i < check->outcome->event_count; i++) {
        const struct event *event = &check->outcome->events[i];
        if (event->kind != EVENT_KILLING)
            continue;
        const struct process_record *before = before_of(check, event->slot);
        claim(check, phase(check) == FORMATION_KILLING || before->flags & RECORD_KILLED ||
                         before->deadline <= event->at);
    }
}

void claim_abandons_the_unkillable(struct check *check)
{
    for (size_t i = 0; i < check->outcome->event_count; i++) {
        const struct event *event = &check->outcome->events[i];
        if (event->kind != EVENT_ABANDONED)
            continue;
        const struct body *body = &check->world->bodies[event->slot];
        claim(check, body->was_unkillable && body->was_killed);
        claim(check, before_of(check, event->slot)->kills >= KILLS);
        claim(check, phase(check) != FORMATION_RUNNING);
    }
}

void claim_moves_by_the_table(struct check *check)
{
    uint8_t states[WORLD_SLOTS];
    for (unsigned slot = 0; slot < slot_count(check); slot++)
        states[slot] = before_of(check, slot)->state;
    for (size_t i = 0; i < check->outcome->event_count; i++) {
        const struct event *event = &check->outcome->events[i];
        if (event_is_of_formation(event->kind))
            continue;
        claim(check, coverage_event(NULL, states[event->slot], event));
        states[event->slot] = event->process.state;
    }
    for (unsigned slot = 0; slot < slot_count(check); slot++)
        claim(check, states[slot] == now_of(check, slot)->state);
}

void claim_records_are_sound(struct check *check)
{
    for (unsigned slot = 0; slot < slot_count(check) && !check->is_restored; slot++) {
        const struct process_record *process = now_of(check, slot);
        enum process_state state = process->state;
        // What is decided with the step that comes to the state, or mended with the plan.
        if (state == PROCESS_RUNNING || state == PROCESS_READY)
            claim(check, (process->flags & ~(RECORD_WANTED | MARKS)) == 0);
        if (state == PROCESS_RUNNING)
            claim(check, policy(check, slot)->waits_for_ready);
        if (!(process->flags & RECORD_WANTED)) // on its way out
            claim(check, is_ending(state) || state == PROCESS_STARTING || state == PROCESS_VACANT);
        if (process->flags & RECORD_ROLL && state != PROCESS_VACANT) // who is not is taken at once
            claim(check, state == PROCESS_READY || phase(check) != FORMATION_RUNNING);
        if (process->flags & MARKS && state != PROCESS_VACANT)
            claim(check, process->flags & RECORD_WANTED && state != PROCESS_FINISHED &&
                             state != PROCESS_WAITING);
        if (process->flags & RECORD_FAILED)
            claim(check, is_ending(state) || state == PROCESS_STARTING ||
                             state == PROCESS_BACKOFF || state == PROCESS_FINISHED ||
                             state == PROCESS_VACANT);
    }
    for (unsigned slot = 0; slot < slot_count(check); slot++) {
        const struct process_record *process = now_of(check, slot);
        enum process_state state = process->state;
        bool has_deadline = process->deadline != NSEC_NEVER;
        bool is_serving = state == PROCESS_RUNNING || state == PROCESS_READY;
        claim(check, process->since <= check->world->now);
        if (is_ending(state) || state == PROCESS_BACKOFF)
            claim(check, has_deadline);
        else if (state != PROCESS_RUNNING)
            claim(check, !has_deadline);
        if (is_live(state))
            claim(check, process->pid > 0 && process->starts > 0 &&
                             process->pid == check->world->bodies[slot].pid);
        if (is_serving)
            claim(check, (process->ready_at != NSEC_NEVER) == (state == PROCESS_READY));
        if (state == PROCESS_EXITED)
            claim(check, process->exit_status == check->world->bodies[slot].status);
        claim(check, process->token >= before_of(check, slot)->token);
    }
}

void claim_events_add_up(struct check *check)
{
    const struct snapshot *snapshot = &check->shell->journal->snapshot;
    unsigned count = slot_count(check);
    claim(check, snapshot->slot_count == count);
    for (unsigned slot = 0; slot < count; slot++) {
        struct process_record told = snapshot->processes[slot];
        const struct process_record *truth = now_of(check, slot);
        // Only that a start waits for the budget of boots is no event: a thousand would wait.
        if (truth->state == PROCESS_BACKOFF && told.deadline < truth->deadline)
            told.deadline = truth->deadline;
        claim(check, memcmp(&told, truth, sizeof(told)) == 0);
    }
    if (snapshot->formation.since != 0)
        claim(check, memcmp(&snapshot->formation, supervisor_formation(check->shell->supervisor),
                            sizeof(snapshot->formation)) == 0);
}

void claim_late_news_change_nothing(struct check *check)
{
    if (check->expects_nothing)
        claim(check, check->outcome->event_count == 0 && check->outcome->action_count == 0);
}

void claim_outcome_is_bounded(struct check *check)
{
    size_t most = 8 * slot_count(check) + 4;
    claim(check, check->outcome->event_count <= most && check->outcome->action_count <= most);
}

void claim_guard_is_asked_in_order(struct check *check)
{
    claim(check, check->world->fault == NULL);
}
