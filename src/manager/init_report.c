// SPDX-License-Identifier: MIT
// A message is the present state, so one that was lost is made good by the next one, whichever
// manager sends it. Only that we are ready, and that the files are read again, must arrive: that is
// noted in memory that outlives us, once it has.
#include "manager/init_report.h"

#include "manager/state.h"
#include "os/clock.h"
#include "plan/timing.h"
#include "view/readiness.h"

#include <stdlib.h>
#include <string.h>

#define LEAST_PAUSE (50 * NSEC_PER_MSEC) // between two messages
#define LONGEST_PAUSE (5 * NSEC_PER_SEC) // with an init that takes none
#define RING_IS_FULL_FOR (5 * NSEC_PER_MSEC)
#define BOOT_SLACK (5 * NSEC_PER_SEC)
#define STOP_SLACK (20 * NSEC_PER_SEC) // for who is killed, and for the last lines

// Of the watchdog's time: so there is some left for the next manager.
enum { BEATS = 2, PROMISED_QUARTERS = 3 };

static nsec_t watchdog_of(const struct manager *manager)
{
    const char *text = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    unsigned long usec;
    unsigned long number;
    if (!text || !str_to_unsigned(str_of(text), &usec) || usec > INT64_MAX / NSEC_PER_USEC)
        return 0;
    if (pid && (!str_to_unsigned(str_of(pid), &number) ||
                number != (unsigned long)manager->board->guard_pid))
        return 0; // meant for who has started us
    return (nsec_t)usec * NSEC_PER_USEC;
}

void init_report_open(struct manager *manager)
{
    struct init_report *report = &manager->init_report;
    *report = (struct init_report){
        .beat_at = NSEC_NEVER,
        .look_at = NSEC_NEVER,
        .pause = LEAST_PAUSE,
        .token = atomic_load(&manager->board->notified),
    };
    if (!manager->board->has_init)
        return;
    report->look_at = 0;
    report->watchdog = watchdog_of(manager);
    if (report->watchdog > 0)
        report->beat_at = 0;
}

// False: there is no room for it now.
static bool send(struct manager *manager, const char *text, uint32_t token)
{
    nsec_t promise = manager->init_report.watchdog / 4 * PROMISED_QUARTERS / NSEC_PER_MSEC;
    size_t size = strlen(text) + 1;
    struct guard_request request = {
        .kind = GUARD_NOTIFY,
        .token = token,
        .value = promise > INT32_MAX ? INT32_MAX : (int32_t)promise,
        .launch_size = (uint32_t)size,
    };
    char *to = launch_ring_reserve(&manager->launches, size, &request.launch_at);
    if (!to)
        return false;
    memcpy(to, text, size);
    act_send(manager, request, NULL, 0);
    return true;
}

// Only from a loop that goes round: who hangs does not do his work.
static void beat(struct manager *manager, nsec_t now)
{
    struct init_report *report = &manager->init_report;
    bool is_sent = send(manager, "WATCHDOG=1", 0);
    report->beat_at = now + (is_sent ? report->watchdog / BEATS : RING_IS_FULL_FOR);
}

// As `after` sees it (supervise/order.c).
static bool has_done_its_work(const struct process_record *record)
{
    return record->state == PROCESS_FINISHED && record->exit_status == 0 &&
           !(record->flags & RECORD_FAILED);
}

static void look(const struct manager *manager, struct readiness *out,
                 char name[PROCESS_NAME_BYTES])
{
    *out = (struct readiness){0};
    for (unsigned slot = 0; slot < supervisor_slot_count(manager->supervisor); slot++) {
        const struct process_record *record = supervisor_process(manager->supervisor, slot);
        bool is_asked = record->state == PROCESS_FINISHED && record->flags & RECORD_ASKED;
        out->running += record->state == PROCESS_RUNNING || record->state == PROCESS_READY ||
                        record->state == PROCESS_STOPPING;
        if (record->state == PROCESS_VACANT || !(record->flags & RECORD_WANTED) || is_asked)
            continue;
        out->count++;
        if (record->state == PROCESS_READY || has_done_its_work(record)) {
            out->ready++;
        } else if (!out->first) {
            out->first = plan_process_name(manager->plan, record->id, name);
            out->state = (enum process_state)record->state;
        }
    }
}

static void put_extension(struct buffer *out, nsec_t rest)
{
    if (rest > 0)
        buffer_append_format(out, "EXTEND_TIMEOUT_USEC=%lld\n", (long long)(rest / NSEC_PER_USEC));
}

// The word that the init still has to hear.
static enum init_word next_word(const struct manager *manager)
{
    const struct manager_memory *memory = manager->memory;
    if (supervisor_formation(manager->supervisor)->phase != FORMATION_RUNNING)
        return manager->init_report.has_told_end ? INIT_NOTHING : INIT_STOPPING;
    if (memory->reloading_since > 0)
        return INIT_RELOADING;
    return memory->was_ready && !memory->has_told_ready ? INIT_READY : INIT_NOTHING;
}

