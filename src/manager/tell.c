// SPDX-License-Identifier: MIT
// Events as lines in the output, where whoever watches the processes sees them in their order.
#include "manager/tell.h"
#include "manager/drops.h"
#include "manager/state.h"

#include "os/proc.h"
#include "view/foreground.h"
#include "view/sentence.h"

#include <errno.h>
#include <signal.h>

// The machine's refusals are told the first time and then every so often: at one every two seconds,
// about three lines a minute.
enum { TELL_REFUSAL_EVERY = 10, NAMES_SHOWN = 64 };

static enum launch_stage launch_stage_of(enum spawn_stage stage)
{
    switch (stage) {
    case SPAWN_STAGE_CLONE:
        return LAUNCH_FORK;
    case SPAWN_STAGE_DIRECTORY:
        return LAUNCH_DIRECTORY;
    case SPAWN_STAGE_EXEC:
        return LAUNCH_COMMAND;
    case SPAWN_STAGE_DESCRIPTORS:
        return LAUNCH_OUTPUT;
    case SPAWN_STAGE_SESSION:
    case SPAWN_STAGE_TERMINAL:
        return LAUNCH_SETUP;
    case SPAWN_STAGE_LIMITS:
        return LAUNCH_LIMITS;
    case SPAWN_STAGE_CONFINEMENT:
        return LAUNCH_CONFINEMENT;
    case SPAWN_STAGE_NICE:
        return LAUNCH_NICE;
    case SPAWN_STAGE_TMP:
        return LAUNCH_TMP;
    case SPAWN_STAGE_GROUPS:
    case SPAWN_STAGE_GROUP:
    case SPAWN_STAGE_USER:
        return LAUNCH_USER;
    case SPAWN_STAGE_CAPABILITIES:
    case SPAWN_STAGE_PRIVILEGES:
        return LAUNCH_CAPABILITIES;
    }
    return LAUNCH_SETUP;
}

// What it failed at.
static struct str subject_of(enum launch_stage stage, const struct process_type *type)
{
    const struct rights *rights = &type->confinement.rights;
    if (stage == LAUNCH_USER)
        return rights->user.size > 0 ? rights->user : rights->group;
    return stage == LAUNCH_DIRECTORY ? type->directory : type->command;
}

void tell_not_started(struct buffer *out, const struct process_type *type, enum spawn_stage stage,
                      int code)
{
    enum launch_stage failed = launch_stage_of(stage);
    sentence_not_started(out, failed, code, subject_of(failed, type));
}

static void write_not_started(struct manager *manager, const struct event *event,
                              struct buffer *out)
{
    const struct process_type *type = &manager->plan->types[event->process.id.type];
    const struct process *process = process_of(manager, event->slot);
    enum spawn_stage stage = process ? process->failed_stage : SPAWN_STAGE_DESCRIPTORS;
    unsigned refusals = event->process.refusals;
    if (refusals > 1 && refusals % TELL_REFUSAL_EVERY != 0)
        return;
    tell_not_started(out, type, stage, event->detail);
}

// The main process is there still a second after it was killed; its pid is nobody else's meanwhile.
static void write_unkilled(const struct event *event, struct buffer *out)
{
    struct proc_status status;
    if (event->process.state != PROCESS_STOPPING ||
        proc_read_status(event->process.pid, &status) < 0 || status.state == 'Z')
        return;
    sentence_unkilled(out, kill(event->process.pid, 0) < 0 && errno == EPERM);
}

// Who they are has died with a manager that was killed before it could tell.
static void write_left_behind(const struct process *process, int count, struct buffer *out)
{
    struct str who = str_of(process ? process->left.who : "");
    struct str program = str_of(process ? process->left.program : "");
    sentence_left_behind(out, (unsigned)count, who, foreground_command(program));
}

static void write_process_sentence(struct manager *manager, const struct event *event,
                                   struct buffer *out)
{
    const struct process_record *record = &event->process;
    const struct process_type *type = &manager->plan->types[record->id.type];
    const struct process_policy *policy = &type->policy;
    switch ((enum event_kind)event->kind) {
    case EVENT_STARTED:
        sentence_started(out, event->detail);
        break;
    case EVENT_SPAWN_FAILED:
        write_not_started(manager, event, out);
        break;
    case EVENT_EXITED:
        sentence_ended_within(out, event->detail, type->confinement.tree.memory_bytes);
        break;
    case EVENT_LEFT:
        if (!(record->flags & (RECORD_ASKED | RECORD_RESTART)))
            write_left_behind(process_of(manager, event->slot), event->detail, out);
        break;
    case EVENT_BOOT_EXPIRED:
        sentence_boot_expired(out, policy->boot_limit,
                              watch_reason(process_of(manager, event->slot)));
        break;
    case EVENT_UNRESPONSIVE:
        sentence_unresponsive(out, watch_reason(process_of(manager, event->slot)));
        break;
    case EVENT_ROLL_HALTED:
        sentence_roll_halted(out, (unsigned)event->detail);
        break;
    case EVENT_ABANDONED:
        sentence_abandoned(out, event->detail);
        break;
    case EVENT_BACKOFF:
        if (event->detail > 0)
            sentence_restarting(out, record->deadline - event->at, (unsigned)event->detail);
        break;
    case EVENT_KILLING: // the first one is told for all together
        if (event->detail == 2)
            write_unkilled(event, out);
        break;
    case EVENT_PLACED:
    case EVENT_ASKED:
    case EVENT_STARTING:
    case EVENT_READY:
    case EVENT_UNREADY:
    case EVENT_STOPPING:
    case EVENT_FINISHED:
    case EVENT_REMOVED:
    case EVENT_SINK_DROPPING:
    case EVENT_SINK_DROPPED:
    case EVENT_FORMATION_STOPPING:
    case EVENT_FORMATION_WAITING:
    case EVENT_FORMATION_KILLING:
    case EVENT_FORMATION_ENDED:
    case EVENT_MANAGER_RESTARTED:
    case EVENT_KIND_COUNT:
        break;
    }
}

