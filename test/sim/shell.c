// SPDX-License-Identifier: MIT
// The order is that of src/manager/decide.c: events first, actions after; and what recover() does
// is what makes a death between any two of them harmless.
#include "sim/shell.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

void shell_begin(struct shell *shell, const struct plan *plan, uint64_t seed)
{
    struct journal *journal = shell->journal;
    supervisor_reset(shell->supervisor, seed);
    // The ring needs no clearing: nothing behind `newest` is ever read.
    journal->version = 0;
    journal->newest = 0;
    memset(&journal->snapshot, 0,
           offsetof(struct snapshot, processes) +
               journal->snapshot.slot_count * sizeof(journal->snapshot.processes[0]));
    (void)journal_open(journal);
    shell->plan = plan;
    shell->is_alive = true;
    shell->is_over = shell->has_unheard = false;
    memset(shell->was_left, 0, shell->slot_count * sizeof(shell->was_left[0]));
    memset(shell->refusals, 0, shell->slot_count * sizeof(shell->refusals[0]));
    for (unsigned slot = 0; slot < WORLD_SLOTS; slot++)
        shell->look_at[slot] = NSEC_NEVER;
    shell->next_look_at = shell->wake_at = shell->restart_at = NSEC_NEVER;
    shell->slot_count = shell->deaths = shell->steps = 0;
}

static void look_later(struct shell *shell, unsigned slot)
{
    nsec_t delay = 0;
    if (!shell->world->is_healed)
        delay = world_draw_time(shell->world, WORLD_NEWS_LONGEST / 4); // four looks at most
    if (shell->world->now + delay < shell->look_at[slot])
        shell->look_at[slot] = shell->world->now + delay;
    if (shell->look_at[slot] < shell->next_look_at)
        shell->next_look_at = shell->look_at[slot];
}

static void carry_out(struct shell *shell, const struct action *action)
{
    struct world *world = shell->world;
    if (action->kind == ACTION_END) {
        shell->is_over = true;
    } else if (action->kind == ACTION_SPAWN && !world->is_healed &&
               random_chance(&world->random, world->climate.misses)) {
        // No such program, no descriptor for its output: known before the guard is asked.
        shell->refusals[action->slot] = (struct refusal){
            .token = action->token,
            .error = random_chance(&world->random, 500) ? ENOENT : EMFILE,
        };
        look_later(shell, action->slot);
    } else {
        if (action->kind == ACTION_SPAWN) {
            struct process_id id = supervisor_process(shell->supervisor, action->slot)->id;
            world->ids[action->slot] = id;
            world->revisions[action->slot] = shell->plan->types[id.type].revision;
        }
        world_carry_out(world, action);
    }
}

static void die(struct shell *shell)
{
    struct world *world = shell->world;
    shell->is_alive = false;
    shell->deaths++;
    shell->check->coverage->deaths++;
    shell->restart_at = world->now + world_draw_time(world, WORLD_ABSENCE_LONGEST);
    trace_line(world->trace, world->now, "~ the manager dies");
    if (!shell->has_unheard && random_chance(&world->random, 20)) {
        shell->has_unheard = shell->check->was_asked = true;
        shell->unheard = (struct input){.kind = INPUT_STOP, .value = SIGTERM};
        trace_line(world->trace, world->now, "~ somebody asks for a stop meanwhile");
    }
}

// How much of an outcome a manager gets done before it dies.
static size_t luck(struct shell *shell, size_t count)
{
    return (size_t)random_below(&shell->world->random, count + 1);
}

static void write_events(struct shell *shell, const struct outcome *outcome)
{
    struct coverage *coverage = shell->check->coverage;
    uint8_t states[WORLD_SLOTS], flags[WORLD_SLOTS];
    for (unsigned slot = 0; slot < WORLD_SLOTS; slot++) {
        states[slot] = shell->journal->snapshot.processes[slot].state;
        flags[slot] = shell->journal->snapshot.processes[slot].flags;
    }
    journal_append(shell->journal, outcome->events, outcome->event_count);
    for (size_t i = 0; i < outcome->event_count; i++) {
        const struct event *event = &outcome->events[i];
        coverage->events[event->kind]++;
        trace_event(shell->world->trace, event);
        if (event_is_of_formation(event->kind))
            continue;
        (void)coverage_event(coverage, states[event->slot], event);
        coverage_flags(coverage, flags[event->slot], event);
        states[event->slot] = event->process.state;
        flags[event->slot] = event->process.flags;
    }
}

static void carry_out_all(struct shell *shell, const struct outcome *outcome, size_t count)
{
    for (size_t i = 0; i < outcome->event_count; i++)
        if (outcome->events[i].kind == EVENT_STARTING)
            shell->was_left[outcome->events[i].slot] = false;
    for (size_t i = 0; i < outcome->action_count; i++) {
        const struct action *action = &outcome->actions[i];
        if (i < count) {
            shell->check->coverage->actions[action->kind]++;
            carry_out(shell, action);
        } else {
            shell->check->coverage->lost[action->kind]++;
        }
    }
}

