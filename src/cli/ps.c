// SPDX-License-Identifier: MIT
// formation ps: the processes as a table; below it, in sentences, what is not as the files say and
// who waits for a restart.
#include "cli/client.h"
#include "cli/reply.h"
#include "cli/watch.h"
#include "os/clock.h"
#include "view/figure.h"
#include "view/sentence.h"
#include "view/table.h"

#include <stdio.h>
#include <string.h>

enum { NOTES_MOST = 8 }; // the others are counted

static const struct table_column columns[] = {
    {"PROCESS", false}, {"PID", true}, {"STATE", false}, {"SINCE", true},    {"RESTARTS", true},
    {"PORT", true},     {"CPU", true}, {"MEM", true},    {"COMMAND", false},
};

// One look at the processes.
struct look {
    json_t *processes;
    json_t *types; // NULL: not asked for
    nsec_t at;     // CLOCK_MONOTONIC
};

static void look_fini(struct look *look)
{
    json_decref(look->processes);
    json_decref(look->types);
    *look = (struct look){0};
}

static int look_at(struct client *client, struct look *out)
{
    json_t *parameters = client_select(client, 0);
    json_t *reply = NULL;
    if (parameters)
        (void)json_object_set_new(parameters, "usage", json_true());
    int status = client_ask(client, "List", parameters, &reply);
    if (status != 0)
        return status;
    *out = (struct look){.processes = json_incref(json_object_get(reply, "processes")),
                         .at = clock_now()};
    json_decref(reply);
    if (client->invocation->client.json || client->invocation->operand_count > 0)
        return 0;
    status = client_ask(client, "GetStatus", json_object(), &reply);
    if (status != 0) {
        look_fini(out);
        return status;
    }
    out->types = json_incref(json_object_get(reply, "types"));
    json_decref(reply);
    return 0;
}

// --- the table -----------------------------------------------------------------------------------

// The same process in an earlier look; `index` is where it may be, and where to look next time.
static const json_t *find_before(const struct look *before, const json_t *process, size_t *index)
{
    const size_t count = json_array_size(before->processes);
    for (size_t i = 0; i < count; i++) {
        const json_t *other = json_array_get(before->processes, (*index + i) % count);
        if (!str_equal(reply_text(other, "name"), reply_text(process, "name")))
            continue;
        *index += i + 1;
        return reply_integer(other, "pid") == reply_integer(process, "pid") ? other : NULL;
    }
    return NULL;
}

// The time that it has used so far; from the second look on, its share of one processor since.
static void add_cpu(struct table *table, const struct look *look, const struct look *before,
                    const json_t *process, size_t *index)
{
    char text[FIGURE_BYTES];
    nsec_t cpu = reply_time(process, "cpu_seconds");
    const json_t *earlier = before ? find_before(before, process, index) : NULL;
    nsec_t cpu_before = reply_time(earlier, "cpu_seconds");
    if (cpu == NSEC_NEVER)
        table_add(table, str_of(""));
    else if (!before || cpu_before == NSEC_NEVER || look->at <= before->at)
        table_add(table, str_of(figure_span(cpu, text)));
    else
        table_add_format(table, "%.0f%%",
                         100.0 * (double)(cpu > cpu_before ? cpu - cpu_before : 0) /
                             (double)(look->at - before->at));
}

static void add_number(struct table *table, const json_t *process, const char *name)
{
    if (json_object_get(process, name))
        table_add_format(table, "%lld", reply_integer(process, name));
    else
        table_add(table, str_of(""));
}

// "12M", "12M/64M" of one with a limit.
static void add_memory(struct table *table, const json_t *process)
{
    char used[FIGURE_BYTES];
    char most[FIGURE_BYTES];
    const long long limit = reply_integer(process, "memory_limit");
    if (!json_object_get(process, "memory_bytes")) {
        table_add(table, str_of(""));
        return;
    }
    (void)figure_bytes((uint64_t)reply_integer(process, "memory_bytes"), used);
    if (limit > 0)
        table_add_format(table, "%s/%s", used, figure_limit((uint64_t)limit, most));
    else
        table_add(table, str_of(used));
}

static void add_row(struct table *table, const struct look *look, const struct look *before,
                    const json_t *process, size_t *index)
{
    char text[FIGURE_BYTES];
    nsec_t since = reply_time(process, "since");
    table_add(table, reply_text(process, "name"));
    add_number(table, process, "pid");
    table_add(table, reply_text(process, "state"));
    table_add(table, str_of(since == NSEC_NEVER ? "" : figure_age(clock_wall() - since, text)));
    add_number(table, process, "restarts");
    add_number(table, process, "port");
    add_cpu(table, look, before, process, index);
    add_memory(table, process);
    table_add(table, reply_text(process, "command"));
}

// --- the notes -----------------------------------------------------------------------------------

static bool is_in(const json_t *process, const char *state)
{
    return str_is(reply_text(process, "state"), state);
}

