// SPDX-License-Identifier: MIT
// formation signal: to the main process of each.
#include "base/signal_name.h"
#include "cli/client.h"
#include "cli/reply.h"
#include "cli/report.h"

#include <stdio.h>

static int print_names(const struct client *client, const json_t *names)
{
    const char *signal = signal_name(signal_number(str_of(client->invocation->operands[0])));
    struct buffer out = {0};
    size_t index;
    const json_t *name;
    if (json_array_size(names) == 0)
        return client_refuse(client, "none of them runs");
    json_array_foreach(names, index, name)
        buffer_append_format(&out, "%s was sent %s\n", json_string_value(name), signal);
    int status = client_print(client, &out);
    buffer_fini(&out);
    return status;
}

static int send_signal(struct client *client)
{
    json_t *reply = NULL;
    json_t *parameters = client_select(client, 1);
    if (parameters)
        (void)json_object_set_new(parameters, "signal",
                                  json_string(client->invocation->operands[0]));
    int status = client_call(client, "Signal", parameters, &reply);
    if (status == 0 && client->invocation->client.json)
        status = client_print_json(client, reply);
    else if (status == 0)
        status = print_names(client, json_object_get(reply, "processes"));
    json_decref(reply);
    return status;
}

int command_signal(struct invocation *invocation)
{
    struct client client;
    char sentence[256];
    struct str name = str_excerpt(str_of(invocation->operands[0]));
    if (signal_number(str_of(invocation->operands[0])) == 0) {
        (void)snprintf(sentence, sizeof(sentence),
                       "'%.*s' is no signal: write TERM, HUP, USR1 or another of signal(7)",
                       STR_ARGS(name));
        return report_usage(&invocation->options, sentence);
    }
    int status = client_open(&client, invocation);
    if (status == 0)
        status = send_signal(&client);
    client_close(&client);
    return status;
}
