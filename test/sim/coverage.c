// SPDX-License-Identifier: MIT
// A transition, event or action that no history brought about was tested by none; so in a full run
// each that stays at zero is a failed test, with its name.
#include "sim/coverage.h"

#include <stddef.h>
#include <stdio.h>

static const char *const inputs[INPUT_KINDS] = {
    [INPUT_PLAN] = "plan",           [INPUT_SPAWNED] = "spawned",
    [INPUT_SPAWN_FAILED] = "failed", [INPUT_READY] = "ready",
    [INPUT_UNREADY] = "unready",     [INPUT_EXITED] = "exited",
    [INPUT_LEFT] = "left",           [INPUT_EMPTIED] = "emptied",
    [INPUT_RESTART] = "restart",     [INPUT_ROLL] = "roll",
    [INPUT_HALT] = "halt",           [INPUT_START] = "start",
    [INPUT_EXTEND] = "extend",       [INPUT_UNRESPONSIVE] = "unresp.",
    [INPUT_STOP] = "stop",           [INPUT_KILL] = "kill",
    [INPUT_TIME] = "time",
};

static const char *const flags[RECORD_FLAGS] = {
    "wanted", "asked", "restart", "killed", "unspawned", "roll", "rolled", "failed",
};

static const char *const actions[ACTION_KINDS] = {
    [ACTION_SPAWN] = "spawn",
    [ACTION_SIGNAL] = "signal",
    [ACTION_SIGNAL_TREE] = "signal tree",
    [ACTION_KILL_TREE] = "kill tree",
    [ACTION_BURY] = "bury",
    [ACTION_END] = "end",
};

static void count_move(struct coverage *coverage, enum process_state from, enum process_state to)
{
    if (coverage)
        coverage->moves[from][to]++;
}

// Some moves pass through a state that is over at once and has no event of its own.
static enum process_state between(enum process_state from, enum process_state to)
{
    if (from == PROCESS_STARTING && to == PROCESS_READY)
        return PROCESS_RUNNING;
    if (from == PROCESS_FINISHED && to == PROCESS_STARTING)
        return PROCESS_WAITING;
    return to;
}

bool coverage_event(struct coverage *coverage, enum process_state before, const struct event *event)
{
    enum process_state to = event->process.state;
    enum process_state via = between(before, to);
    if (before == to)
        return true;
    count_move(coverage, before, via);
    if (via != to)
        count_move(coverage, via, to);
    return process_state_allows(before, via) && (via == to || process_state_allows(via, to));
}

void coverage_flags(struct coverage *coverage, unsigned before, const struct event *event)
{
    for (unsigned bit = 0; bit < RECORD_FLAGS; bit++)
        coverage->flags[bit] += event->process.flags >> bit & ~(before >> bit) & 1;
}

void coverage_add(struct coverage *sum, const struct coverage *part)
{
    _Static_assert(sizeof(*sum) % sizeof(uint64_t) == 0, "nothing but counts");
    for (size_t i = 0; i < sizeof(*sum) / sizeof(uint64_t); i++)
        ((uint64_t *)sum)[i] += ((const uint64_t *)part)[i];
}

static bool report(unsigned number, bool is_bad, const char *sentence)
{
    printf("%s %u - %s\n", is_bad ? "not ok" : "ok", number, sentence);
    return is_bad;
}

static bool lacks_move(const struct coverage *coverage, unsigned from, unsigned to)
{
    return process_state_allows(from, to) && coverage->moves[from][to] == 0;
}

static bool report_moves(const struct coverage *coverage, unsigned number)
{
    bool is_bad = false;
    for (unsigned cell = 0; cell < PROCESS_STATE_COUNT * PROCESS_STATE_COUNT; cell++)
        is_bad |= lacks_move(coverage, cell / PROCESS_STATE_COUNT, cell % PROCESS_STATE_COUNT);
    (void)report(number, is_bad, "every transition of states.def was made");
    for (unsigned from = 0; from < PROCESS_STATE_COUNT; from++)
        for (unsigned to = 0; to < PROCESS_STATE_COUNT; to++)
            if (lacks_move(coverage, from, to))
                printf("#   never from %s to %s\n", process_state_name(from),
                       process_state_name(to));
    return is_bad;
}

