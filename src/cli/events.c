// SPDX-License-Identifier: MIT
// formation events: what happened, a line each, in the words of the terminal.
#include "base/signal_name.h"
#include "cli/follow.h"
#include "cli/printer.h"
#include "cli/reply.h"
#include "os/clock.h"
#include "view/sentence.h"

struct events {
    struct client *client;
    struct printer printer;
};

static void append_signal(struct buffer *out, const json_t *event, const char *before)
{
    struct str signal = reply_text(event, "signal");
    if (signal.size > 0)
        buffer_append_format(out, "%s%.*s", before, STR_ARGS(signal));
}

static void put_placed(struct buffer *out, const json_t *event)
{
    (void)event;
    buffer_append_text(out, "is wanted");
}

static void put_asked(struct buffer *out, const json_t *event)
{
    (void)event;
    buffer_append_text(out, "a change was asked for");
}

static void put_removed(struct buffer *out, const json_t *event)
{
    (void)event;
    buffer_append_text(out, "is not wanted any more");
}

static void put_starting(struct buffer *out, const json_t *event)
{
    (void)event;
    buffer_append_text(out, "is being started");
}

static void put_started(struct buffer *out, const json_t *event)
{
    sentence_started(out, (int)reply_integer(event, "pid"));
}

static void put_ready(struct buffer *out, const json_t *event)
{
    (void)event;
    buffer_append_text(out, "is ready");
}

static void put_unready(struct buffer *out, const json_t *event)
{
    (void)event;
    buffer_append_text(out, "is not ready any more");
}

static void put_spawn_failed(struct buffer *out, const json_t *event)
{
    buffer_append_text(out, "could not be started: ");
    buffer_append_str(out, reply_text(event, "error"));
}

static void put_exited(struct buffer *out, const json_t *event)
{
    reply_append_exit(out, event);
}

static void put_left(struct buffer *out, const json_t *event)
{
    long long count = reply_integer(event, "count");
    buffer_append_format(out, "left %lld %s behind", count, count == 1 ? "process" : "processes");
}

static void put_stopping(struct buffer *out, const json_t *event)
{
    buffer_append_text(out, "is being stopped");
    append_signal(out, event, " with ");
}

static void put_boot_expired(struct buffer *out, const json_t *event)
{
    buffer_append_text(out, "was not ready in time, is being stopped");
    append_signal(out, event, " with ");
}

static void put_unresponsive(struct buffer *out, const json_t *event)
{
    buffer_append_text(out, "shows no sign of life, is being stopped");
    append_signal(out, event, " with ");
}

static void put_roll_halted(struct buffer *out, const json_t *event)
{
    sentence_roll_halted(out, (unsigned)reply_integer(event, "count"));
}

static void put_killing(struct buffer *out, const json_t *event)
{
    long long count = reply_integer(event, "count");
    buffer_append_text(out, "is being killed");
    if (count > 1)
        buffer_append_format(out, " (SIGKILL number %lld)", count);
}

static void put_abandoned(struct buffer *out, const json_t *event)
{
    sentence_abandoned(out, (int)reply_integer(event, "pid"));
}

static void put_backoff(struct buffer *out, const json_t *event)
{
    nsec_t next_start = reply_time(event, "next_start");
    nsec_t at = reply_time(event, "at");
    bool has_times = next_start != NSEC_NEVER && at != NSEC_NEVER && next_start > at;
    sentence_restarting(out, has_times ? next_start - at : 0,
                        (unsigned)reply_integer(event, "crashes"));
}

static void put_finished(struct buffer *out, const json_t *event)
{
    (void)event;
    buffer_append_text(out, "is not started again");
}

static void put_formation_stopping(struct buffer *out, const json_t *event)
{
    struct str signal = reply_text(event, "signal");
    if (signal.size > 0)
        sentence_shutdown(out, signal_number(signal));
    else
        buffer_append_text(out, "the last process has ended");
}

static void put_formation_waiting(struct buffer *out, const json_t *event)
{
    long long count = reply_integer(event, "count");
    buffer_append_format(out, "waiting for %lld %s", count, count == 1 ? "process" : "processes");
}

