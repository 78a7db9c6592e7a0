// SPDX-License-Identifier: MIT
// When processes are started again. The numbers of design §4 are written here once more on
// purpose: a bound that is computed by the code under test tests nothing.
#include "sim/claims.h"

#define REFUSAL_FIRST (50 * NSEC_PER_MSEC)
#define REFUSAL_LONGEST (2 * NSEC_PER_SEC)
#define SETTLED_AFTER NSEC_PER_SEC // then whose readiness nobody checks has stood a roll

static bool is_to_prove_itself(const struct process_record *process)
{
    return is_there(process) && process->state == PROCESS_READY && process->flags & RECORD_ROLLED;
}

void claim_wakes_in_time(struct check *check)
{
    nsec_t now = check->world->now;
    nsec_t first = supervisor_formation(check->shell->supervisor)->deadline;
    claim(check, check->input->kind != INPUT_TIME || first > now);
    for (unsigned slot = 0; slot < slot_count(check); slot++) {
        nsec_t deadline = now_of(check, slot)->deadline;
        nsec_t before = before_of(check, slot)->deadline;
        if (is_to_prove_itself(now_of(check, slot)) && phase(check) == FORMATION_RUNNING)
            deadline = now_of(check, slot)->ready_at + SETTLED_AFTER;
        if (deadline < first)
            first = deadline;
        if (check->input->kind == INPUT_TIME && before <= now) // it was due, and something was done
            claim(check,
                  deadline > before || now_of(check, slot)->state != before_of(check, slot)->state);
    }
    claim(check, check->outcome->wake_at <= first);
}

static nsec_t larger(nsec_t a, nsec_t b)
{
    return a > b ? a : b;
}

void claim_deadlines_are_near(struct check *check)
{
    for (unsigned slot = 0; slot < slot_count(check); slot++) {
        const struct process_record *process = now_of(check, slot);
        const struct process_policy *rule = policy(check, slot);
        nsec_t pause = larger(rule->backoff_max + rule->backoff_max / 10, REFUSAL_LONGEST);
        if (is_ending(process->state) && process->kills == 0)
            claim(check, process->deadline <= process->since + rule->stop_grace);
        else if (is_ending(process->state))
            claim(check, process->deadline <= check->world->now + KILL_PERIOD);
        else if (process->state == PROCESS_BACKOFF)
            claim(check, process->deadline <= check->world->now + larger(pause, BOOT_PRICE));
    }
    for (size_t i = 0; i < check->outcome->event_count; i++) {
        const struct event *event = &check->outcome->events[i];
        if (event->kind == EVENT_STARTED && event->process.state == PROCESS_RUNNING)
            claim(check,
                  event->process.deadline == event->at + policy(check, event->slot)->boot_limit);
    }
}

static nsec_t doubled(nsec_t first, nsec_t longest, uint32_t times)
{
    while (times-- > 0 && first < longest)
        first *= 2;
    return first < longest ? first : longest;
}

void claim_pauses_by_policy(struct check *check)
{
    for (size_t i = 0; i < check->outcome->event_count; i++) {
        const struct event *event = &check->outcome->events[i];
        const struct process_record *process = &event->process;
        nsec_t wait = process->deadline - event->at;
        if (event->kind != EVENT_BACKOFF)
            continue;
        const struct process_policy *rule = policy(check, event->slot);
        if (process->flags & RECORD_UNSPAWNED) {
            claim(check, wait == doubled(REFUSAL_FIRST, REFUSAL_LONGEST, process->refusals - 1));
            claim(check, process->crashes == before_of(check, event->slot)->crashes);
        } else if (process->crashes > 1) {
            nsec_t pause = doubled(rule->backoff_base, rule->backoff_max, process->crashes - 2);
            claim(check, process->pause >= pause - pause / 10);
            claim(check, process->pause <= pause + pause / 10);
            claim(check, wait == process->pause || pause == 0);
        } else {
            claim(check, process->crashes == 1 && process->pause == 0);
        }
    }
}

