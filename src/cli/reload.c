// SPDX-License-Identifier: MIT
// formation reload: the files as they are now.
#include "cli/client.h"
#include "cli/reply.h"

#include <stdio.h>

static void print_warnings(const json_t *warnings)
{
    size_t index;
    const json_t *warning;
    json_array_foreach(warnings, index, warning)(void)
        fprintf(stderr, "warning: %s\n", json_string_value(warning));
}

static int print_changed(const struct client *client, const json_t *reply)
{
    struct buffer out = {0};
    const json_t *types = json_object_get(reply, "changed");
    bool has_other_logs = json_is_true(json_object_get(reply, "logs"));
    size_t index;
    const json_t *type;
    const char *done = client->invocation->client.no_wait ? "is being changed" : "changed";
    json_array_foreach(types, index, type)
        buffer_append_format(&out, "%s %s\n", json_string_value(type), done);
    if (has_other_logs)
        buffer_append_text(&out, "logs changed\n");
    if (json_array_size(types) == 0 && !has_other_logs)
        buffer_append_text(&out, "nothing has changed\n");
    int status = client_print(client, &out);
    buffer_fini(&out);
    return status;
}

int command_reload(struct invocation *invocation)
{
    struct client client;
    json_t *reply = NULL;
    int status = client_open(&client, invocation);
    if (status == 0)
        status = client_change(&client, "Reload", json_object(), &reply);
    if (status == 0 && invocation->client.json) {
        status = client_print_json(&client, reply);
    } else if (status == 0) {
        print_warnings(json_object_get(reply, "warnings"));
        status = print_changed(&client, reply);
    }
    json_decref(reply);
    client_close(&client);
    return status;
}
