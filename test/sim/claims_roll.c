// SPDX-License-Identifier: MIT
// Rolling restarts: how many may be missing, who is next, what ends one. The rules are written here
// once more, from the records alone.
#include "sim/claims.h"

#include <errno.h>

// A type, as its roll has to see it.
struct strength {
    unsigned wanted; // processes of the plan that serve or shall soon
    unsigned ready;  // and have proven it, extra ones among them
    unsigned extra;
    bool is_marked;
    bool may_lose; // one more of the ready
};

// Who is placed or has waited for others may be started before or after the roll goes on.
static struct strength strength_of(const struct check *check, unsigned type, bool counts_new)
{
    const struct process_policy *rule = &check->shell->plan->types[type].policy;
    struct strength sum = {0};
    for (unsigned slot = 0; slot < slot_count(check); slot++) {
        const struct process_record *process = now_of(check, slot);
        if (!is_there(process) || process->id.type != type)
            continue;
        sum.ready += process->state == PROCESS_READY && !(process->flags & RECORD_ROLLED);
        sum.is_marked |= !is_extra(check, process) && process->flags & MARKS;
        if (process->state == PROCESS_FINISHED)
            continue;
        sum.extra += is_extra(check, process);
        const struct process_record *before = before_of(check, slot);
        bool is_new = before->state == PROCESS_WAITING || !is_there(before) ||
                      before->id.number != process->id.number || before->id.type != type;
        sum.wanted += !is_extra(check, process) && process->state != PROCESS_WAITING &&
                      (counts_new || !is_new);
    }
    unsigned missing = rule->roll_max_unavailable;
    if (missing == 0 && sum.extra == 0)
        missing = 1;                                              // else it would never move
    sum.wanted = sum.wanted > missing ? sum.wanted - missing : 0; // so many must be ready
    sum.may_lose = sum.ready > sum.wanted;
    return sum;
}

// It was ready, and this step stops it for the roll of its type.
static bool is_taken(const struct check *check, unsigned slot)
{
    const struct process_record *before = before_of(check, slot);
    const struct process_record *process = now_of(check, slot);
    enum input_kind kind = check->input->kind;
    bool is_other_reason =
        is_asked(check->input, slot) &&
        (kind == INPUT_RESTART || kind == INPUT_UNRESPONSIVE || kind == INPUT_UNREADY);
    const unsigned flags = RECORD_RESTART | RECORD_ROLLED;
    return before->state == PROCESS_READY && process->state == PROCESS_STOPPING &&
           (process->flags & flags) == flags && !(before->flags & RECORD_RESTART) &&
           !is_other_reason;
}

// It was ready, and is not wanted any more since the roll is over.
static bool is_dropped(const struct check *check, unsigned slot)
{
    const struct process_record *before = before_of(check, slot);
    return check->input->kind != INPUT_PLAN && !check->is_restored && is_there(before) &&
           before->state == PROCESS_READY && !is_there(now_of(check, slot));
}

void claim_roll_keeps_enough_ready(struct check *check)
{
    if (phase(check) != FORMATION_RUNNING)
        return;
    for (unsigned slot = 0; slot < check->slot_count; slot++) {
        if (!is_taken(check, slot) && !is_dropped(check, slot))
            continue;
        struct strength left = strength_of(check, now_of(check, slot)->id.type, false);
        claim(check, left.ready >= left.wanted);
    }
}

void claim_roll_does_not_wait(struct check *check)
{
    if (phase(check) != FORMATION_RUNNING || check->is_restored)
        return;
    for (unsigned slot = 0; slot < slot_count(check); slot++) {
        const struct process_record *process = now_of(check, slot);
        if (!is_there(process) || !(process->flags & RECORD_ROLL) || is_extra(check, process))
            continue;
        claim(check, !strength_of(check, process->id.type, true).may_lose);
    }
}

void claim_roll_takes_the_lowest(struct check *check)
{
    for (unsigned slot = 0; slot < check->slot_count; slot++) {
        const struct process_record *taken = now_of(check, slot);
        for (unsigned other = 0; other < check->slot_count && is_taken(check, slot); other++) {
            const struct process_record *left = now_of(check, other);
            bool is_passed_over = is_there(left) && left->flags & RECORD_ROLL &&
                                  left->id.type == taken->id.type && !is_extra(check, left);
            claim(check, !is_passed_over || left->id.number > taken->id.number);
        }
    }
}