static void write_word(const struct manager *manager, enum init_word word, struct buffer *out)
{
    const struct manager_memory *memory = manager->memory;
    switch (word) {
    case INIT_STOPPING:
        buffer_append_text(out, "STOPPING=1\n");
        put_extension(out, plan_stop_time(manager->plan) + STOP_SLACK);
        break;
    case INIT_RELOADING:
        buffer_append_format(out, "RELOADING=1\nMONOTONIC_USEC=%lld\n",
                             (long long)(memory->reloading_since / NSEC_PER_USEC));
        break;
    case INIT_READY:
        buffer_append_text(out, "READY=1\n");
        break;
    case INIT_NOTHING:
        // Until we are ready, it waits for as long as the plan allows; who is never ready is its
        // business.
        if (!memory->was_ready && !manager->init_report.has_said && plan_boot_time(manager->plan))
            put_extension(out, memory->began_at + plan_boot_time(manager->plan) + BOOT_SLACK -
                                   clock_now());
        break;
    }
}

static void write_status(struct manager *manager, struct buffer *out)
{
    struct readiness readiness;
    char name[PROCESS_NAME_BYTES];
    look(manager, &readiness, name);
    buffer_append_text(out, "STATUS=");
    if (supervisor_formation(manager->supervisor)->phase != FORMATION_RUNNING) {
        readiness_write_stopping(out, &readiness);
        return;
    }
    readiness_write(out, &readiness);
    manager->memory->was_ready = manager->memory->was_ready || readiness.count == readiness.ready;
}

static void say(struct manager *manager, enum init_word word, const struct buffer *status)
{
    struct init_report *report = &manager->init_report;
    uint32_t token = report->token + 1 ? report->token + 1 : 1;
    struct buffer text = {0};
    write_word(manager, word, &text);
    buffer_append_str(&text, buffer_str(status));
    buffer_append_char(&text, '\0');
    report->look_at = clock_now() + RING_IS_FULL_FOR;
    if (!text.failed && send(manager, text.bytes, token)) {
        report->token = token;
        report->word = word;
        report->has_said = true;
        report->look_at = clock_now() + report->pause;
    }
    buffer_fini(&text);
}

// Whether the last message was taken, and what follows from that.
static bool has_arrived(struct manager *manager)
{
    struct manager_memory *memory = manager->memory;
    struct init_report *report = &manager->init_report;
    if (atomic_load(&manager->board->notified) != report->token)
        return false;
    switch (report->word) {
    case INIT_STOPPING:
        report->has_told_end = true;
        break;
    case INIT_RELOADING:
        memory->reloading_since = 0;
        memory->has_told_ready = false; // its end is told in the same way
        break;
    case INIT_READY:
        memory->has_told_ready = true;
        break;
    case INIT_NOTHING:
        break;
    }
    report->word = INIT_NOTHING;
    return true;
}

static void review(struct manager *manager)
{
    struct init_report *report = &manager->init_report;
    struct buffer status = {0};
    bool is_missing = !has_arrived(manager);
    nsec_t longer = report->pause < LONGEST_PAUSE / 2 ? 2 * report->pause : LONGEST_PAUSE;
    report->pause = is_missing ? longer : LEAST_PAUSE;
    report->reviewed = manager->journal->newest;
    report->rests_until = clock_now() + LEAST_PAUSE;
    report->look_at = NSEC_NEVER;
    write_status(manager, &status);
    enum init_word word = next_word(manager);
    if (is_missing || word != INIT_NOTHING || !report->has_said ||
        !str_equal(buffer_str(&status), buffer_str(&report->status)))
        say(manager, word, &status);
    buffer_fini(&report->status);
    report->status = status;
}

// The beginning of the end is told at once.
static bool is_urgent(const struct manager *manager)
{
    return manager->init_report.word != INIT_STOPPING && next_word(manager) == INIT_STOPPING;
}

void init_report_work(struct manager *manager)
{
    struct init_report *report = &manager->init_report;
    if (!manager->board->has_init)
        return;
    nsec_t now = clock_now();
    if (report->beat_at <= now)
        beat(manager, now);
    if (report->look_at == NSEC_NEVER && report->reviewed != manager->journal->newest)
        report->look_at = report->rests_until;
    if (report->look_at <= now || is_urgent(manager))
        review(manager);
}

nsec_t init_report_due_at(const struct manager *manager)
{
    const struct init_report *report = &manager->init_report;
    return report->beat_at < report->look_at ? report->beat_at : report->look_at;
}

void init_report_reloading(struct manager *manager)
{
    if (!manager->board->has_init || !manager->memory->was_ready)
        return;
    (void)has_arrived(manager);
    manager->memory->reloading_since = clock_now();
    review(manager);
}

void init_report_close(struct manager *manager)
{
    struct init_report *report = &manager->init_report;
    if (!manager->board->has_init)
        return;
    report->watchdog = 0; // no promise: the last lines may take their time
    if (is_urgent(manager) || report->reviewed != manager->journal->newest)
        review(manager);
    act_send(manager, (struct guard_request){.kind = GUARD_NOTIFY}, NULL, 0);
    buffer_fini(&report->status);
}
