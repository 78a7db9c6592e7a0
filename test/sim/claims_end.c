// SPDX-License-Identifier: MIT
// How a formation ends, and what is left when all is done.
#include "sim/claims.h"

#include <string.h>

void claim_nothing_after_stop(struct check *check)
{
    if (phase(check) == FORMATION_RUNNING)
        return;
    for (size_t i = 0; i < check->outcome->action_count; i++)
        claim(check, check->outcome->actions[i].kind != ACTION_SPAWN);
}

static nsec_t kill_time(const struct check *check)
{
    nsec_t fixed = WORLD_SPAWN_LONGEST + WORLD_NEWS_LONGEST + WORLD_DEATH_LONGEST;
    nsec_t rounds = check->world->has_unkillable ? KILLS + 1 : WORLD_SLIPS + 1;
    // A manager that dies loses its part of the time, and its successor repeats a kill in time.
    unsigned deaths = check->shell->deaths - check->deaths_before_end;
    nsec_t death = WORLD_ABSENCE_LONGEST + WORLD_SPAWN_LONGEST + WORLD_NEWS_LONGEST + KILL_PERIOD;
    return fixed + rounds * KILL_PERIOD + deaths * death;
}

static bool is_over(const struct check *check)
{
    return phase(check) == FORMATION_ENDED;
}

void claim_stop_ends_in_time(struct check *check)
{
    if (check->stop_at != NSEC_NEVER)
        claim(check, is_over(check) || check->world->now - check->stop_at <=
                                           check->longest_grace + kill_time(check));
}

void claim_kill_ends_in_time(struct check *check)
{
    if (check->kill_at != NSEC_NEVER)
        claim(check, is_over(check) || check->world->now - check->kill_at <= kill_time(check));
}

void claim_status_tells_why(struct check *check)
{
    for (size_t i = 0; i < check->outcome->action_count; i++) {
        const struct action *action = &check->outcome->actions[i];
        if (action->kind != ACTION_END)
            continue;
        claim(check, action->value == check->status_expected);
        claim(check, supervisor_formation(check->shell->supervisor)->exit_status == action->value);
    }
}

void claim_stop_is_remembered(struct check *check)
{
    if (check->was_asked)
        claim(check, is_over(check));
}

static bool is_as_wanted(const struct check *check, unsigned slot)
{
    const struct process_record *process = now_of(check, slot);
    switch ((enum process_state)process->state) {
    case PROCESS_VACANT:
        return true;
    case PROCESS_READY:
        return !(process->flags & MARKS || is_extra(check, process)) ||
               check_is_stuck(check, process->id.type);
    case PROCESS_WAITING: // for one that will never be there
        return check_must_wait(check, slot);
    case PROCESS_FINISHED:
        return check->may_finish[slot] || check->halted[slot];
    case PROCESS_STOPPING:
    case PROCESS_EXITED:
        return world_is_unkillable(&check->world->bodies[slot]);
    case PROCESS_STARTING:
    case PROCESS_RUNNING:
    case PROCESS_BACKOFF:
    case PROCESS_STATE_COUNT:
        return false;
    }
    return false;
}

bool check_is_settled(const struct check *check)
{
    if (!check->shell->is_alive || check->world->request_count > 0 ||
        check->shell->next_look_at != NSEC_NEVER)
        return false;
    if (phase(check) != FORMATION_RUNNING)
        return is_over(check);
    for (unsigned slot = 0; slot < slot_count(check); slot++)
        if (!is_as_wanted(check, slot))
            return false;
    return true;
}

void claim_becomes_as_wanted(struct check *check)
{
    claim(check, is_over(check) || check_is_settled(check));
}

void claim_nothing_survives(struct check *check)
{
    if (!is_over(check))
        return;
    for (unsigned slot = 0; slot < check->world->slot_count; slot++) {
        const struct body *body = &check->world->bodies[slot];
        claim(check, world_tree_is_empty(body) || body->was_unkillable);
    }
}

void claim_all_are_buried(struct check *check)
{
    for (unsigned slot = 0; slot < check->world->slot_count && !is_over(check); slot++) {
        const struct body *body = &check->world->bodies[slot];
        claim(check, body->state != BODY_DEAD || world_is_unkillable(body));
    }
}
