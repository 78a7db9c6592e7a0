// SPDX-License-Identifier: MIT
// formation scale: how many processes of each type, now and from now on.
#include "cli/client.h"
#include "cli/reply.h"
#include "cli/report.h"
#include "view/table.h"

static const struct table_column columns[] = {
    {"TYPE", false}, {"QUANTITY", true}, {"DECLARED", true}, {"READY", true}};

static int print_quantities(const struct client *client, const json_t *types)
{
    struct table table = {columns, sizeof(columns) / sizeof(columns[0]), {0}, 0};
    struct buffer out = {0};
    size_t index;
    const json_t *type;
    json_array_foreach(types, index, type)
    {
        table_add(&table, reply_text(type, "name"));
        table_add_format(&table, "%lld", reply_integer(type, "quantity"));
        table_add_format(&table, "%lld", reply_integer(type, "declared"));
        table_add_format(&table, "%lld", reply_integer(type, "ready"));
    }
    table_append(&table, client_columns(), &out);
    int status = client_print(client, &out);
    buffer_fini(&out);
    table_fini(&table);
    return status;
}

static int show(struct client *client)
{
    json_t *reply = NULL;
    int status = client_ask(client, "GetStatus", json_object(), &reply);
    const json_t *types = json_object_get(reply, "types");
    if (status == 0 && client->invocation->client.json) {
        json_t *object = json_pack("{s:O}", "types", types);
        status = client_print_json(client, object);
        json_decref(object);
    } else if (status == 0) {
        status = print_quantities(client, types);
    }
    json_decref(reply);
    return status;
}

static int print_changes(const struct client *client, const json_t *changes)
{
    struct buffer out = {0};
    size_t index;
    const json_t *change;
    json_array_foreach(changes, index, change)
    {
        buffer_append_format(&out, "%.*s: %lld \xe2\x86\x92 ", STR_ARGS(reply_text(change, "type")),
                             reply_integer(change, "from"));
        if (json_is_true(json_object_get(change, "auto")))
            buffer_append_text(&out, "auto\n");
        else
            buffer_append_format(&out, "%lld\n", reply_integer(change, "to"));
    }
    if (out.size == 0)
        buffer_append_text(&out, "nothing to change\n");
    int status = client_print(client, &out);
    buffer_fini(&out);
    return status;
}

// Whether a change is to a number, and what that is; else it depends on what was there before.
static bool is_absolute(const char *change, struct str *name, unsigned long *quantity)
{
    struct str text = str_of(change);
    size_t sign = str_find_char(text, '=');
    *name = str_slice(text, 0, sign);
    return sign < text.size && str_to_unsigned(str_slice(text, sign + 1, text.size), quantity);
}

static long long quantity_of(const json_t *types, struct str name)
{
    size_t index;
    const json_t *type;
    json_array_foreach(types, index, type)
    {
        if (str_equal(reply_text(type, "name"), name))
            return reply_integer(type, "quantity");
    }
    return -1;
}

// The manager was replaced before it had answered. It has changed all or nothing; where numbers
// were asked for, they tell which.
static int look_for_effect(struct client *client)
{
    const struct invocation *invocation = client->invocation;
    json_t *reply = NULL;
    int status = client_open_again(client);
    if (status == 0)
        status = client_ask(client, "GetStatus", json_object(), &reply);
    if (status != 0)
        return status;
    const json_t *types = json_object_get(reply, "types");
    bool is_known = !invocation->client.reset;
    bool is_there = true;
    for (size_t i = 0; i < invocation->operand_count; i++) {
        struct str name;
        unsigned long wanted = 0;
        is_known = is_known && is_absolute(invocation->operands[i], &name, &wanted);
        long long quantity = is_known ? quantity_of(types, name) : -1;
        is_known = is_known && quantity >= 0; // else it is a pattern
        is_there = is_there && quantity == (long long)wanted;
    }
    json_decref(reply);
    if (!is_known)
        return client_refuse(client, "the manager was replaced before it answered; 'formation "
                                     "scale' shows whether it was done");
    if (!is_there)
        return client_refuse(client, "the manager was replaced before it answered, and the "
                                     "quantities are not those that were asked for");
    (void)report_usage(&invocation->options, "the manager was replaced before it answered; the "
                                             "quantities are those that were asked for");
    return 0;
}

static int change(struct client *client)
{
    bool is_cut = false;
    json_t *reply = NULL;
    json_t *parameters = client_select(client, 0);
    if (parameters) { // the operands, by another name
        (void)json_object_set(parameters, "changes", json_object_get(parameters, "select"));
        (void)json_object_del(parameters, "select");
        (void)json_object_set_new(parameters, "reset",
                                  json_boolean(client->invocation->client.reset));
    }
    int status = client_change_or_cut(client, "Scale", parameters, &reply, &is_cut);
    if (is_cut)
        return look_for_effect(client);
    if (status == 0 && client->invocation->client.json)
        status = client_print_json(client, reply);
    else if (status == 0)
        status = print_changes(client, json_object_get(reply, "changes"));
    json_decref(reply);
    return status;
}

int command_scale(struct invocation *invocation)
{
    struct client client;
    int status = client_open(&client, invocation);
    bool is_question = invocation->operand_count == 0 && !invocation->client.reset;
    if (status == 0)
        status = is_question ? show(&client) : change(&client);
    client_close(&client);
    return status;
}