static void put_formation_killing(struct buffer *out, const json_t *event)
{
    (void)event;
    buffer_append_text(out, "all processes are being killed");
}

static void put_formation_ended(struct buffer *out, const json_t *event)
{
    buffer_append_format(out, "the formation has ended with status %lld",
                         reply_integer(event, "code"));
}

static enum drop_cause cause_of(const json_t *event)
{
    struct str cause = reply_text(event, "cause");
    return str_is(cause, "failing")   ? DROP_FAILING
           : str_is(cause, "refused") ? DROP_REFUSED
                                      : DROP_SLOW;
}

static void put_sink_dropping(struct buffer *out, const json_t *event)
{
    sentence_dropping(out, reply_text(event, "sink"), cause_of(event));
}

static void put_sink_dropped(struct buffer *out, const json_t *event)
{
    sentence_dropped(out, (uint64_t)reply_integer(event, "count"), "", reply_text(event, "sink"),
                     cause_of(event));
}

static void put_manager_restarted(struct buffer *out, const json_t *event)
{
    long long count = reply_integer(event, "count");
    buffer_append_format(out, "the manager was restarted, as %lld %s died", count,
                         count == 1 ? "has" : "have");
    if (json_object_get(event, "exit")) {
        buffer_append_text(out, count == 1 ? ", " : ", the last one ");
        reply_append_exit(out, event);
    }
    buffer_append_text(out, "; the processes run on");
}

static const struct {
    const char *kind;
    void (*put)(struct buffer *out, const json_t *event);
} sentences[] = {
    {"placed", put_placed},
    {"asked", put_asked},
    {"starting", put_starting},
    {"started", put_started},
    {"ready", put_ready},
    {"unready", put_unready},
    {"spawn-failed", put_spawn_failed},
    {"exited", put_exited},
    {"left", put_left},
    {"stopping", put_stopping},
    {"boot-expired", put_boot_expired},
    {"unresponsive", put_unresponsive},
    {"roll-halted", put_roll_halted},
    {"killing", put_killing},
    {"abandoned", put_abandoned},
    {"backoff", put_backoff},
    {"finished", put_finished},
    {"removed", put_removed},
    {"sink-dropping", put_sink_dropping},
    {"sink-dropped", put_sink_dropped},
    {"formation-stopping", put_formation_stopping},
    {"formation-waiting", put_formation_waiting},
    {"formation-killing", put_formation_killing},
    {"formation-ended", put_formation_ended},
    {"manager-restarted", put_manager_restarted},
};

// One that is not known here is told by its name.
static void append_sentence(struct buffer *out, const json_t *event)
{
    const struct str kind = reply_text(event, "kind");
    for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
        if (str_is(kind, sentences[i].kind)) {
            sentences[i].put(out, event);
            return;
        }
    client_append(out, kind);
}

static int take(void *context, json_t *reply, bool is_last)
{
    struct events *events = context;
    const json_t *event = json_object_get(reply, "event");
    const long long lost = reply_integer(reply, "lost");
    const struct str process = reply_text(event, "process");
    nsec_t at = event ? reply_time(event, "at") : clock_wall();
    struct buffer text = {0};
    (void)is_last;
    if (!event && lost == 0)
        return 0;
    if (events->client->invocation->client.json)
        return printer_print_json(events->client, reply, "event");
    if (lost > 0)
        printer_add_lost(&events->printer, at, lost, lost == 1 ? "event is" : "events are");
    if (event) {
        append_sentence(&text, event);
        printer_add(&events->printer, at, process.size > 0 ? process : str_of("system"),
                    buffer_str(&text));
    }
    events->printer.out.failed = events->printer.out.failed || text.failed;
    buffer_fini(&text);
    return printer_print(&events->printer);
}

int command_events(struct invocation *invocation)
{
    struct client client;
    struct events events = {.client = &client};
    int status = client_open(&client, invocation);
    if (status == 0)
        status = printer_init(&events.printer, &client);
    if (status == 0)
        status = follow(&client, "Events", json_pack("{s:b}", "follow", invocation->client.follow),
                        invocation->client.follow ? NSEC_NEVER : 0, take, &events);
    printer_fini(&events.printer);
    client_close(&client);
    return status;
}