static bool report_counts(unsigned number, const char *sentence, const uint64_t *counts,
                          unsigned count, const char *(*name)(unsigned))
{
    bool is_bad = false;
    for (unsigned i = 0; i < count; i++)
        is_bad |= counts[i] == 0;
    (void)report(number, is_bad, sentence);
    for (unsigned i = 0; i < count; i++)
        if (counts[i] == 0)
            printf("#   never: %s\n", name(i));
    return is_bad;
}

static const char *name_of_action(unsigned kind)
{
    return actions[kind];
}

static const char *name_of_input(unsigned kind)
{
    return inputs[kind];
}

static const char *name_of_flag(unsigned bit)
{
    return flags[bit];
}

// Those of sinks and managers come from elsewhere.
static bool is_of_simulation(enum event_kind kind)
{
    return !event_is_of_sink(kind) && kind != EVENT_MANAGER_RESTARTED;
}

static bool report_events(const struct coverage *coverage, unsigned number)
{
    bool is_bad = false;
    for (unsigned kind = 0; kind < EVENT_KIND_COUNT; kind++)
        is_bad |= coverage->events[kind] == 0 && is_of_simulation((enum event_kind)kind);
    (void)report(number, is_bad, "every event of events.def was told");
    for (unsigned kind = 0; is_bad && kind < EVENT_KIND_COUNT; kind++)
        if (coverage->events[kind] == 0 && is_of_simulation((enum event_kind)kind))
            printf("#   never: %s\n", event_kind_name(kind));
    return is_bad;
}

static bool report_requests(const struct coverage *coverage, unsigned number)
{
    bool is_bad = false;
    for (unsigned kind = INPUT_RESTART; kind <= INPUT_UNRESPONSIVE; kind++)
        for (unsigned state = 0; state < PROCESS_STATE_COUNT; state++)
            is_bad |= coverage->cells[state][kind] == 0;
    return report(number, is_bad, "every request met every state of a process");
}

unsigned coverage_report(const struct coverage *coverage, unsigned number, bool *has_failed)
{
    bool is_bad = report_moves(coverage, ++number);
    is_bad |= report_events(coverage, ++number);
    is_bad |= report_counts(++number, "every action was carried out", coverage->actions,
                            ACTION_KINDS, name_of_action);
    is_bad |= report_counts(++number, "every action was lost to the death of a manager",
                            coverage->lost, ACTION_KINDS, name_of_action);
    is_bad |= report_counts(++number, "every input was forgotten by the death of a manager",
                            coverage->forgotten, INPUT_KINDS, name_of_input);
    is_bad |= report_counts(++number, "every flag of a record was set", coverage->flags,
                            RECORD_FLAGS, name_of_flag);
    is_bad |= report_requests(coverage, ++number);
    *has_failed |= is_bad;
    return number;
}

void coverage_print(const struct coverage *coverage)
{
    printf("#\n# steps by state and input:\n# %-9s", "");
    for (unsigned kind = INPUT_SPAWNED; kind <= INPUT_UNRESPONSIVE; kind++)
        printf("%10s", inputs[kind]);
    for (unsigned state = 0; state < PROCESS_STATE_COUNT; state++) {
        printf("\n# %-9s", process_state_name(state));
        for (unsigned kind = INPUT_SPAWNED; kind <= INPUT_UNRESPONSIVE; kind++)
            printf("%10llu", (unsigned long long)coverage->cells[state][kind]);
    }
    printf("\n#\n# %-24s%12s\n", "event", "told");
    for (unsigned kind = 0; kind < EVENT_KIND_COUNT; kind++)
        printf("# %-24s%12llu\n", event_kind_name(kind),
               (unsigned long long)coverage->events[kind]);
    printf("#\n# %-24s%12s\n", "input", "forgotten");
    for (unsigned kind = 0; kind < INPUT_KINDS; kind++)
        printf("# %-24s%12llu\n", inputs[kind], (unsigned long long)coverage->forgotten[kind]);
    printf("#\n# %-24s%12s%12s\n", "action", "done", "lost");
    for (unsigned kind = 0; kind < ACTION_KINDS; kind++)
        printf("# %-24s%12llu%12llu\n", actions[kind], (unsigned long long)coverage->actions[kind],
               (unsigned long long)coverage->lost[kind]);
    printf("#\n# %-24s%12s\n", "flag", "set");
    for (unsigned bit = 0; bit < RECORD_FLAGS; bit++)
        printf("# %-24s%12llu\n", flags[bit], (unsigned long long)coverage->flags[bit]);
    printf("#\n");
}
