// SPDX-License-Identifier: MIT
// A watch follows the state of its process, whoever changed it: each event leads to the same
// question, whether the phase or the incarnation is another one. So nothing has to be restored when
// a manager goes on with a formation.
//
// There is no queue of deadlines. All watches are looked at when the earliest one is due, at most
// every few milliseconds: no interval is that short.
#include "manager/watch.h"

#include "manager/state.h"
#include "os/clock.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORK_AGAIN_AFTER (5 * NSEC_PER_MSEC)
#define SOCKET_PATIENCE NSEC_PER_SEC // for a WATCHDOG=1 that is in the socket and not read yet

void watch_open(struct manager *manager)
{
    manager->watches.wake_at = NSEC_NEVER;
    look_adopt_children(manager);
}

void watch_wake(struct manager *manager, nsec_t at)
{
    if (at < manager->watches.wake_at)
        manager->watches.wake_at = at;
}

void watch_set_reason(struct watch *watch, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(watch->reason, sizeof(watch->reason), format, arguments);
    va_end(arguments);
}

const char *watch_reason(const struct process *process)
{
    return process && process->watch ? process->watch->reason : "";
}

// --- the list, in the order in which they were looked at

static void append(struct watches *watches, struct watch *watch)
{
    watch->next = NULL;
    watch->previous = watches->last;
    if (watches->last)
        watches->last->next = watch;
    else
        watches->first = watch;
    watches->last = watch;
}

static void take_out(struct watches *watches, struct watch *watch)
{
    if (watch->previous)
        watch->previous->next = watch->next;
    else
        watches->first = watch->next;
    if (watch->next)
        watch->next->previous = watch->previous;
    else
        watches->last = watch->previous;
}

static struct watch *get_watch(struct process *process)
{
    struct watch *watch = process->watch ? NULL : calloc(1, sizeof(*watch));
    if (!watch)
        return process->watch;
    watch->process = process;
    watch->notify = -1;
    watch->due_at = watch->watchdog_at = NSEC_NEVER;
    append(&process->manager->watches, watch);
    process->watch = watch;
    return watch;
}

void watch_end(struct process *process)
{
    struct watch *watch = process->watch;
    if (!watch)
        return;
    look_forget(watch);
    take_out(&process->manager->watches, watch);
    if (watch->notify >= 0) {
        loop_remove(&process->manager->loop, &watch->source);
        (void)close(watch->notify);
    }
    process->watch = NULL;
    free(watch);
}

void watch_close(struct manager *manager)
{
    for (struct watch *watch = manager->watches.first; watch; watch = watch->next)
        look_forget(watch);
    look_close(manager);
    watch_forget_patterns(manager);
}

// --- phases

static const struct process_record *record_of(const struct watch *watch)
{
    return supervisor_process(watch->process->manager->supervisor, watch->process->slot);
}

static const struct process_type *type_of(const struct watch *watch)
{
    return &watch->process->manager->plan->types[record_of(watch)->id.type];
}

static bool is_watched(const struct process_type *type)
{
    return type->ready.kind != PROBE_NONE || type->alive.kind != PROBE_NONE ||
           plan_type_notifies(type);
}

static const struct probe *probe_of(const struct watch *watch)
{
    static const struct probe none = {.kind = PROBE_NONE};
    const struct process_type *type = type_of(watch);
    if (watch->is_leaving || watch->phase == WATCH_NOTHING)
        return &none;
    return watch->phase == WATCH_READY ? &type->ready : &type->alive;
}

static bool is_looked_at(const struct probe *probe)
{
    return probe->kind == PROBE_TCP || probe->kind == PROBE_HTTP || probe->kind == PROBE_EXEC;
}

static enum watch_phase phase_of(const struct process_record *record)
{
    if (record->state == PROCESS_RUNNING)
        return WATCH_READY;
    return record->state == PROCESS_READY ? WATCH_ALIVE : WATCH_NOTHING;
}

static void begin_life(struct watch *watch, const struct process_record *record)
{
    watch->token = record->token;
    watch->port = plan_port(watch->process->manager->plan, record->id);
    watch->is_leaving = false;
    watch->told = 0;
    watch->trusted = 0;
    watch->changed_at = 0;
    watch->watchdog_at = NSEC_NEVER;
}