bool shell_feed(struct shell *shell, struct input input)
{
    struct world *world = shell->world;
    struct outcome outcome;
    bool is_request = input.kind == INPUT_STOP || input.kind == INPUT_KILL;
    if (!shell->is_alive || shell->is_over)
        return false;
    input.now = world->now;
    shell->steps++;
    shell->check->was_asked |= is_request;
    trace_input(world->trace, &input);
    supervise_step(shell->supervisor, &input, &outcome);
    bool dies = !world->is_healed && random_chance(&world->random, world->climate.deaths);
    bool is_lost = dies && random_chance(&world->random, world->climate.forgets);
    size_t action_count = dies ? luck(shell, outcome.action_count) : outcome.action_count;
    if (is_lost) { // whole: the journal has all of an outcome or nothing
        shell->check->coverage->forgotten[input.kind]++;
    } else {
        write_events(shell, &outcome);
        for (size_t i = 0; i < outcome.action_count; i++)
            trace_action(world->trace, world->now, &outcome.actions[i], i < action_count);
        check_step(shell->check, &input, &outcome);
        shell->slot_count = supervisor_slot_count(shell->supervisor);
        shell->wake_at = outcome.wake_at;
        carry_out_all(shell, &outcome, action_count);
    }
    // What was asked by signal stands on the guard's board until a manager has dealt with it.
    if (is_request) {
        shell->has_unheard = dies;
        shell->unheard = input;
    }
    if (dies && !shell->is_over)
        die(shell);
    return true;
}

static bool is_live(enum process_state state)
{
    return state == PROCESS_RUNNING || state == PROCESS_READY || state == PROCESS_STOPPING;
}

// One look is one input, so that others come in between.
static bool news_of_slot(struct shell *shell, unsigned slot, struct input *out)
{
    const struct process_record *record = supervisor_process(shell->supervisor, slot);
    const struct body *body = &shell->world->bodies[slot];
    enum process_state state = (enum process_state)record->state;
    bool has_check = shell->plan->types[record->id.type].policy.waits_for_ready;
    *out = (struct input){.slot = slot, .token = record->token};
    struct refusal *refusal = &shell->refusals[slot];
    if (refusal->error && refusal->token == record->token && state == PROCESS_STARTING) {
        out->kind = INPUT_SPAWN_FAILED;
        out->value = refusal->error;
        refusal->error = 0;
    } else if (body->state == BODY_NONE || body->token != record->token) {
        return false;
    } else if (body->state == BODY_FAILED && state == PROCESS_STARTING) {
        out->kind = INPUT_SPAWN_FAILED;
        out->value = body->error;
    } else if ((body->state == BODY_LIVE || body->state == BODY_DEAD) &&
               state == PROCESS_STARTING) {
        out->kind = INPUT_SPAWNED;
        out->value = body->pid;
    } else if (body->state == BODY_DEAD && is_live(state)) {
        out->kind = INPUT_EXITED;
        out->value = body->status;
    } else if (body->state == BODY_DEAD && state == PROCESS_EXITED && body->left == 0) {
        out->kind = INPUT_EMPTIED;
    } else if (body->state == BODY_DEAD && state == PROCESS_EXITED && !shell->was_left[slot]) {
        out->kind = INPUT_LEFT;
        out->value = (int)body->left;
        shell->was_left[slot] = true;
    } else if (has_check && state == PROCESS_RUNNING && body->is_ready) {
        out->kind = INPUT_READY;
    } else if (has_check && state == PROCESS_READY && body->state == BODY_LIVE && !body->is_ready) {
        out->kind = INPUT_UNREADY;
    } else {
        return false;
    }
    return true;
}

static void look(struct shell *shell, unsigned slot)
{
    struct input input;
    shell->look_at[slot] = NSEC_NEVER;
    if (slot < shell->slot_count && news_of_slot(shell, slot, &input)) {
        (void)shell_feed(shell, input);
        look_later(shell, slot);
    }
}

static void repeat(struct shell *shell, struct action action)
{
    trace_action(shell->world->trace, shell->world->now, &action, true);
    check_repeated(shell->check, &action);
    carry_out(shell, &action);
}

