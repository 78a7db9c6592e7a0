// SPDX-License-Identifier: MIT
// formation reopen: the log files, after somebody has moved them.
#include "cli/client.h"

static int print_paths(const struct client *client, const json_t *paths)
{
    struct buffer out = {0};
    size_t index;
    const json_t *path;
    json_array_foreach(paths, index, path)
    {
        client_append(&out, str_of(json_string_value(path)));
        buffer_append_text(&out, " reopened\n");
    }
    if (json_array_size(paths) == 0)
        buffer_append_text(&out, "no log file is open\n");
    int status = client_print(client, &out);
    buffer_fini(&out);
    return status;
}

int command_reopen(struct invocation *invocation)
{
    struct client client;
    json_t *reply = NULL;
    int status = client_open(&client, invocation);
    if (status == 0)
        status = client_ask(&client, "ReopenLogs", json_object(), &reply);
    if (status == 0 && invocation->client.json)
        status = client_print_json(&client, reply);
    else if (status == 0)
        status = print_paths(&client, json_object_get(reply, "paths"));
    json_decref(reply);
    client_close(&client);
    return status;
}
