// SPDX-License-Identifier: MIT
// formation status: where it runs, since when, and its types.
#include "cli/client.h"
#include "cli/reply.h"
#include "os/clock.h"
#include "view/figure.h"
#include "view/table.h"

static const struct table_column columns[] = {
    {"TYPE", false}, {"QUANTITY", true}, {"DECLARED", true}, {"READY", true},
    {"PORT", true},  {"AFTER", false},   {"COMMAND", false},
};

static void add_names(struct table *table, const json_t *names)
{
    struct buffer text = {0};
    size_t index;
    const json_t *name;
    json_array_foreach(names, index, name)
        buffer_append_format(&text, "%s%s", index > 0 ? " " : "", json_string_value(name));
    table_add(table, buffer_str(&text));
    buffer_fini(&text);
}

static void append_types(struct buffer *out, const json_t *types)
{
    struct table table = {columns, sizeof(columns) / sizeof(columns[0]), {0}, 0};
    size_t index;
    const json_t *type;
    json_array_foreach(types, index, type)
    {
        table_add(&table, reply_text(type, "name"));
        table_add_format(&table, "%lld", reply_integer(type, "quantity"));
        table_add_format(&table, "%lld", reply_integer(type, "declared"));
        table_add_format(&table, "%lld", reply_integer(type, "ready"));
        if (json_object_get(type, "port"))
            table_add_format(&table, "%lld", reply_integer(type, "port"));
        else
            table_add(&table, str_of(""));
        add_names(&table, json_object_get(type, "after"));
        table_add(&table, reply_text(type, "command"));
    }
    table_append(&table, client_columns(), out);
    table_fini(&table);
}

static const struct table_column sink_columns[] = {
    {"LOGS", false},
    {"STATE", false},
    {"WAITING", true},
    {"DROPPED", true},
};

// "failing for 3m: Connection refused" is a sentence of its own, below.
static void append_sinks(struct buffer *out, const json_t *sinks)
{
    struct table table = {sink_columns, sizeof(sink_columns) / sizeof(sink_columns[0]), {0}, 0};
    char text[FIGURE_COUNT_BYTES];
    size_t index;
    const json_t *sink;
    if (json_array_size(sinks) == 0)
        return;
    json_array_foreach(sinks, index, sink)
    {
        long long waiting = reply_integer(sink, "waiting_bytes");
        table_add(&table, reply_text(sink, "name"));
        table_add(&table, reply_text(sink, "state"));
        table_add(&table, str_of(waiting > 0 ? figure_bytes((uint64_t)waiting, text) : "0"));
        table_add(&table, str_of(figure_count((uint64_t)reply_integer(sink, "dropped"), text)));
    }
    buffer_append_char(out, '\n');
    table_append(&table, client_columns(), out);
    table_fini(&table);
}

static void append_failures(struct buffer *out, const json_t *sinks)
{
    char age[FIGURE_BYTES];
    size_t index;
    bool is_first = true;
    const json_t *sink;
    json_array_foreach(sinks, index, sink)
    {
        nsec_t since = reply_time(sink, "since");
        if (!str_is(reply_text(sink, "state"), "failing") || since == NSEC_NEVER)
            continue;
        buffer_append_text(out, is_first ? "\n" : "");
        is_first = false;
        client_append(out, reply_text(sink, "why"));
        buffer_append_format(out, ", for %s\n", figure_age(clock_wall() - since, age));
    }
}

static void append_status(struct buffer *out, const json_t *status)
{
    char age[FIGURE_BYTES];
    nsec_t since = reply_time(status, "since");
    client_append(out, reply_text(status, "app"));
    buffer_append_text(out, " in ");
    client_append(out, reply_text(status, "root"));
    buffer_append_format(out, ": %.*s", STR_ARGS(reply_text(status, "phase")));
    if (since != NSEC_NEVER)
        buffer_append_format(out, " for %s", figure_age(clock_wall() - since, age));
    const long long restarts = reply_integer(status, "manager_restarts");
    buffer_append_format(out, "\nformation %.*s, guard %lld, manager %lld",
                         STR_ARGS(reply_text(status, "version")),
                         reply_integer(status, "guard_pid"), reply_integer(status, "manager_pid"));
    if (restarts > 0)
        buffer_append_format(out, ", which was restarted %lld %s", restarts,
                             restarts == 1 ? "time" : "times");
    buffer_append_text(out, "\n\n");
    append_types(out, json_object_get(status, "types"));
    append_sinks(out, json_object_get(status, "sinks"));
    append_failures(out, json_object_get(status, "sinks"));
}

int command_status(struct invocation *invocation)
{
    struct client client;
    struct buffer out = {0};
    json_t *reply = NULL;
    int status = client_open(&client, invocation);
    if (status == 0)
        status = client_ask(&client, "GetStatus", json_object(), &reply);
    if (status == 0 && invocation->client.json) {
        status = client_print_json(&client, reply);
    } else if (status == 0) {
        append_status(&out, reply);
        status = client_print(&client, &out);
    }
    buffer_fini(&out);
    json_decref(reply);
    client_close(&client);
    return status;
}
