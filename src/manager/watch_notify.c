// SPDX-License-Identifier: MIT
// What a process says by sd_notify(3). A message is taken out of its socket only once what follows
// from it stands in the journal, so a manager that dies in between loses none; the guard holds the
// socket, so none is refused while there is no manager.
#include "manager/state.h"

#include "os/clock.h"
#include "os/member.h"
#include "os/notify.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MESSAGES_AT_ONCE = 32, // then others have their turn
    MESSAGES_IN_STRETCH = 1000,
};
#define STRETCH (100 * NSEC_PER_MSEC) // above ten thousand messages a second their senders wait

#define LEAST_EXTENSION NSEC_PER_SEC            // more often than that a deadline is not put off
#define LEAST_TIME_BETWEEN_RELOADS NSEC_PER_SEC // …the journal is not told

static const struct process_record *record_of(const struct watch *watch)
{
    return supervisor_process(watch->process->manager->supervisor, watch->process->slot);
}

static const struct process_type *type_of(const struct watch *watch)
{
    return &watch->process->manager->plan->types[record_of(watch)->id.type];
}

// --- its environment

static int open_socket(struct watch *watch)
{
    if (watch->notify >= 0)
        return 0;
    int result = notify_open(&watch->notify);
    if (result == 0)
        notify_listen(watch);
    return result;
}

// What an earlier life has said, and nobody heard, is not true of the next one.
static void forget_messages(struct watch *watch)
{
    enum { MORE_THAN_ANY_QUEUE = 100000 };
    for (unsigned i = 0; i < MORE_THAN_ANY_QUEUE && notify_is_waiting(watch); i++)
        notify_take(watch->notify);
}

int notify_prepare(struct watch *watch, struct arena *arena, struct launch *launch)
{
    char text[32];
    nsec_t watchdog = type_of(watch)->policy.watchdog;
    int result = open_socket(watch);
    if (result == 0)
        result = notify_name(watch->notify, text);
    if (result == 0) {
        forget_messages(watch);
        result = launch_put(launch, arena, "NOTIFY_SOCKET", text);
    }
    if (result == 0 && watchdog > 0) {
        (void)snprintf(text, sizeof(text), "%lld", (long long)(watchdog / NSEC_PER_USEC));
        result = launch_put(launch, arena, "WATCHDOG_USEC", text);
    }
    return result;
}

// --- messages

__attribute__((format(printf, 3, 4))) static void
tell_once(struct watch *watch, enum watch_told what, const char *format, ...)
{
    char text[256];
    struct process *process = watch->process;
    if (watch->told & what)
        return;
    watch->told |= what;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    show_now(&process->manager->show);
    show_note(&process->manager->show, &process->voice, process->name, str_of(text));
}

// One that is dead already cannot be asked where it belonged; of our own user it could have done
// anything to the process anyway.
static bool is_trusted(struct watch *watch, const struct notify_packet *packet)
{
    struct manager *manager = watch->process->manager;
    if (packet->sender > 0 && packet->sender == watch->trusted)
        return true;
    switch (member_of_branch(&manager->tree, watch->process->name, record_of(watch)->pid,
                             packet->sender)) {
    case MEMBER_IS:
        watch->trusted = packet->sender;
        return true;
    case MEMBER_IS_GONE:
        if (packet->uid == geteuid() || packet->uid == 0)
            return true;
        break;
    case MEMBER_IS_NOT:
        break;
    }
    tell_once(watch, WATCH_TOLD_STRANGER,
              "a message to its NOTIFY_SOCKET was ignored: pid %d is not one of its own",
              packet->sender);
    return false;
}

static void keep_status(struct process *process, struct str text)
{
    size_t size = text.size < MANAGER_STATUS_BYTES - 1 ? text.size : MANAGER_STATUS_BYTES - 1;
    while (size < text.size && size > 0 && ((unsigned char)text.bytes[size] & 0xc0) == 0x80)
        size--; // not in the middle of a character
    memcpy(process->status_text, text.bytes, size);
    process->status_text[size] = '\0';
}

static void check_main_pid(struct watch *watch, struct str text)
{
    unsigned long pid = 0;
    if (str_to_unsigned(text, &pid) && pid == (unsigned long)record_of(watch)->pid)
        return;
    tell_once(watch, WATCH_TOLD_MAIN_PID,
              "MAINPID=%.*s was refused: its main process is pid %d, which formation has started",
              STR_ARGS(str_excerpt(text)), record_of(watch)->pid);
}

static void decide_now(struct watch *watch, enum input_kind kind, int value)
{
    struct manager *manager = watch->process->manager;
    decide_later(manager,
                 (struct input){.kind = kind, .slot = watch->process->slot, .value = value});
    decide_all(manager);
}

