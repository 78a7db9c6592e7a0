// SPDX-License-Identifier: MIT
// formation why: what a process does now, then its ends, the newest first and with its last words.
#include "cli/client.h"
#include "cli/reply.h"
#include "os/clock.h"
#include "view/figure.h"

#include <stdio.h>
#include <time.h>

static bool is_in(const json_t *process, const char *state)
{
    return str_is(reply_text(process, "state"), state);
}

// "once", "twice", "5 times"
static void append_times(struct buffer *out, long long count)
{
    if (count == 1)
        buffer_append_text(out, "once");
    else if (count == 2)
        buffer_append_text(out, "twice");
    else
        buffer_append_format(out, "%lld times", count);
}

static void append_next_start(struct buffer *out, const json_t *process)
{
    char span[FIGURE_BYTES];
    nsec_t next_start = reply_time(process, "next_start");
    if (next_start != NSEC_NEVER)
        buffer_append_format(out, " in %s", figure_span(next_start - clock_wall(), span));
}

static void append_waiting(struct buffer *out, const json_t *process)
{
    const long long crashes = reply_integer(process, "crashes");
    if (crashes > 0) {
        buffer_append_text(out, " has crashed ");
        append_times(out, crashes);
        buffer_append_text(out, crashes > 1 ? " in a row and starts again" : " and starts again");
    } else {
        buffer_append_text(out, " could not be started and is tried again");
    }
    append_next_start(out, process);
}

// "finished" alone does not say by whose wish.
static void append_finished(struct buffer *out, const json_t *process)
{
    struct str name = reply_text(process, "name");
    if (json_object_get(process, "stopped"))
        buffer_append_format(out, " was stopped by request: 'formation start %.*s' starts it",
                             STR_ARGS(name));
    else
        buffer_append_text(out, " has ended and is not started again");
}

// By STATUS= of sd_notify(3).
static void append_status_text(struct buffer *out, const json_t *process)
{
    struct str text = reply_text(process, "status_text");
    if (text.size == 0)
        return;
    buffer_append_text(out, "; it says: ");
    client_append(out, text);
}

static void append_dropped(struct buffer *out, const json_t *process)
{
    char figure[FIGURE_COUNT_BYTES];
    const long long dropped = reply_integer(process, "dropped");
    if (dropped > 0)
        buffer_append_format(out, "; %s of its lines %s not logged",
                             figure_count((uint64_t)dropped, figure),
                             dropped == 1 ? "was" : "were");
}

static void append_state(struct buffer *out, const json_t *process)
{
    char age[FIGURE_BYTES];
    nsec_t since = reply_time(process, "since");
    const long long restarts = reply_integer(process, "restarts");
    const long long crashes = reply_integer(process, "crashes");
    buffer_append_str(out, reply_text(process, "name"));
    if (is_in(process, "backoff")) {
        append_waiting(out, process);
    } else if (is_in(process, "finished")) {
        append_finished(out, process);
    } else {
        buffer_append_format(out, " is %.*s", STR_ARGS(reply_text(process, "state")));
        if (since != NSEC_NEVER)
            buffer_append_format(out, " for %s", figure_age(clock_wall() - since, age));
        buffer_append_text(out, restarts > 0 ? " and was restarted " : " and was never restarted");
        if (restarts > 0)
            append_times(out, restarts);
        if (crashes > 1) {
            buffer_append_text(out, "; it has crashed ");
            append_times(out, crashes);
            buffer_append_text(out, " in a row");
        }
        append_status_text(out, process);
    }
    append_dropped(out, process);
    buffer_append_char(out, '\n');
}

static void append_moment(struct buffer *out, nsec_t at)
{
    char age[FIGURE_BYTES];
    char text[64];
    time_t second = (time_t)(at / NSEC_PER_SEC);
    nsec_t ago = clock_wall() - at;
    struct tm local;
    const char *format = ago < 86400 * NSEC_PER_SEC ? "%H:%M:%S" : "%F %H:%M:%S";
    if (at == NSEC_NEVER || !localtime_r(&second, &local) ||
        strftime(text, sizeof(text), format, &local) == 0)
        return;
    buffer_append_format(out, "  %s, %s ago: ", text, figure_age(ago, age));
}

static void append_life(struct buffer *out, const json_t *life)
{
    char span[FIGURE_BYTES];
    nsec_t started = reply_time(life, "started");
    nsec_t ended = reply_time(life, "ended");
    append_moment(out, ended);
    if (json_object_get(life, "error")) {
        buffer_append_text(out, "could not be started: ");
        client_append(out, reply_text(life, "error"));
    } else {
        reply_append_exit(out, life);
        if (started != NSEC_NEVER && ended != NSEC_NEVER)
            buffer_append_format(out, " after %s", figure_span(ended - started, span));
    }
    if (json_is_true(json_object_get(life, "asked")))
        buffer_append_text(out, ", as it was asked to");
}

static void append_left(struct buffer *out, const json_t *life)
{
    struct str left = reply_text(life, "left");
    if (left.size == 0)
        return;
    buffer_append_text(out, "; it ");
    client_append(out, left);
}

static void append_last_lines(struct buffer *out, const json_t *lines)
{
    size_t index;
    const json_t *line;
    json_array_foreach(lines, index, line)
    {
        buffer_append_text(out, "    ");
        client_append(out, str_from(json_string_value(line), json_string_length(line)));
        buffer_append_char(out, '\n');
    }
}

static void append_history(struct buffer *out, const json_t *history)
{
    const json_t *lives = json_object_get(history, "lives");
    size_t index;
    const json_t *life;
    append_state(out, json_object_get(history, "process"));
    json_array_foreach(lives, index, life)
    {
        const json_t *lines = json_object_get(life, "last_lines");
        bool has_words = index == 0 && json_array_size(lines) > 0;
        append_life(out, life);
        append_left(out, life);
        buffer_append_text(out, has_words ? "; the last that it wrote:\n" : "\n");
        if (has_words)
            append_last_lines(out, lines);
    }
}

static int print(const struct client *client, const json_t *histories)
{
    struct buffer out = {0};
    size_t index;
    const json_t *history;
    json_array_foreach(histories, index, history) append_history(&out, history);
    if (json_array_size(histories) == 0)
        buffer_append_text(&out, "no processes\n");
    int status = client_print(client, &out);
    buffer_fini(&out);
    return status;
}

int command_why(struct invocation *invocation)
{
    struct client client;
    json_t *reply = NULL;
    int status = client_open(&client, invocation);
    if (status == 0)
        status = client_ask(&client, "Why", client_select(&client, 0), &reply);
    if (status == 0 && invocation->client.json)
        status = client_print_json(&client, reply);
    else if (status == 0)
        status = print(&client, json_object_get(reply, "histories"));
    json_decref(reply);
    client_close(&client);
    return status;
}
