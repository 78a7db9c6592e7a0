// SPDX-License-Identifier: MIT
// formation shutdown: over when the guard is gone, since everything else of a formation ends before
// it does. The manager's answer comes earlier, or never, if it is killed in between.
#include "cli/client.h"
#include "cli/reply.h"
#include "os/proc.h"

#include <errno.h>
#include <poll.h>
#include <sys/pidfd.h>
#include <unistd.h>

enum { ASK_AGAIN_MS = 200 };

// The guard as a descriptor; -1 if it cannot be seen from here: in another pid namespace, its pid
// may be somebody else's.
static int open_guard(const json_t *status)
{
    pid_t guard = (pid_t)reply_integer(status, "guard_pid");
    pid_t manager = (pid_t)reply_integer(status, "manager_pid");
    struct proc_status found;
    if (guard <= 0 || manager <= 0)
        return -1;
    int fd = pidfd_open(guard, 0);
    if (fd >= 0 && (proc_read_status(manager, &found) < 0 || found.parent != guard)) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

static bool has_ended(int guard, int patience_ms)
{
    struct pollfd poll_guard = {.fd = guard, .events = POLLIN};
    return poll(&poll_guard, 1, patience_ms) == 1;
}

// A manager that was killed may have had the request, or not: the next one is asked again, which
// ends nothing twice. Returns false when there is nobody to be asked.
static bool open_again(struct client *client)
{
    struct error ignored = {0};
    engine_close(client->engine);
    client->engine = NULL;
    return engine_open(&client->address, 0, &client->engine, &ignored) == 0;
}

static int print(const struct client *client, const json_t *status)
{
    const bool waited = !client->invocation->client.no_wait;
    struct buffer out = {0};
    if (client->invocation->client.json)
        return client_print_json(client, status);
    client_append(&out, reply_text(status, "app"));
    buffer_append_text(&out, waited ? " has ended\n" : " is being shut down\n");
    int result = client_print(client, &out);
    buffer_fini(&out);
    return result;
}

static int shut_down(struct client *client, int guard)
{
    struct error error = {0};
    const bool waits = !client->invocation->client.no_wait;
    json_t *reply = NULL;
    json_t *parameters = json_pack("{s:b}", "wait", waits && guard < 0);
    const struct engine_request request = {"Shutdown", parameters, guard < 0 ? NSEC_NEVER : 0};
    int result = engine_call(client->engine, &request, &reply, &error);
    while (result == -ECONNRESET && !has_ended(guard, ASK_AGAIN_MS)) {
        if (open_again(client))
            result = engine_call(client->engine, &request, &reply, &error);
        else if (guard < 0)
            break; // its socket goes with it
    }
    json_decref(parameters);
    json_decref(reply);
    if (result < 0 && result != -ECONNRESET)
        return client_refuse(client, "%s", error.text);
    while (waits && guard >= 0 && !has_ended(guard, -1))
        continue;
    return 0;
}

int command_shutdown(struct invocation *invocation)
{
    struct client client;
    json_t *status_reply = NULL;
    int status = client_open(&client, invocation);
    if (status == 0)
        status = client_ask(&client, "GetStatus", json_object(), &status_reply);
    if (status == 0) {
        int guard = open_guard(status_reply);
        status = shut_down(&client, guard);
        if (guard >= 0)
            (void)close(guard);
    }
    if (status == 0)
        status = print(&client, status_reply);
    json_decref(status_reply);
    client_close(&client);
    return status;
}