// "web.1 exited with code 3, restarting in 1.6s (crash 3 in a row)"
static bool append_note(struct buffer *out, const json_t *process)
{
    nsec_t next_start = reply_time(process, "next_start");
    bool has_failed = is_in(process, "finished") && !json_object_get(process, "stopped") &&
                      json_object_get(process, "exit") && !reply_exit_is_success(process) &&
                      reply_integer(process, "crashes") > 0;
    if (!is_in(process, "backoff") && !has_failed)
        return false;
    buffer_append_str(out, reply_text(process, "name"));
    buffer_append_char(out, ' ');
    reply_append_exit(out, process);
    if (has_failed) {
        buffer_append_text(out, " and is not started again");
    } else {
        nsec_t pause = next_start == NSEC_NEVER ? 0 : next_start - clock_wall();
        buffer_append_text(out, json_object_get(process, "exit") ? ", " : "is ");
        sentence_restarting(out, pause > 0 ? pause : 0,
                            (unsigned)reply_integer(process, "crashes"));
    }
    buffer_append_char(out, '\n');
    return true;
}

static void append_notes(struct buffer *out, const struct look *look)
{
    size_t index;
    size_t count = 0;
    const json_t *process;
    struct buffer rest = {0};
    json_array_foreach(look->processes, index, process) count +=
        append_note(count < NOTES_MOST ? out : &rest, process);
    if (count > NOTES_MOST)
        buffer_append_format(out, "and %zu more\n", count - NOTES_MOST);
    buffer_fini(&rest);
}

// "web.1: 1,234 lines were dropped, see 'formation status'"
static void append_drops(struct buffer *out, const struct look *look)
{
    char figure[FIGURE_COUNT_BYTES];
    size_t index;
    size_t count = 0;
    const json_t *process;
    json_array_foreach(look->processes, index, process)
    {
        long long dropped = reply_integer(process, "dropped");
        if (dropped > 0 && count++ < NOTES_MOST)
            buffer_append_format(
                out, "%.*s: %s %s not logged\n", STR_ARGS(reply_text(process, "name")),
                figure_count((uint64_t)dropped, figure), dropped == 1 ? "line was" : "lines were");
    }
    if (count > NOTES_MOST)
        buffer_append_format(out, "and lines of %zu more\n", count - NOTES_MOST);
}

// "web: 3 wanted, 1 declared"
static void append_difference(struct buffer *out, struct str name, long long quantity,
                              long long declared)
{
    if (quantity != declared)
        buffer_append_format(out, "%.*s: %lld wanted, %lld declared\n", STR_ARGS(name), quantity,
                             declared);
}

// Types without processes are known to the status only.
static void append_differences(struct buffer *out, const struct look *look)
{
    size_t index;
    const json_t *entry;
    struct str last = {0};
    json_array_foreach(look->types, index, entry)
        append_difference(out, reply_text(entry, "name"), reply_integer(entry, "quantity"),
                          reply_integer(entry, "declared"));
    if (look->types)
        return;
    json_array_foreach(look->processes, index, entry)
    {
        struct str type = reply_text(entry, "type");
        if (!str_equal(type, last))
            append_difference(out, type, reply_integer(entry, "quantity_of_type"),
                              reply_integer(entry, "declared"));
        last = type;
    }
}

static void append_look(struct buffer *out, const struct look *look, const struct look *before)
{
    struct table table = {columns, sizeof(columns) / sizeof(columns[0]), {0}, 0};
    size_t index;
    size_t index_before = 0;
    const json_t *process;
    struct buffer notes = {0};
    json_array_foreach(look->processes, index, process)
        add_row(&table, look, before, process, &index_before);
    if (table.cell_count > 0)
        table_append(&table, client_columns(), out);
    else
        buffer_append_text(out, "no processes\n");
    append_notes(&notes, look);
    append_drops(&notes, look);
    append_differences(&notes, look);
    if (notes.size > 0)
        buffer_append_char(out, '\n');
    buffer_append_str(out, buffer_str(&notes));
    out->failed = out->failed || notes.failed;
    buffer_fini(&notes);
    table_fini(&table);
}

// --- the command ---------------------------------------------------------------------------------

static int print_json(const struct client *client, const struct look *look, bool on_one_line)
{
    json_t *object = json_pack("{s:O}", "processes", look->processes);
    int status =
        on_one_line ? client_print_json_line(client, object) : client_print_json(client, object);
    json_decref(object);
    return status;
}

static int print_once(struct client *client)
{
    struct look look = {0};
    struct buffer out = {0};
    int status = look_at(client, &look);
    if (status == 0 && client->invocation->client.json) {
        status = print_json(client, &look, false);
    } else if (status == 0) {
        append_look(&out, &look, NULL);
        status = client_print(client, &out);
    }
    buffer_fini(&out);
    look_fini(&look);
    return status;
}

static int print_for_ever(struct client *client)
{
    struct look before = {0};
    struct buffer out = {0};
    struct watch watch;
    int status = 0;
    watch_begin(&watch, client->invocation->client.watch);
    while (status == 0) {
        struct look look = {0};
        status = look_at(client, &look);
        if (status == 0 && client->invocation->client.json) {
            status = print_json(client, &look, true);
        } else if (status == 0) {
            append_look(&out, &look, before.processes ? &before : NULL);
            watch_draw(&watch, &out);
            status = client_print(client, &out);
        }
        look_fini(&before);
        before = look;
        if (status == 0)
            watch_wait(&watch);
    }
    look_fini(&before);
    buffer_fini(&out);
    return status;
}

int command_ps(struct invocation *invocation)
{
    struct client client;
    int status = client_open(&client, invocation);
    if (status == 0)
        status = invocation->client.watch > 0 ? print_for_ever(&client) : print_once(&client);
    client_close(&client);
    return status;
}