// Each that an app sends is followed by another, or by READY=1.
static void extend(struct watch *watch, nsec_t extension)
{
    const struct process_record *record = record_of(watch);
    nsec_t now = clock_now();
    if (record->state != PROCESS_RUNNING || record->deadline == NSEC_NEVER ||
        now + extension <= record->deadline)
        return;
    if (extension < LEAST_EXTENSION)
        extension = LEAST_EXTENSION;
    decide_now(watch, INPUT_EXTEND, (int)(extension / NSEC_PER_MSEC));
}

static void hear_readiness(struct watch *watch, unsigned words)
{
    nsec_t now = clock_now();
    enum process_state state = record_of(watch)->state;
    bool says_it = type_of(watch)->ready.kind == PROBE_NOTIFY;
    bool ends = words & NOTIFY_STOPPING && type_of(watch)->ready.kind != PROBE_NONE;
    bool reloads = words & NOTIFY_RELOADING && says_it &&
                   now - watch->changed_at >= LEAST_TIME_BETWEEN_RELOADS;
    if (words & NOTIFY_STOPPING) {
        watch->is_leaving = true;
        watch->due_at = NSEC_NEVER;
        look_forget(watch);
    }
    if (state == PROCESS_READY && (ends || (reloads && !(words & NOTIFY_READY)))) {
        watch->changed_at = now;
        decide_now(watch, INPUT_UNREADY, 0);
    } else if (state == PROCESS_RUNNING && words & NOTIFY_READY && says_it && !watch->is_leaving) {
        decide_now(watch, INPUT_READY, 0);
    }
}

static void hear(struct watch *watch, const struct notify_packet *packet)
{
    struct notify_message message;
    if (packet->is_too_long) {
        tell_once(watch, WATCH_TOLD_TOO_LONG,
                  "a message to its NOTIFY_SOCKET was ignored: it has more than %d bytes",
                  NOTIFY_MESSAGE_BYTES);
        return;
    }
    notify_parse(str_from(packet->bytes, packet->size), &message);
    if (message.words == 0 || !is_trusted(watch, packet))
        return;
    if (message.words & (NOTIFY_WATCHDOG | NOTIFY_READY) && watch->watchdog_at != NSEC_NEVER)
        watch->watchdog_at = clock_now() + type_of(watch)->policy.watchdog;
    if (message.words & NOTIFY_STATUS)
        keep_status(watch->process, message.status);
    if (message.words & NOTIFY_MAINPID)
        check_main_pid(watch, message.main_pid);
    if (message.words & NOTIFY_WATCHDOG_TRIGGER && watch->phase != WATCH_NOTHING) {
        watch_set_reason(watch, "it has asked for it by WATCHDOG=trigger");
        decide_now(watch, INPUT_UNRESPONSIVE, 0);
    } else if (message.words & NOTIFY_EXTEND) {
        extend(watch, message.extend);
    } else {
        hear_readiness(watch, message.words);
    }
}

// --- the socket

bool notify_is_waiting(const struct watch *watch)
{
    struct pollfd ready = {.fd = watch->notify, .events = POLLIN};
    return watch->notify >= 0 && poll(&ready, 1, 0) == 1;
}

// Counts one message. False when it is the last one for a while.
static bool count_message(struct watch *watch)
{
    nsec_t now = clock_now();
    if (now >= watch->stretch_end) {
        watch->stretch_end = now + STRETCH;
        watch->messages = 0;
    }
    if (++watch->messages < MESSAGES_IN_STRETCH)
        return true;
    loop_remove(&watch->process->manager->loop, &watch->source);
    watch_wake(watch->process->manager, watch->stretch_end);
    return false;
}

static void on_message(struct loop_source *source, uint32_t events)
{
    static struct notify_packet packet; // of use within this call only
    struct watch *watch = loop_owner(source, struct watch, source);
    struct process *process = watch->process;
    struct manager *manager = process->manager;
    unsigned slot = process->slot;
    (void)events;
    if (!news_is_started(process))
        return;
    for (unsigned i = 0; i < MESSAGES_AT_ONCE; i++) {
        if (notify_peek(watch->notify, &packet) <= 0)
            return;
        hear(watch, &packet);
        if (process_of(manager, slot) != process || process->watch != watch)
            return; // freed by what was decided
        notify_take(watch->notify);
        if (!count_message(watch))
            return;
    }
}

void notify_listen(struct watch *watch)
{
    (void)loop_add(&watch->process->manager->loop, &watch->source, watch->notify, EPOLLIN,
                   on_message);
}

void notify_resume(struct watch *watch, nsec_t now)
{
    if (watch->notify < 0 || watch->source.is_added)
        return;
    if (watch->stretch_end <= now)
        notify_listen(watch);
    else
        watch_wake(watch->process->manager, watch->stretch_end);
}
