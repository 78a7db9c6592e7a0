// SPDX-License-Identifier: MIT
// The order of members is that of the description. What there is none of is left out.
#include "control/describe.h"

#include "base/limits.h"
#include "base/signal_name.h"
#include "control/json_put.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static void put_time(struct buffer *out, const char *name, const struct description *description,
                     nsec_t at)
{
    if (at != NSEC_NEVER)
        json_put_seconds(out, name, at + description->wall_offset);
}

static void put_name(struct buffer *out, const char *name, const struct plan *plan,
                     struct process_id id)
{
    char text[PROCESS_NAME_BYTES];
    json_put_text(out, name, str_of(plan_process_name(plan, id, text)));
}

// Signals without a name of their own are numbers, as signal_number() reads them.
static void put_signal(struct buffer *out, const char *name, int number)
{
    char text[16];
    struct str signal = str_of(signal_name(number));
    if (!str_starts_with(signal, "SIG")) {
        (void)snprintf(text, sizeof(text), "%d", number);
        signal = str_of(text);
    }
    json_put_text(out, name, signal);
}

// The limit is that of the plan, by which it was put, or another that a reload has brought since.
// `type` NULL: it was no process of the plan.
static void put_exit(struct buffer *out, int wait_status, const struct process_type *type)
{
    json_put_object(out, "exit");
    if (WIFEXITED(wait_status)) {
        json_put_integer(out, "code", WEXITSTATUS(wait_status));
    } else if (WIFSIGNALED(wait_status)) {
        put_signal(out, "signal", WTERMSIG(wait_status));
        json_put_bool(out, "core", WCOREDUMP(wait_status));
    }
    if (wait_status & EXIT_OUT_OF_MEMORY)
        json_put_bool(out, "out_of_memory", true);
    if (wait_status & EXIT_OUT_OF_MEMORY && type && type->confinement.tree.memory_bytes > 0)
        json_put_integer(out, "memory_limit", (int64_t)type->confinement.tree.memory_bytes);
    json_put_object_end(out);
}

static void put_error(struct buffer *out, int code)
{
    const char *reason = strerrordesc_np(code < 0 ? -code : code);
    json_put_text(out, "error", str_of(reason ? reason : "unknown error"));
}

static bool is_live(const struct process_record *record)
{
    return record->state == PROCESS_RUNNING || record->state == PROCESS_READY ||
           record->state == PROCESS_STOPPING;
}

// A program that could not be started counts as an exit, too: then the status is not 0.
static bool has_exited(const struct process_record *record)
{
    return record->exit_status != 0 || record->starts > (is_live(record) ? 1 : 0);
}

// Cuts between two characters.
static struct str cut_command(struct str command)
{
    size_t end = DESCRIBE_COMMAND_BYTES;
    if (command.size <= end)
        return command;
    while (end > DESCRIBE_COMMAND_BYTES - 4 && ((unsigned char)command.bytes[end] & 0xc0) == 0x80)
        end--;
    return str_slice(command, 0, end);
}

static void put_share(struct buffer *out, const char *name, int hundredths)
{
    const nsec_t hundredth = NSEC_PER_SEC / 10000;
    if (hundredths >= 0)
        json_put_seconds(out, name, hundredths * hundredth);
}

static void put_usage(struct buffer *out, const struct process_usage *usage)
{
    json_put_seconds(out, "cpu_seconds", usage->cpu);
    json_put_integer(out, "memory_bytes", (int64_t)usage->memory_bytes);
    json_put_integer(out, "tasks", (int64_t)usage->task_count);
    put_share(out, "cpu_pressure", usage->cpu_pressure);
    put_share(out, "memory_pressure", usage->memory_pressure);
}

static void put_limits(struct buffer *out, const struct tree_limits *limits)
{
    if (limits->memory_bytes > 0)
        json_put_integer(out, "memory_limit", (int64_t)limits->memory_bytes);
    if (limits->cpu_thousandths > 0)
        json_put_seconds(out, "cpu_limit", (nsec_t)limits->cpu_thousandths * NSEC_PER_MSEC);
    if (limits->processes > 0)
        json_put_integer(out, "task_limit", (int64_t)limits->processes);
}

