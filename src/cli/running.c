// SPDX-License-Identifier: MIT
// Nobody waits half a second for a proposal; a manager that is busy for so long is no reason to.
#include "cli/running.h"

#include "cli/client.h"

#define PATIENCE (250 * NSEC_PER_MSEC)

static json_t *ask(struct engine *engine, const char *method, const char *member)
{
    json_t *none = json_object();
    json_t *reply = NULL;
    const struct engine_request request = {method, none, PATIENCE};
    struct error ignored;
    json_t *value = NULL;
    if (engine_call(engine, &request, &reply, &ignored) == 0)
        value = json_incref(json_object_get(reply, member));
    json_decref(reply);
    json_decref(none);
    return value;
}

void running_ask(const struct options *options, const char *app, struct running *out)
{
    struct invocation invocation = {.options = *options, .client.app = app};
    struct client client;
    struct error ignored;
    *out = (struct running){0};
    if (client_try(&client, &invocation, PATIENCE, &ignored) == 0) {
        out->types = ask(client.engine, "GetStatus", "types");
        out->processes = ask(client.engine, "List", "processes");
    }
    client_close(&client);
}

void running_fini(struct running *running)
{
    json_decref(running->types);
    json_decref(running->processes);
    *running = (struct running){0};
}
