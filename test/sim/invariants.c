// SPDX-License-Identifier: MIT
// One function for each invariant. The numbers of design §4 are written here once more on purpose:
// a bound that is computed by the code under test tests nothing.
#include "invariants.h"

#include "shell.h"

#include <string.h>

#define KILL_PERIOD NSEC_PER_SEC // SIGKILL is repeated …
#define KILLS 5                  // … so often, then the process is given up
#define BOOTS (100 * BOOT_PRICE) // a hundred boots at once, a hundred a second
#define BOOT_PRICE (10 * NSEC_PER_MSEC)

static void claim(struct check *check, bool is_true)
{
    check->counts[check->current]++;
    if (!is_true && !check->is_broken) {
        check->is_broken = true;
        check->broken = check->current;
    }
}

static const struct process_record *now_of(const struct check *check, unsigned slot)
{
    return supervisor_process(check->shell->supervisor, slot);
}

static unsigned slot_count(const struct check *check)
{
    return supervisor_slot_count(check->shell->supervisor);
}

static const struct process_record *before_of(const struct check *check, unsigned slot)
{
    static const struct process_record nothing = {.deadline = NSEC_NEVER};
    return slot < check->slot_count ? &check->before[slot] : &nothing;
}

static enum formation_phase phase(const struct check *check)
{
    return supervisor_formation(check->shell->supervisor)->phase;
}

static const struct process_policy *policy(const struct check *check, unsigned slot)
{
    return &check->shell->plan->types[now_of(check, slot)->id.type].policy;
}

static bool is_live(enum process_state state)
{
    return state == PROCESS_RUNNING || state == PROCESS_READY || state == PROCESS_STOPPING;
}

static void one_place_a_process(struct check *check)
{
    if (check->input->kind != INPUT_PLAN)
        return;
    for (unsigned one = 0; one < slot_count(check); one++)
        for (unsigned other = 0; other < one; other++) {
            const struct process_record *a = now_of(check, one), *b = now_of(check, other);
            claim(check, a->state == PROCESS_VACANT || b->state == PROCESS_VACANT ||
                             a->id.type != b->id.type || a->id.number != b->id.number);
        }
}

static void exactly_the_wanted(struct check *check)
{
    const struct plan *plan = check->shell->plan;
    unsigned wanted[WORLD_TYPES] = {0};
    if (phase(check) != FORMATION_RUNNING)
        return;
    for (unsigned slot = 0; slot < slot_count(check); slot++) {
        const struct process_record *process = now_of(check, slot);
        if (process->state == PROCESS_VACANT || !(process->flags & RECORD_WANTED))
            continue;
        wanted[process->id.type]++;
        claim(check, process->id.number <= plan->types[process->id.type].quantity);
    }
    for (size_t type = 0; type < plan->type_count; type++)
        claim(check, wanted[type] == plan->types[type].quantity);
}

static void spawns_when_empty(struct check *check)
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

static void nothing_after_stop(struct check *check)
{
    if (phase(check) == FORMATION_RUNNING)
        return;
    for (size_t i = 0; i < check->outcome->action_count; i++)
        claim(check, check->outcome->actions[i].kind != ACTION_SPAWN);
}

static void signals_the_living(struct check *check)
{
    for (size_t i = 0; i < check->outcome->action_count; i++) {
        const struct action *action = &check->outcome->actions[i];
        if (action->kind == ACTION_END)
            continue;
        const struct process_record *process = now_of(check, action->slot);
        if (action->kind == ACTION_SIGNAL)
            claim(check, process->state == PROCESS_STOPPING && process->token == action->token);
        else if (action->kind == ACTION_SIGNAL_TREE)
            claim(check, process->state == PROCESS_EXITED && process->token == action->token);
        else if (action->kind == ACTION_KILL_TREE)
            claim(check, (process->state == PROCESS_STOPPING || process->state == PROCESS_EXITED) &&
                             process->token == action->token);
    }
}

static void kills_after_grace(struct check *check)
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

static void abandons_the_unkillable(struct check *check)
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

// Some moves pass through a state that is over at once and has no event of its own.
static bool is_move(enum process_state from, enum process_state to)
{
    return from == to || process_state_allows(from, to) ||
           (from == PROCESS_STARTING && to == PROCESS_READY) ||
           (from == PROCESS_FINISHED && to == PROCESS_STARTING);
}