void describe_process(struct buffer *out, const char *name, const struct description *description,
                      const struct process_facts *facts)
{
    const struct process_record *record = facts->record;
    const struct plan *plan = description->plan;
    const struct process_type *type = &plan->types[record->id.type];
    unsigned port = plan_port(plan, record->id);
    assert(record->state != PROCESS_VACANT);
    json_put_object(out, name);
    put_name(out, "name", plan, record->id);
    json_put_text(out, "type", type->name);
    json_put_integer(out, "number", record->id.number);
    json_put_text(out, "state", str_of(process_state_name((enum process_state)record->state)));
    if (is_live(record))
        json_put_integer(out, "pid", record->pid);
    if (port > 0)
        json_put_integer(out, "port", port);
    put_time(out, "since", description, record->since);
    json_put_integer(out, "restarts", record->starts > 0 ? record->starts - 1 : 0);
    json_put_integer(out, "crashes", record->crashes);
    if (has_exited(record))
        put_exit(out, record->exit_status, type);
    if (record->state == PROCESS_BACKOFF)
        put_time(out, "next_start", description, record->deadline);
    if (record->state == PROCESS_FINISHED && record->flags & RECORD_ASKED)
        json_put_bool(out, "stopped", true);
    if (is_live(record) && facts->status_text && facts->status_text[0])
        json_put_text(out, "status_text", str_of(facts->status_text));
    if (facts->usage)
        put_usage(out, facts->usage);
    put_limits(out, &type->confinement.tree);
    json_put_text(out, "command", cut_command(type->command));
    json_put_integer(out, "quantity_of_type", type->quantity);
    json_put_integer(out, "declared", type->declared);
    json_put_integer(out, "dropped", (int64_t)facts->dropped);
    json_put_object_end(out);
}

static const char *cause_name(enum drop_cause cause)
{
    switch (cause) {
    case DROP_SLOW:
        return "slow";
    case DROP_FAILING:
        return "failing";
    case DROP_REFUSED:
        return "refused";
    }
    return "slow";
}

static void put_event_sink(struct buffer *out, const struct event *event)
{
    json_put_text(out, "sink", str_of(event->sink.name));
    json_put_text(out, "cause", str_of(cause_name((enum drop_cause)event->detail)));
    if (event->kind == EVENT_SINK_DROPPED)
        json_put_integer(out, "count", (int64_t)event->sink.dropped);
    json_put_integer(out, "total", (int64_t)event->sink.total);
}

static void put_event_detail(struct buffer *out, const struct description *description,
                             const struct event *event)
{
    const struct process_type *type = &description->plan->types[event->process.id.type];
    switch ((enum event_kind)event->kind) {
    case EVENT_SPAWN_FAILED:
        put_error(out, event->detail);
        break;
    case EVENT_EXITED:
        put_exit(out, event->detail, type);
        break;
    case EVENT_FINISHED:
        if (has_exited(&event->process))
            put_exit(out, event->detail, type);
        break;
    case EVENT_LEFT:
    case EVENT_KILLING:
    case EVENT_ROLL_HALTED:
    case EVENT_FORMATION_WAITING:
        json_put_integer(out, "count", event->detail);
        break;
    case EVENT_MANAGER_RESTARTED:
        json_put_integer(out, "count", event->detail);
        if (event->manager.status != 0)
            put_exit(out, event->manager.status, NULL);
        break;
    case EVENT_STOPPING:
    case EVENT_BOOT_EXPIRED:
    case EVENT_UNRESPONSIVE:
        put_signal(out, "signal", event->detail);
        break;
    case EVENT_FORMATION_STOPPING:
        if (event->detail > 0)
            put_signal(out, "signal", event->detail);
        break;
    case EVENT_BACKOFF:
        json_put_integer(out, "crashes", event->process.crashes);
        put_time(out, "next_start", description, event->process.deadline);
        break;
    case EVENT_FORMATION_ENDED:
        json_put_integer(out, "code", event->detail);
        break;
    case EVENT_SINK_DROPPING:
    case EVENT_SINK_DROPPED:
        put_event_sink(out, event);
        break;
    case EVENT_PLACED:
    case EVENT_ASKED:
    case EVENT_STARTING:
    case EVENT_STARTED:
    case EVENT_READY:
    case EVENT_UNREADY:
    case EVENT_ABANDONED:
    case EVENT_REMOVED:
    case EVENT_FORMATION_KILLING:
    case EVENT_KIND_COUNT:
        break;
    }
}

