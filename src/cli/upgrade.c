// SPDX-License-Identifier: MIT
// formation upgrade: another program in the place of the one that runs.
#include "cli/client.h"
#include "cli/report.h"
#include "os/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The formation runs in another folder than we do.
static int add_program(json_t *parameters, const struct invocation *invocation)
{
    char sentence[512];
    const char *program = invocation->operands[0];
    if (!program)
        return 0;
    char *path = file_absolute_path(program);
    if (!path || !file_exists(path)) {
        (void)snprintf(sentence, sizeof(sentence), "%s: %s", program, strerror(ENOENT));
        free(path);
        return report_usage(&invocation->options, sentence);
    }
    (void)json_object_set_new(parameters, "program", json_string(path));
    free(path);
    return 0;
}

static int upgrade(struct client *client)
{
    json_t *reply = NULL;
    struct buffer out = {0};
    json_t *parameters = json_object();
    int status = add_program(parameters, client->invocation);
    if (status != 0) {
        json_decref(parameters);
        return status;
    }
    status = client_call(client, "Upgrade", parameters, &reply);
    if (status == 0 && client->invocation->client.json) {
        status = client_print_json(client, reply);
    } else if (status == 0) {
        buffer_append_text(&out, "upgraded\n");
        status = client_print(client, &out);
    }
    buffer_fini(&out);
    json_decref(reply);
    return status;
}

int command_upgrade(struct invocation *invocation)
{
    struct client client;
    int status = client_open(&client, invocation);
    if (status == 0)
        status = upgrade(&client);
    client_close(&client);
    return status;
}