static void begin_ready(struct watch *watch, const struct probe *probe)
{
    watch->reason[0] = '\0';
    if (is_looked_at(probe))
        watch->due_at = 0;
    else if (probe->kind == PROBE_LOG)
        watch_set_reason(watch, "no line of its output matched '%.*s'",
                         STR_ARGS(str_excerpt(probe->text)));
    else if (probe->kind == PROBE_NOTIFY)
        watch_set_reason(watch, "it has not sent READY=1 to NOTIFY_SOCKET");
    if (probe->kind == PROBE_LOG)
        watch_search_lines(watch);
}

// Once it was ready it has to give signs of life until its end, also while it reloads.
static void set_watchdog(struct watch *watch, nsec_t now)
{
    const struct process_policy *policy = &type_of(watch)->policy;
    const struct process_record *record = record_of(watch);
    bool was_ready = record->state == PROCESS_READY || record->deadline == NSEC_NEVER;
    if (watch->phase == WATCH_NOTHING || policy->watchdog == 0 || !was_ready)
        watch->watchdog_at = NSEC_NEVER;
    else if (watch->watchdog_at == NSEC_NEVER)
        watch->watchdog_at = now + policy->watchdog;
}

static void begin_phase(struct watch *watch, enum watch_phase phase)
{
    nsec_t now = clock_now();
    look_forget(watch);
    watch->phase = phase;
    watch->due_at = NSEC_NEVER;
    watch->failures = 0;
    const struct probe *probe = probe_of(watch);
    if (phase == WATCH_READY)
        begin_ready(watch, probe);
    else if (is_looked_at(probe))
        watch->due_at = now + probe->interval;
    set_watchdog(watch, now);
    watch_wake(watch->process->manager, watch->due_at);
    watch_wake(watch->process->manager, watch->watchdog_at);
}

static void follow(struct process *process, bool is_new_plan)
{
    struct manager *manager = process->manager;
    const struct process_record *record = supervisor_process(manager->supervisor, process->slot);
    enum watch_phase phase = phase_of(record);
    bool is_wanted = phase != WATCH_NOTHING && is_watched(&manager->plan->types[record->id.type]);
    struct watch *watch = is_wanted ? get_watch(process) : process->watch;
    if (!watch)
        return;
    bool is_new_life = watch->token != record->token;
    if (is_new_life && phase != WATCH_NOTHING)
        begin_life(watch, record);
    if (is_new_life || is_new_plan || watch->phase != phase)
        begin_phase(watch, phase);
}

void watch_follow(struct manager *manager, unsigned slot)
{
    struct process *process = process_of(manager, slot);
    if (process)
        follow(process, false);
}

void watch_hear(struct manager *manager, const struct event *event)
{
    if (!event_is_of_process(event->kind))
        return;
    struct process *process = process_of(manager, event->slot);
    if (!process)
        return;
    if (event->kind == EVENT_STARTED || event->kind == EVENT_EXITED)
        process->status_text[0] = '\0';
    follow(process, false);
}

void watch_follow_plan(struct manager *manager)
{
    watch_forget_patterns(manager);
    for (unsigned slot = 0; slot < supervisor_slot_count(manager->supervisor); slot++) {
        struct process *process = process_of(manager, slot);
        if (process)
            follow(process, true);
        if (process && process->watch)
            look_clear_branch(process);
    }
}

int watch_prepare(struct process *process, struct arena *arena, struct launch *launch)
{
    const struct process_record *record =
        supervisor_process(process->manager->supervisor, process->slot);
    const struct process_type *type = &process->manager->plan->types[record->id.type];
    if (!is_watched(type))
        return 0;
    struct watch *watch = get_watch(process);
    if (!watch || (type->ready.kind == PROBE_LOG && !watch_can_match(process->manager, type)))
        return -ENOMEM;
    return plan_type_notifies(type) ? notify_prepare(watch, arena, launch) : 0;
}

void watch_adopt(struct process *process, int notify)
{
    struct watch *watch = get_watch(process);
    if (!watch) {
        (void)close(notify);
        return;
    }
    watch->notify = notify;
    watch->guard_has_it = true;
    notify_listen(watch);
}

// --- verdicts