static void tell_of_process(struct manager *manager, const struct event *event)
{
    struct buffer text = {0};
    write_process_sentence(manager, event, &text);
    if (text.size > 0) {
        struct process *process = process_of(manager, event->slot);
        struct show_voice voice = {
            .source = event->slot,
            .id = event->process.id,
            .color = log_color(event->process.id.type),
            .built_at = -1,
        };
        char name[PROCESS_NAME_BYTES];
        plan_process_name(manager->plan, event->process.id, name);
        show_note(&manager->show, process ? &process->voice : &voice, name, buffer_str(&text));
    }
    buffer_fini(&text);
}

// The names of up to NAMES_SHOWN processes, for a sentence; the sentence counts the others.
struct names {
    size_t count;
    struct str shown[LIMIT_PROCESSES];
    char bytes[NAMES_SHOWN][PROCESS_NAME_BYTES];
};

static void add_name(const struct manager *manager, struct names *names, struct process_id id)
{
    size_t at = names->count++;
    if (at < NAMES_SHOWN)
        names->shown[at] = str_of(plan_process_name(manager->plan, id, names->bytes[at]));
    else
        names->shown[at] = str_of("");
}

static void tell_who_is_waited_for(struct manager *manager, struct buffer *out)
{
    static struct names names; // large; of use within this call only
    names.count = 0;
    for (unsigned slot = 0; slot < supervisor_slot_count(manager->supervisor); slot++) {
        const struct process_record *record = supervisor_process(manager->supervisor, slot);
        if (record->state == PROCESS_STOPPING || record->state == PROCESS_EXITED)
            add_name(manager, &names, record->id);
    }
    if (names.count > 0)
        sentence_waiting(out, names.shown, names.count);
}

static void tell_who_is_killed(struct manager *manager, const struct event *events, size_t count)
{
    static struct names names; // as above
    struct buffer text = {0};
    names.count = 0;
    for (size_t i = 0; i < count; i++)
        if (events[i].kind == EVENT_KILLING && events[i].detail == 1)
            add_name(manager, &names, events[i].process.id);
    if (names.count == 0 || supervisor_formation(manager->supervisor)->phase >= FORMATION_KILLING)
        return;
    sentence_sending(&text, SIGKILL, names.shown, names.count);
    show_system(&manager->show, buffer_str(&text));
    buffer_fini(&text);
}

static void tell_of_formation(struct manager *manager, const struct event *event)
{
    struct buffer text = {0};
    if (event->kind == EVENT_FORMATION_STOPPING) {
        if (event->detail) {
            sentence_shutdown(&text, event->detail);
            show_system(&manager->show, buffer_str(&text));
            buffer_clear(&text);
        }
        sentence_sending_to_all(&text, SIGTERM);
    } else if (event->kind == EVENT_FORMATION_KILLING) {
        sentence_sending_to_all(&text, SIGKILL);
    } else if (event->kind == EVENT_FORMATION_WAITING) {
        tell_who_is_waited_for(manager, &text);
    }
    if (text.size > 0)
        show_system(&manager->show, buffer_str(&text));
    buffer_fini(&text);
}

static void tell_of_sink(struct manager *manager, const struct event *event)
{
    struct buffer text = {0};
    if (event->kind == EVENT_SINK_DROPPING)
        sentence_dropping(&text, str_of(event->sink.name), (enum drop_cause)event->detail);
    else
        sentence_dropped(&text, event->sink.dropped, "", str_of(event->sink.name),
                         (enum drop_cause)event->detail);
    drops_tell_others(manager, event->sink.name, buffer_str(&text));
    buffer_fini(&text);
}

void tell(struct manager *manager, const struct event *events, size_t count)
{
    show_now(&manager->show);
    tell_who_is_killed(manager, events, count);
    for (size_t i = 0; i < count; i++) {
        if (event_is_of_formation(events[i].kind))
            tell_of_formation(manager, &events[i]);
        else if (event_is_of_sink(events[i].kind))
            tell_of_sink(manager, &events[i]);
        else
            tell_of_process(manager, &events[i]);
    }
}