static void moves_by_the_table(struct check *check)
{
    uint8_t states[WORLD_SLOTS];
    for (unsigned slot = 0; slot < slot_count(check); slot++)
        states[slot] = before_of(check, slot)->state;
    for (size_t i = 0; i < check->outcome->event_count; i++) {
        const struct event *event = &check->outcome->events[i];
        if (event_is_of_formation(event->kind))
            continue;
        claim(check, is_move(states[event->slot], event->process.state));
        states[event->slot] = event->process.state;
    }
    for (unsigned slot = 0; slot < slot_count(check); slot++)
        claim(check, states[slot] == now_of(check, slot)->state);
}

static void records_are_sound(struct check *check)
{
    for (unsigned slot = 0; slot < slot_count(check); slot++) {
        const struct process_record *process = now_of(check, slot);
        enum process_state state = process->state;
        bool has_deadline = process->deadline != NSEC_NEVER;
        bool is_ending = state == PROCESS_STOPPING || state == PROCESS_EXITED;
        bool is_serving = state == PROCESS_RUNNING || state == PROCESS_READY;
        claim(check, state != PROCESS_WAITING); // it is started in the same step
        claim(check, process->since <= check->world->now);
        if (is_ending || state == PROCESS_BACKOFF)
            claim(check, has_deadline);
        else if (state != PROCESS_RUNNING)
            claim(check, !has_deadline);
        if (is_serving)
            claim(check, (process->flags & ~RECORD_WANTED) == 0);
        if (is_live(state))
            claim(check, process->pid > 0 && process->starts > 0 &&
                             process->pid == check->world->bodies[slot].pid);
        if (is_serving)
            claim(check, (process->ready_at != NSEC_NEVER) == (state == PROCESS_READY));
        if (!(process->flags & RECORD_WANTED)) // on its way out
            claim(check, is_ending || state == PROCESS_STARTING || state == PROCESS_VACANT);
        claim(check, process->token >= before_of(check, slot)->token);
    }
}

static void events_add_up(struct check *check)
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

static void wakes_in_time(struct check *check)
{
    nsec_t now = check->world->now;
    nsec_t first = supervisor_formation(check->shell->supervisor)->deadline;
    for (unsigned slot = 0; slot < slot_count(check); slot++) {
        nsec_t deadline = now_of(check, slot)->deadline;
        nsec_t before = before_of(check, slot)->deadline;
        if (deadline < first)
            first = deadline;
        if (check->input->kind == INPUT_TIME && before <= now) // it was due, and something was done
            claim(check, deadline > before ||
                             now_of(check, slot)->state != before_of(check, slot)->state);
    }
    claim(check, check->outcome->wake_at <= first);
}

static nsec_t doubled(nsec_t first, nsec_t longest, uint32_t times)
{
    while (times-- > 0 && first < longest)
        first *= 2;
    return first < longest ? first : longest;
}

