// SPDX-License-Identifier: MIT
// Nobody waits half a second for a proposal; a manager that is busy for so long is no reason to.
#include "cli/running.h"

#include "cli/client.h"
#include "os/place.h"
#include "os/socket.h"

#include <errno.h>
#include <unistd.h>

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

void running_each_app(running_take_app *take, void *context)
{
    struct place_list list = {0};
    if (place_find_app(NULL, &list) < 0)
        return;
    for (size_t i = 0; i < list.count; i++) {
        struct socket_peer peer = {0};
        int connection;
        int result = socket_connect(list.paths[i], PATIENCE / 10, &connection);
        if (result == 0) {
            (void)socket_read_peer(connection, &peer);
            (void)close(connection);
        }
        if (result == 0 || result == -ETIMEDOUT) // else it was left by one that is gone
            take(context, place_app_of(list.paths[i]), peer.pid);
    }
    place_list_fini(&list);
}

void running_fini(struct running *running)
{
    json_decref(running->types);
    json_decref(running->processes);
    *running = (struct running){0};
}