// What the last manager had decided and journaled, and may not have carried out, is carried out
// now. Everything here can be done twice.
static void repeat_actions(struct shell *shell, unsigned slot)
{
    const struct process_record *record = supervisor_process(shell->supervisor, slot);
    const struct body *body = &shell->world->bodies[slot];
    bool guard_knows = body->token == record->token;
    bool is_gone = body->state == BODY_DEAD && body->left == 0;
    bool is_settled = record->state == PROCESS_VACANT || record->state == PROCESS_FINISHED ||
                      record->state == PROCESS_BACKOFF;
    bool is_ending = record->state == PROCESS_STOPPING || record->state == PROCESS_EXITED;
    enum formation_phase phase = supervisor_formation(shell->supervisor)->phase;
    struct action action = {.slot = slot, .token = record->token};

    if (is_gone && (is_settled || !guard_knows))
        repeat(shell, (struct action){.kind = ACTION_BURY, .slot = slot, .token = body->token});
    bool is_wanted = phase == FORMATION_RUNNING && !(record->flags & RECORD_ASKED);
    if (record->state == PROCESS_STARTING && !guard_knows && is_wanted) {
        action.kind = ACTION_SPAWN;
        repeat(shell, action);
    } else if (record->state == PROCESS_STARTING && !guard_knows) {
        shell->refusals[slot] = (struct refusal){record->token, ECANCELED};
    } else if (is_ending && record->flags & RECORD_KILLED && !world_tree_is_empty(body)) {
        action.kind = ACTION_KILL_TREE;
        repeat(shell, action);
    } else if (record->state == PROCESS_STOPPING && body->state == BODY_LIVE) {
        action.kind = ACTION_SIGNAL;
        action.value = shell->plan->types[record->id.type].policy.stop_signal;
        repeat(shell, action);
    }
}

// A new manager. The guard has done by then what the last one had asked for. First the actions,
// by what the journal says; then what is wanted; then what the guard saw meanwhile.
static void recover(struct shell *shell)
{
    struct world *world = shell->world;
    world_drain(world);
    trace_line(world->trace, world->now, "~ a new manager");
    shell->is_alive = true;
    shell->restart_at = NSEC_NEVER;
    memset(shell->was_left, 0, shell->slot_count * sizeof(shell->was_left[0]));
    memset(shell->refusals, 0, shell->slot_count * sizeof(shell->refusals[0]));
    supervisor_reset(shell->supervisor, random_next(&world->random));
    supervisor_restore(shell->supervisor, &shell->journal->snapshot, shell->plan);
    check_restored(shell->check);
    shell->slot_count = supervisor_slot_count(shell->supervisor);
    for (unsigned slot = 0; slot < shell->slot_count; slot++)
        repeat_actions(shell, slot);
    if (supervisor_formation(shell->supervisor)->phase == FORMATION_ENDED)
        shell->is_over = true; // ACTION_END once more
    bool is_first = shell->has_unheard && random_chance(&world->random, 500);
    if (is_first)
        (void)shell_feed(shell, shell->unheard);
    (void)shell_feed(shell, (struct input){.kind = INPUT_PLAN, .plan = shell->plan});
    if (shell->has_unheard && !is_first)
        (void)shell_feed(shell, shell->unheard);
    for (unsigned slot = 0; slot < shell->slot_count; slot++)
        look_later(shell, slot);
}

static void take_changes(struct shell *shell)
{
    for (unsigned word = 0; word < WORLD_SLOTS / 64; word++) {
        uint64_t changed = shell->world->changed[word];
        shell->world->changed[word] = 0;
        for (; changed; changed &= changed - 1)
            look_later(shell, word * 64 + (unsigned)__builtin_ctzll(changed));
    }
}

nsec_t shell_next_at(const struct shell *shell)
{
    if (!shell->is_alive)
        return shell->restart_at;
    return shell->next_look_at < shell->wake_at ? shell->next_look_at : shell->wake_at;
}

void shell_pass(struct shell *shell)
{
    nsec_t now = shell->world->now;
    if (!shell->is_alive && shell->restart_at <= now)
        recover(shell);
    take_changes(shell);
    if (shell->next_look_at <= now) {
        shell->next_look_at = NSEC_NEVER;
        for (unsigned slot = 0; slot < shell->slot_count; slot++) {
            if (shell->look_at[slot] <= now && shell->is_alive && !shell->is_over)
                look(shell, slot);
            if (shell->look_at[slot] < shell->next_look_at)
                shell->next_look_at = shell->look_at[slot];
        }
    }
    if (shell->is_alive && shell->wake_at <= now)
        (void)shell_feed(shell, (struct input){.kind = INPUT_TIME});
}

bool shell_feed_nonsense(struct shell *shell)
{
    struct random *random = &shell->world->random;
    static const enum input_kind late[] = {INPUT_SPAWNED, INPUT_SPAWN_FAILED, INPUT_EXITED,
                                           INPUT_LEFT, INPUT_EMPTIED};
    struct input input = {.kind = late[random_below(random, 5)], .value = 1};
    if (!shell->is_alive || shell->slot_count == 0)
        return false;
    input.slot = (unsigned)random_below(random, shell->slot_count + 1);
    if (input.slot < shell->slot_count) {
        const struct process_record *record = supervisor_process(shell->supervisor, input.slot);
        bool is_answer = input.kind == INPUT_SPAWNED || input.kind == INPUT_SPAWN_FAILED;
        input.token = record->token - (record->state == PROCESS_STARTING);
        if (!is_answer && (is_live(record->state) || record->state == PROCESS_EXITED))
            return false; // these are believed: the shell never tells them of an older process
    }
    shell->check->expects_nothing = true;
    bool was_fed = shell_feed(shell, input);
    shell->check->expects_nothing = false;
    return was_fed;
}