static void pauses_by_policy(struct check *check)
{
    for (size_t i = 0; i < check->outcome->event_count; i++) {
        const struct event *event = &check->outcome->events[i];
        const struct process_record *process = &event->process;
        nsec_t wait = process->deadline - event->at;
        if (event->kind != EVENT_BACKOFF)
            continue;
        const struct process_policy *rule = policy(check, event->slot);
        if (process->flags & RECORD_UNSPAWNED) {
            claim(check, wait == doubled(50 * NSEC_PER_MSEC, 2 * NSEC_PER_SEC,
                                         process->refusals - 1));
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

static void pay_boots(struct check *check)
{
    check->boots += check->world->now - check->boots_at;
    if (check->boots > BOOTS)
        check->boots = BOOTS;
    check->boots_at = check->world->now;
}

static void first_restart_at_once(struct check *check)
{
    unsigned slot = check->input->slot;
    const struct process_record *before = before_of(check, slot);
    if (check->input->kind != INPUT_EMPTIED || before->state != PROCESS_EXITED)
        return;
    const struct process_record *process = now_of(check, slot);
    bool was_asked = before->flags & (RECORD_ASKED | RECORD_RESTART);
    pay_boots(check);
    if (!was_asked && process->crashes == 1 && before->flags & RECORD_WANTED &&
        process->state != PROCESS_FINISHED && check->boots >= BOOT_PRICE)
        claim(check, process->state == PROCESS_STARTING);
}

static void boots_within_budget(struct check *check)
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

static void late_news_change_nothing(struct check *check)
{
    if (check->expects_nothing)
        claim(check, check->outcome->event_count == 0 && check->outcome->action_count == 0);
}

static void outcome_is_bounded(struct check *check)
{
    size_t most = 3 * slot_count(check) + 4;
    claim(check, check->outcome->event_count <= most && check->outcome->action_count <= most);
}

static void guard_is_asked_in_order(struct check *check)
{
    claim(check, check->world->fault == NULL);
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

static void stop_ends_in_time(struct check *check)
{
    if (check->stop_at != NSEC_NEVER)
        claim(check, is_over(check) || check->world->now - check->stop_at <=
                                           check->longest_grace + kill_time(check));
}

static void kill_ends_in_time(struct check *check)
{
    if (check->kill_at != NSEC_NEVER)
        claim(check, is_over(check) || check->world->now - check->kill_at <= kill_time(check));
}

static bool has_reason_to_be_finished(const struct check *check, unsigned slot)
{
    const struct process_record *process = now_of(check, slot);
    enum restart_mode mode = policy(check, slot)->restart;
    return mode == RESTART_NEVER || (mode == RESTART_ON_FAILURE && process->exit_status == 0);
}

static bool is_as_wanted(const struct check *check, unsigned slot)
{
    const struct process_record *process = now_of(check, slot);
    switch ((enum process_state)process->state) {
    case PROCESS_VACANT:
    case PROCESS_READY:
        return true;
    case PROCESS_FINISHED:
        return has_reason_to_be_finished(check, slot);
    case PROCESS_STOPPING:
    case PROCESS_EXITED:
        return world_is_unkillable(&check->world->bodies[slot]);
    case PROCESS_WAITING:
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

static void becomes_as_wanted(struct check *check)
{
    claim(check, is_over(check) || check_is_settled(check));
}

static void nothing_survives(struct check *check)
{
    if (!is_over(check))
        return;
    for (unsigned slot = 0; slot < check->world->slot_count; slot++) {
        const struct body *body = &check->world->bodies[slot];
        claim(check, world_tree_is_empty(body) || body->was_unkillable);
    }
}

static void all_are_buried(struct check *check)
{
    for (unsigned slot = 0; slot < check->world->slot_count && !is_over(check); slot++) {
        const struct body *body = &check->world->bodies[slot];
        claim(check, body->state != BODY_DEAD || world_is_unkillable(body));
    }
}

enum moment { STEP, END };

static const struct row {
    enum moment moment;
    const char *sentence;
    void (*look)(struct check *check);
} table[] = {
#define INVARIANT(name, moment, sentence) [INVARIANT_##name] = {moment, sentence, name},
#include "invariants.def"
#undef INVARIANT
};

const char *invariant_sentence(enum invariant invariant)
{
    return table[invariant].sentence;
}

static void look_at_all(struct check *check, enum moment moment)
{
    for (unsigned i = 0; i < INVARIANT_COUNT; i++) {
        check->current = (enum invariant)i;
        if (table[i].moment == moment)
            table[i].look(check);
    }
}

static void remember(struct check *check)
{
    check->slot_count = slot_count(check);
    for (unsigned slot = 0; slot < check->slot_count; slot++)
        check->before[slot] = *now_of(check, slot);
}

static void note_end(struct check *check)
{
    nsec_t now = check->world->now;
    if (phase(check) != FORMATION_RUNNING && check->stop_at == NSEC_NEVER) {
        check->stop_at = now;
        check->deaths_before_end = check->shell->deaths;
    }
    if (phase(check) == FORMATION_KILLING && check->kill_at == NSEC_NEVER)
        check->kill_at = now;
}

void check_begin(struct check *check)
{
    check->expects_nothing = check->is_broken = false;
    check->stop_at = check->kill_at = NSEC_NEVER;
    check->deaths_before_end = 0;
    check->boots = BOOTS;
    check->boots_at = 0;
    check->slot_count = 0;
}

void check_step(struct check *check, const struct input *input, const struct outcome *outcome)
{
    check->input = input;
    check->outcome = outcome;
    if (input->slot < check->slot_count)
        check->cells[check->before[input->slot].state][input->kind]++;
    note_end(check);
    look_at_all(check, STEP);
    remember(check);
}

void check_restored(struct check *check)
{
    check->boots = BOOTS;
    note_end(check);
    remember(check);
}

void check_end(struct check *check)
{
    look_at_all(check, END);
}