// A process that was removed has no state any more, and one that SIGKILL did not end keeps its pid.
static void put_event_process(struct buffer *out, const struct plan *plan,
                              const struct event *event)
{
    const struct process_record *record = &event->process;
    put_name(out, "process", plan, record->id);
    if (record->state != PROCESS_VACANT)
        json_put_text(out, "state", str_of(process_state_name((enum process_state)record->state)));
    if (is_live(record) || event->kind == EVENT_EXITED || event->kind == EVENT_ABANDONED)
        json_put_integer(out, "pid", record->pid);
}

void describe_event(struct buffer *out, const char *name, const struct description *description,
                    const struct event *event)
{
    json_put_object(out, name);
    json_put_integer(out, "sequence", (int64_t)event->sequence);
    put_time(out, "at", description, event->at);
    json_put_text(out, "kind", str_of(event_kind_name((enum event_kind)event->kind)));
    if (event_is_of_process((enum event_kind)event->kind))
        put_event_process(out, description->plan, event);
    put_event_detail(out, description, event);
    json_put_object_end(out);
}

void describe_line(struct buffer *out, const char *name, const struct description *description,
                   nsec_t at, struct str process, struct str text, bool is_cut)
{
    json_put_object(out, name);
    put_time(out, "at", description, at);
    json_put_text(out, "process", process);
    json_put_text(out, "text", text);
    if (is_cut)
        json_put_bool(out, "cut", true);
    json_put_object_end(out);
}

static void put_life(struct buffer *out, const struct description *description,
                     const struct process_type *type, const struct process_life *life)
{
    json_put_object(out, NULL);
    if (life->pid > 0)
        json_put_integer(out, "pid", life->pid);
    put_time(out, "started", description, life->started);
    put_time(out, "ended", description, life->ended);
    if (life->spawn_error)
        put_error(out, life->spawn_error);
    else
        put_exit(out, life->exit_status, type);
    json_put_bool(out, "asked", life->asked);
    json_put_bool(out, "out_of_memory", life->exit_status & EXIT_OUT_OF_MEMORY);
    if (life->left.size > 0)
        json_put_text(out, "left", life->left);
    json_put_list(out, "last_lines");
    for (size_t i = 0; i < life->last_lines.count; i++)
        json_put_text(out, NULL, life->last_lines.items[i]);
    json_put_list_end(out);
    json_put_object_end(out);
}

void describe_history(struct buffer *out, const char *name, const struct description *description,
                      const struct process_facts *facts, const struct process_life *lives,
                      size_t life_count)
{
    json_put_object(out, name);
    describe_process(out, "process", description, facts);
    json_put_list(out, "lives");
    for (size_t i = 0; i < life_count; i++)
        put_life(out, description, &description->plan->types[facts->record->id.type], &lives[i]);
    json_put_list_end(out);
    json_put_object_end(out);
}

struct type_count {
    unsigned processes;
    unsigned ready;
};

static void put_demand(struct buffer *out, const struct process_type *type,
                       const struct type_demand *demand)
{
    json_put_object(out, "demand");
    json_put_bool(out, "auto", plan_type_is_auto(type));
    json_put_integer(out, "min", type->scale.min);
    json_put_integer(out, "max", type->scale.max);
    json_put_text(out, "signal", str_of(scale_signal_name(type->scale.signal)));
    if (demand->value >= 0 && type->scale.signal == SCALE_MEMORY)
        json_put_integer(out, "value", demand->value);
    else if (demand->value >= 0)
        json_put_seconds(out, "value", demand->value * NSEC_PER_MSEC); // a decimal number
    json_put_text(out, "why", str_of(demand->why));
    if (demand->trouble[0])
        json_put_text(out, "trouble", str_of(demand->trouble));
    json_put_object_end(out);
}

