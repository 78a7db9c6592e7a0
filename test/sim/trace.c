// SPDX-License-Identifier: MIT
// One line a fact. "<" goes into the supervisor, "*" and ">" come out of it, "~" is the world.
#include "sim/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const inputs[] = {
    [INPUT_PLAN] = "plan",
    [INPUT_SPAWNED] = "spawned",
    [INPUT_SPAWN_FAILED] = "spawn failed",
    [INPUT_READY] = "ready",
    [INPUT_UNREADY] = "unready",
    [INPUT_EXITED] = "exited",
    [INPUT_LEFT] = "left",
    [INPUT_EMPTIED] = "emptied",
    [INPUT_RESTART] = "restart",
    [INPUT_ROLL] = "roll",
    [INPUT_HALT] = "halt",
    [INPUT_START] = "start",
    [INPUT_UNRESPONSIVE] = "unresponsive",
    [INPUT_EXTEND] = "extend",
    [INPUT_STOP] = "stop",
    [INPUT_KILL] = "kill",
    [INPUT_TIME] = "time",
};

static const char *const actions[] = {
    [ACTION_SPAWN] = "spawn",
    [ACTION_SIGNAL] = "signal",
    [ACTION_SIGNAL_TREE] = "signal tree",
    [ACTION_KILL_TREE] = "kill tree",
    [ACTION_BURY] = "bury",
    [ACTION_END] = "end",
};

void trace_line(struct trace *trace, nsec_t now, const char *format, ...)
{
    if (!trace->is_on)
        return;
    char *line = trace->lines[trace->count++ % TRACE_LINES];
    int size = snprintf(line, TRACE_COLUMNS, "%10.6f  ", (double)now / (double)NSEC_PER_SEC);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line + size, (size_t)(TRACE_COLUMNS - size), format, arguments);
    va_end(arguments);
    if (trace->prints)
        (void)puts(line);
}

void trace_input(struct trace *trace, const struct input *input)
{
    if (!trace->is_on)
        return;
    char quantities[64] = "";
    size_t size = 0;
    switch (input->kind) {
    case INPUT_PLAN:
        for (size_t i = 0; i < input->plan->type_count; i++)
            size += (size_t)snprintf(quantities + size, sizeof(quantities) - size, " %c=%u",
                                     'a' + (int)i, input->plan->types[i].quantity);
        trace_line(trace, input->now, "< plan%s", quantities);
        break;
    case INPUT_TIME:
    case INPUT_KILL:
        trace_line(trace, input->now, "< %s", inputs[input->kind]);
        break;
    case INPUT_STOP:
        trace_line(trace, input->now, "< stop, signal %d", input->value);
        break;
    case INPUT_SPAWNED:
    case INPUT_SPAWN_FAILED:
    case INPUT_READY:
    case INPUT_UNREADY:
    case INPUT_EXITED:
    case INPUT_LEFT:
    case INPUT_EMPTIED:
    case INPUT_RESTART:
    case INPUT_ROLL:
    case INPUT_HALT:
    case INPUT_START:
    case INPUT_EXTEND:
    case INPUT_UNRESPONSIVE:
        if (input->slots)
            trace_line(trace, input->now, "< %s: %zu slots at once", inputs[input->kind],
                       input->slot_count);
        else
            trace_line(trace, input->now, "< %s: slot %u, token %u, value %d", inputs[input->kind],
                       input->slot, input->token, input->value);
        break;
    }
}

void trace_event(struct trace *trace, const struct event *event)
{
    static const char *const phases[] = {"running", "stopping", "killing", "ended"};
    static const char flag_letters[] =
        "WARKUrPF"; // wanted asked restart killed unspawned roll rolled failed
    if (!trace->is_on)
        return;
    if (event_is_of_formation(event->kind)) {
        trace_line(trace, event->at, "  * %s %d: %s", event_kind_name(event->kind), event->detail,
                   phases[event->formation.phase]);
        return;
    }
    const struct process_record *process = &event->process;
    char flags[sizeof(flag_letters)] = "";
    char until[32] = "";
    size_t size = 0;
    for (unsigned bit = 0; flag_letters[bit]; bit++)
        if (process->flags & 1u << bit)
            flags[size++] = flag_letters[bit];
    flags[size] = '\0';
    if (process->deadline != NSEC_NEVER)
        (void)snprintf(until, sizeof(until), ", until %.6f",
                       (double)process->deadline / (double)NSEC_PER_SEC);
    trace_line(trace, event->at, "  * %s %d: slot %u = %c.%u is %s [%s]%s",
               event_kind_name(event->kind), event->detail, event->slot, 'a' + process->id.type,
               process->id.number, process_state_name(process->state), flags, until);
}

void trace_action(struct trace *trace, nsec_t now, const struct action *action, bool is_done)
{
    trace_line(trace, now, "  > %s: slot %u, token %u, value %d%s", actions[action->kind],
               action->slot, action->token, action->value, is_done ? "" : " (not carried out)");
}

void trace_print(const struct trace *trace)
{
    unsigned first = trace->count > TRACE_LINES ? trace->count - TRACE_LINES : 0;
    for (unsigned i = first; i < trace->count; i++)
        (void)printf("# %s\n", trace->lines[i % TRACE_LINES]);
}