static void tell_supervise(struct watch *watch, enum input_kind kind)
{
    struct process *process = watch->process;
    if (!process->is_dead) // its end is news already, and only its last words are waited for
        decide_later(process->manager, (struct input){.kind = kind, .slot = process->slot});
}

void watch_condemn(struct watch *watch)
{
    watch->watchdog_at = watch->due_at = NSEC_NEVER; // once is enough
    tell_supervise(watch, INPUT_UNRESPONSIVE);
}

static void count_failure(struct watch *watch, const struct probe *probe)
{
    watch->failures++;
    if (watch->failures < probe->failures)
        return;
    size_t size = strlen(watch->reason);
    if (watch->failures > 1)
        (void)snprintf(watch->reason + size, sizeof(watch->reason) - size, ", %u times in a row",
                       watch->failures);
    watch_condemn(watch);
}

void watch_judge(struct watch *watch, enum look_verdict verdict, const char *reason)
{
    if (verdict != LOOK_GOOD)
        watch_set_reason(watch, "%s", reason);
    if (verdict == LOOK_GOOD && watch->phase == WATCH_READY)
        tell_supervise(watch, INPUT_READY);
    else if (verdict == LOOK_GOOD)
        watch->failures = 0;
    else if (verdict == LOOK_BAD && watch->phase == WATCH_ALIVE)
        count_failure(watch, probe_of(watch));
}

// --- time

static void miss_watchdog(struct watch *watch, nsec_t now)
{
    char text[DURATION_TEXT_BYTES];
    if (notify_is_waiting(watch) && now < watch->watchdog_at + SOCKET_PATIENCE) {
        watch_wake(watch->process->manager, now);
        return; // we are late, not the process
    }
    watch_set_reason(watch, "no WATCHDOG=1 within %s",
                     duration_format(type_of(watch)->policy.watchdog, text));
    watch_condemn(watch);
}

static void attend(struct watch *watch, nsec_t now)
{
    struct manager *manager = watch->process->manager;
    const struct probe *probe = probe_of(watch);
    if (watch->watchdog_at <= now)
        miss_watchdog(watch, now);
    if (watch->due_at <= now && !watch->look && look_is_possible(manager, probe)) {
        watch->due_at = NSEC_NEVER;
        take_out(&manager->watches, watch);
        append(&manager->watches, watch);
        look_begin(watch, probe);
    }
    notify_resume(watch, now);
    if (!watch->look && watch->due_at > now) // who waits for others to end is woken by their end
        watch_wake(manager, watch->due_at);
    watch_wake(manager, watch->watchdog_at);
}

// A boot limit that a process has not reached yet is put off in the journal.
static void forgive_boot(struct watch *watch, nsec_t lost, nsec_t now)
{
    const struct process_record *record = record_of(watch);
    if (record->state != PROCESS_RUNNING || record->deadline == NSEC_NEVER)
        return;
    nsec_t rest = (record->deadline + lost - now) / NSEC_PER_MSEC;
    if (rest > 0 && rest <= INT_MAX)
        decide_later(
            watch->process->manager,
            (struct input){.kind = INPUT_EXTEND, .slot = watch->process->slot, .value = (int)rest});
}

void watch_forgive(struct manager *manager, nsec_t lost)
{
    nsec_t now = clock_now();
    for (struct look *look = manager->watches.looks; look; look = look->next)
        look->deadline += lost;
    for (struct watch *watch = manager->watches.first; watch; watch = watch->next) {
        if (watch->watchdog_at != NSEC_NEVER)
            watch->watchdog_at += lost;
        forgive_boot(watch, lost, now);
    }
}

nsec_t watch_due_at(const struct manager *manager)
{
    nsec_t soonest = manager->watches.worked_at + WORK_AGAIN_AFTER;
    return manager->watches.wake_at < soonest ? soonest : manager->watches.wake_at;
}

void watch_work(struct manager *manager, nsec_t now)
{
    struct watch *next;
    if (watch_due_at(manager) > now)
        return;
    manager->watches.worked_at = now;
    manager->watches.wake_at = NSEC_NEVER;
    look_sweep(manager, now);
    for (struct watch *watch = manager->watches.first; watch; watch = next) {
        next = watch->next;
        attend(watch, now);
    }
}