// Whether this step is one after which a crashed process is started again or not.
static bool is_crash(const struct check *check)
{
    const struct process_record *before = before_of(check, check->input->slot);
    enum input_kind kind = check->input->kind;
    bool is_end = kind == INPUT_EMPTIED && before->state == PROCESS_EXITED;
    bool is_miss = kind == INPUT_SPAWN_FAILED && before->state == PROCESS_STARTING &&
                   now_of(check, check->input->slot)->refusals == before->refusals;
    return (is_end || is_miss) && check->outcome->event_count > 0 &&
           before->flags & RECORD_WANTED && !(before->flags & (RECORD_ASKED | RECORD_RESTART)) &&
           check->phase == FORMATION_RUNNING && !check->shell->plan->ends_at_first_exit &&
           is_kept(check, check->input->slot);
}

void claim_restarts_by_policy(struct check *check)
{
    unsigned slot = check->input->slot;
    if (!is_crash(check))
        return;
    enum restart_mode mode = policy(check, slot)->restart;
    bool is_success =
        check->statuses[slot] == 0 && !(before_of(check, slot)->flags & RECORD_FAILED);
    bool is_last = mode == RESTART_NEVER || (mode == RESTART_ON_FAILURE && is_success);
    claim(check, (now_of(check, slot)->state == PROCESS_FINISHED) == is_last);
}

void claim_crashes_are_counted(struct check *check)
{
    unsigned slot = check->input->slot;
    if (!is_crash(check) || now_of(check, slot)->state == PROCESS_FINISHED)
        return;
    const struct process_record *before = before_of(check, slot);
    nsec_t enough = larger(policy(check, slot)->backoff_reset, 2 * before->pause);
    bool is_forgotten =
        before->ready_at != NSEC_NEVER && before->since - before->ready_at >= enough;
    claim(check, now_of(check, slot)->crashes == (is_forgotten ? 0 : before->crashes) + 1);
}

void claim_restarts_are_done(struct check *check)
{
    for (unsigned slot = 0; slot < check->slot_count; slot++) {
        const struct process_record *process = now_of(check, slot);
        if (check->restarted[slot] != 0 && is_there(process) && phase(check) == FORMATION_RUNNING)
            claim(check, process->token > check->restarted[slot] ||
                             world_is_unkillable(&check->world->bodies[slot]));
    }
}

static void pay_boots(struct check *check)
{
    check->boots += check->world->now - check->boots_at;
    if (check->boots > BOOTS)
        check->boots = BOOTS;
    check->boots_at = check->world->now;
}

void claim_first_restart_at_once(struct check *check)
{
    unsigned slot = check->input->slot;
    const struct process_record *before = before_of(check, slot);
    if (check->input->kind != INPUT_EMPTIED || before->state != PROCESS_EXITED)
        return;
    const struct process_record *process = now_of(check, slot);
    bool was_asked = before->flags & (RECORD_ASKED | RECORD_RESTART);
    pay_boots(check);
    if (!was_asked && process->crashes == 1 && is_kept(check, slot) &&
        process->state != PROCESS_FINISHED && check->boots >= BOOT_PRICE)
        claim(check, process->state == PROCESS_STARTING);
}

void claim_boots_within_budget(struct check *check)
{
    if (check->input->kind != INPUT_EMPTIED && check->input->kind != INPUT_TIME)
        return;
    pay_boots(check);
    for (size_t i = 0; i < check->outcome->action_count; i++) {
        const struct action *action = &check->outcome->actions[i];
        const struct process_record *before = before_of(check, action->slot);
        bool was_crash = before->state == PROCESS_BACKOFF && !(before->flags & RECORD_UNSPAWNED);
        was_crash |= before->state == PROCESS_EXITED && !(before->flags & RECORD_RESTART);
        if (action->kind != ACTION_SPAWN || !was_crash)
            continue;
        check->boots -= BOOT_PRICE;
        claim(check, check->boots >= 0);
    }
}