static const struct event *find_halt(const struct check *check)
{
    for (size_t i = 0; i < check->outcome->event_count; i++)
        if (check->outcome->events[i].kind == EVENT_ROLL_HALTED)
            return &check->outcome->events[i];
    return NULL;
}

// Whether this event is a failure of the process that it is about.
static bool is_failure(const struct check *check, const struct event *event)
{
    enum restart_mode mode = policy(check, event->slot)->restart;
    if (event->kind == EVENT_SPAWN_FAILED)
        return event->detail == ENOENT || event->detail == EACCES;
    if (event->kind == EVENT_EXITED)
        return event->detail != 0 || mode == RESTART_ALWAYS;
    return event->kind == EVENT_BOOT_EXPIRED || event->kind == EVENT_UNRESPONSIVE;
}

void claim_roll_halts_at_failure(struct check *check)
{
    const struct event *halt = find_halt(check);
    if (halt)
        claim(check, before_of(check, halt->slot)->flags & RECORD_ROLLED);
    for (size_t i = 0; i < check->outcome->event_count; i++) {
        const struct event *event = &check->outcome->events[i];
        if (event_is_of_formation(event->kind) || phase(check) != FORMATION_RUNNING)
            continue;
        const struct process_record *before = before_of(check, event->slot);
        bool is_rolled = is_there(before) && before->flags & RECORD_ROLLED &&
                         !(before->flags & (RECORD_ASKED | RECORD_RESTART));
        if (!is_rolled || !is_failure(check, event))
            continue;
        claim(check, halt != NULL);
        for (unsigned slot = 0; slot < slot_count(check); slot++)
            claim(check, !is_there(now_of(check, slot)) ||
                             now_of(check, slot)->id.type != before->id.type ||
                             !(now_of(check, slot)->flags & MARKS));
    }
}

void claim_extra_are_on_trial(struct check *check)
{
    for (size_t i = 0; i < check->outcome->event_count; i++) {
        const struct event *event = &check->outcome->events[i];
        if (event->kind == EVENT_PLACED)
            claim(check, is_extra(check, &event->process) ==
                             ((event->process.flags & RECORD_ROLLED) != 0));
    }
}

bool check_is_stuck(const struct check *check, unsigned type)
{
    for (unsigned slot = 0; slot < slot_count(check); slot++) {
        const struct process_record *process = now_of(check, slot);
        if (process->state != PROCESS_VACANT && process->id.type == type &&
            world_is_unkillable(&check->world->bodies[slot]))
            return true;
    }
    return false;
}

void claim_rolls_reach_all(struct check *check)
{
    for (unsigned slot = 0; slot < check->slot_count; slot++) {
        const struct process_record *process = now_of(check, slot);
        if (!is_there(process) || phase(check) != FORMATION_RUNNING ||
            check_is_stuck(check, process->id.type))
            continue;
        claim(check, !(process->flags & MARKS));
        claim(check, process->token > check->rolled[slot] || check->rolled[slot] == 0);
    }
}

// It would run on as it was started: whoever does not will be started by the present revision.
static bool is_to_last(const struct process_record *process)
{
    bool runs = process->state == PROCESS_STARTING || process->state == PROCESS_RUNNING ||
                process->state == PROCESS_READY;
    return is_there(process) && runs && !(process->flags & RECORD_ASKED);
}

void claim_plan_is_whole(struct check *check)
{
    for (unsigned slot = 0; slot < slot_count(check); slot++) {
        const struct process_record *process = now_of(check, slot);
        if (check->is_restored || phase(check) != FORMATION_RUNNING || !is_to_last(process) ||
            is_extra(check, process))
            continue;
        claim(check, process->revision == check->shell->plan->types[process->id.type].revision ||
                         process->flags & (RECORD_ROLL | RECORD_RESTART));
    }
}

// What the guard was asked for counts, not what the supervisor has noted.
void claim_all_run_by_the_plan(struct check *check)
{
    for (unsigned slot = 0; slot < check->slot_count; slot++) {
        const struct process_record *process = now_of(check, slot);
        unsigned revision = check->shell->plan->types[process->id.type].revision;
        if (!is_to_last(process) || phase(check) != FORMATION_RUNNING ||
            check_is_stuck(check, process->id.type))
            continue;
        claim(check, check->world->revisions[slot] == revision || check->excused[slot] == revision);
    }
}