static void put_type(struct buffer *out, const struct description *description, size_t index,
                     const struct type_count *count, const struct type_demand *demand)
{
    const struct plan *plan = description->plan;
    const struct process_type *type = &plan->types[index];
    unsigned port = plan_port(plan, (struct process_id){(uint16_t)index, 1});
    json_put_object(out, NULL);
    json_put_text(out, "name", type->name);
    json_put_text(out, "command", type->command);
    json_put_integer(out, "quantity", type->quantity);
    json_put_integer(out, "declared", description->plan->types[index].declared);
    json_put_integer(out, "processes", count->processes);
    json_put_integer(out, "ready", count->ready);
    if (port > 0)
        json_put_integer(out, "port", port);
    json_put_list(out, "after");
    for (size_t i = 0; i < type->after_count; i++)
        json_put_text(out, NULL, plan->types[type->after[i]].name);
    json_put_list_end(out);
    if (demand && demand->why)
        put_demand(out, type, demand);
    json_put_object_end(out);
}

static void put_sink(struct buffer *out, const struct description *description,
                     const struct sink_facts *sink)
{
    static const char *const states[] = {
        [SINK_OK] = "ok", [SINK_SLOW] = "slow", [SINK_FAILING] = "failing"};
    json_put_object(out, NULL);
    json_put_text(out, "name", sink->name);
    json_put_text(out, "policy", str_of(sink_policy_name(sink->policy)));
    json_put_text(out, "state", str_of(states[sink->state]));
    put_time(out, "since", description, sink->since);
    if (sink->state == SINK_FAILING)
        json_put_text(out, "why", sink->why);
    json_put_integer(out, "waiting_bytes", (int64_t)sink->waiting_bytes);
    json_put_integer(out, "dropped", (int64_t)sink->dropped);
    json_put_object_end(out);
}

static const char *phase_name(enum formation_phase phase)
{
    switch (phase) {
    case FORMATION_RUNNING:
        return "running";
    case FORMATION_STOPPING:
        return "stopping";
    case FORMATION_KILLING:
        return "killing";
    case FORMATION_ENDED:
        return "ended";
    }
    return "ended";
}

void describe_status(struct buffer *out, const struct description *description,
                     const struct formation_status *status)
{
    const struct plan *plan = description->plan;
    struct type_count counts[LIMIT_TYPES] = {{0}};
    for (size_t i = 0; i < status->process_count; i++) {
        const struct process_record *record = &status->processes[i];
        counts[record->id.type].processes += record->state != PROCESS_VACANT;
        counts[record->id.type].ready += record->state == PROCESS_READY;
    }
    json_put_text(out, "app", plan->app);
    json_put_text(out, "root", plan->root);
    json_put_integer(out, "guard_pid", status->guard_pid);
    json_put_integer(out, "manager_pid", status->manager_pid);
    json_put_integer(out, "manager_restarts", status->manager_restarts);
    json_put_text(out, "version", str_of(status->version));
    json_put_text(out, "phase", str_of(phase_name((enum formation_phase)status->formation->phase)));
    put_time(out, "since", description, status->since);
    json_put_list(out, "types");
    for (size_t i = 0; i < plan->type_count; i++)
        if (!plan->types[i].is_gone || counts[i].processes > 0)
            put_type(out, description, i, &counts[i], status->demands ? &status->demands[i] : NULL);
    json_put_list_end(out);
    json_put_list(out, "sinks");
    for (size_t i = 0; i < status->sink_count; i++)
        put_sink(out, description, &status->sinks[i]);
    json_put_list_end(out);
}

void describe_changes(struct buffer *out, const struct plan *plan,
                      const struct change_of_type *changes)
{
    json_put_list(out, "changes");
    for (size_t i = 0; i < plan->type_count; i++) {
        const struct change_of_type *change = &changes[i];
        if (change->from == change->to && change->was_auto == change->is_auto)
            continue;
        json_put_object(out, NULL);
        json_put_text(out, "type", plan->types[i].name);
        json_put_integer(out, "from", change->from);
        json_put_integer(out, "to", change->to);
        if (change->was_auto || change->is_auto)
            json_put_bool(out, "auto", change->is_auto);
        json_put_object_end(out);
    }
    json_put_list_end(out);
}
