// SPDX-License-Identifier: MIT
// formation logs: the lines that are kept, and those that come.
#include "cli/follow.h"
#include "cli/printer.h"
#include "cli/reply.h"
#include "os/clock.h"

struct logs {
    struct client *client;
    struct printer printer;
};

static int take(void *context, json_t *reply, bool is_last)
{
    struct logs *logs = context;
    const json_t *line = json_object_get(reply, "line");
    const long long lost = reply_integer(reply, "lost");
    nsec_t at = line ? reply_time(line, "at") : clock_wall();
    (void)is_last;
    if (!line && lost == 0)
        return 0;
    if (logs->client->invocation->client.json)
        return printer_print_json(logs->client, reply, "line");
    if (lost > 0)
        printer_add_lost(&logs->printer, at, lost, lost == 1 ? "line is" : "lines are");
    if (line && json_is_true(json_object_get(line, "cut")))
        printer_add_cut(&logs->printer, at, reply_text(line, "process"), reply_text(line, "text"));
    else if (line)
        printer_add(&logs->printer, at, reply_text(line, "process"), reply_text(line, "text"));
    return printer_print(&logs->printer);
}

static json_t *parameters_of(const struct client *client)
{
    const struct client_options *options = &client->invocation->client;
    json_t *parameters = client_select(client, 0);
    if (!parameters)
        return NULL;
    nsec_t since = clock_wall() - options->since;
    if (options->has_lines)
        (void)json_object_set_new(parameters, "lines", json_integer(options->lines));
    if (options->has_since)
        (void)json_object_set_new(parameters, "since",
                                  json_real(since > 0 ? (double)since / 1e9 : 0));
    (void)json_object_set_new(parameters, "follow", json_boolean(options->follow));
    return parameters;
}

int command_logs(struct invocation *invocation)
{
    struct client client;
    struct logs logs = {.client = &client};
    int status = client_open(&client, invocation);
    if (status == 0)
        status = printer_init(&logs.printer, &client);
    if (status == 0)
        status = follow(&client, "Logs", parameters_of(&client),
                        invocation->client.follow ? NSEC_NEVER : 0, take, &logs);
    printer_fini(&logs.printer);
    client_close(&client);
    return status;
}
