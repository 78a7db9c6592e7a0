// SPDX-License-Identifier: MIT
// Every call is parsed, checked and answered here or by one of the serve_*.c files; a request that
// cannot be answered at once becomes a subscription.
#include "manager/serve.h"

#include "control/interface.h"
#include "control/varlink.h"
#include "guard/link.h"
#include "manager/upgrade.h"
#include "os/channel.h"
#include "os/clock.h"
#include "os/place.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void serve_refuse(struct client *client, const struct refusal *refusal)
{
    refusal_write(refusal, &client->out);
    server_touch(client);
}

struct description serve_description(const struct manager *manager)
{
    return (struct description){
        .plan = manager->plan,
        .wall_offset = clock_wall() - clock_now(),
    };
}

int serve_select(struct manager *manager, struct client *client, struct request *request,
                 struct selection *out)
{
    struct refusal refusal = {0};
    unsigned slot_count = supervisor_slot_count(manager->supervisor);
    struct process_id *ids = arena_alloc(&request->arena, slot_count * sizeof(*ids) + 1);
    size_t count = 0;
    for (unsigned slot = 0; ids && slot < slot_count; slot++) {
        const struct process_record *record = supervisor_process(manager->supervisor, slot);
        if (record->state != PROCESS_VACANT)
            ids[count++] = record->id;
    }
    int result = ids ? selection_parse(manager->plan, request->select, ids, count, &request->arena,
                                       out, &refusal)
                     : refusal_set_errno(&refusal, ENOMEM);
    if (result < 0)
        serve_refuse(client, &refusal);
    return result;
}

// The socket could not be made; whatever was lacking may be there by then.
#define OPEN_AGAIN_AFTER (2 * NSEC_PER_SEC)

// Changes are refused once the end has begun.
static bool is_ending(const struct manager *manager, enum request_kind kind)
{
    bool is_change = kind == REQUEST_SCALE || kind == REQUEST_RESTART || kind == REQUEST_STOP ||
                     kind == REQUEST_START || kind == REQUEST_RELOAD || kind == REQUEST_UPGRADE;
    return is_change && supervisor_formation(manager->supervisor)->phase != FORMATION_RUNNING;
}

// Takes the request over.
static void answer(struct manager *manager, struct client *client, struct request *request)
{
    struct refusal refusal = {0};
    if (is_ending(manager, request->kind)) {
        (void)refusal_set(&refusal, REFUSAL_ENDING, str_of(""), NULL);
        serve_refuse(client, &refusal);
        request_fini(request);
        return;
    }
    switch (request->kind) {
    case REQUEST_GET_INFO:
        interface_describe_service(&client->out);
        break;
    case REQUEST_GET_INTERFACE_DESCRIPTION:
        interface_describe(&client->out, request->description.interface);
        break;
    case REQUEST_GET_STATUS:
        serve_status(manager, client);
        break;
    case REQUEST_LIST:
        serve_list(manager, client, request);
        break;
    case REQUEST_WHY:
        serve_why(manager, client, request);
        break;
    case REQUEST_SCALE:
        serve_scale(manager, client, request);
        return;
    case REQUEST_RESTART:
    case REQUEST_STOP:
    case REQUEST_START:
        serve_processes(manager, client, request);
        return;
    case REQUEST_SIGNAL:
        serve_signal(manager, client, request);
        break;
    case REQUEST_LOGS:
        serve_logs(manager, client, request);
        return;
    case REQUEST_EVENTS:
        serve_events(manager, client, request);
        return;
    case REQUEST_ATTACH:
        serve_attach(manager, client, request);
        return;
    case REQUEST_RESIZE:
        serve_resize(manager, client, request);
        break;
    case REQUEST_SHUTDOWN:
        serve_shutdown(manager, client, request);
        return;
    case REQUEST_RELOAD:
        reload_serve(manager, client, request);
        return;
    case REQUEST_REOPEN_LOGS:
        serve_reopen(manager, client);
        break;
    case REQUEST_UPGRADE:
        upgrade_serve(manager, client, request);
        return;
    case REQUEST_KIND_COUNT:
        break;
    }
    request_fini(request);
}

// Answers to a call that wants none are cut off again.
static void serve(void *context, struct client *client, struct str message)
{
    struct manager *manager = context;
    struct varlink_call call;
    struct request request;
    struct refusal refusal = {0};
    struct error error;
    size_t before = client->out.size;
    int result = varlink_call_parse(message, &call, &error);
    if (result < 0) {
        (void)refusal_set(&refusal, REFUSAL_INVALID_MESSAGE, str_of(""), "%s",
                          result == -ENOMEM ? "there is no memory to read it" : error.text);
        serve_refuse(client, &refusal);
        client->has_ended = true;
        client->in.size = message.size + 1; // what follows cannot be understood either
        return;
    }
    bool is_oneway = call.flags & VARLINK_ONEWAY;
    result = request_parse(&call, &request, &refusal);
    varlink_call_fini(&call);
    if (result < 0)
        serve_refuse(client, &refusal);
    else
        answer(manager, client, &request);
    if (is_oneway && !client->out.failed)
        client->out.size = before;
    if (client->subscription)
        buffer_append_str(&client->subscription->message, message);
}

// The process that was named need not be there any more.
static int select_again(const struct manager *manager, struct request *request,
                        struct selection *out)
{
    struct refusal refusal = {0};
    return selection_parse(manager->plan, request->select, NULL, 0, &request->arena, out, &refusal);
}

// Whether it waits for targets; their list is not known yet.
static bool has_begun(enum request_kind kind)
{
    return kind != REQUEST_LOGS && kind != REQUEST_EVENTS && kind != REQUEST_UPGRADE &&
           kind != REQUEST_ATTACH;
}

struct subscription *serve_again(struct manager *manager, struct client *client, struct str message)
{
    struct varlink_call call;
    struct request request;
    struct refusal refusal = {0};
    struct selection selection = {.is_all = true};
    client->is_broken = true; // until it is clear that it goes on
    if (varlink_call_parse(message, &call, &(struct error){0}) < 0)
        return NULL;
    int result = request_parse(&call, &request, &refusal);
    varlink_call_fini(&call);
    if (result < 0)
        return NULL;
    bool has_lost_all =
        request.kind == REQUEST_LOGS && select_again(manager, &request, &selection) < 0;
    struct subscription *subscription = wait_new(manager, client, &request, 0);
    if (!subscription)
        return NULL;
    client->is_broken = false;
    subscription->selection = selection;
    subscription->is_begun = has_begun(subscription->request.kind);
    buffer_append_str(&subscription->message, message);
    if (has_lost_all) { // a reload has taken its type away: nothing can come any more
        listen_finish(manager, subscription);
        return NULL;
    }
    if (subscription->request.kind == REQUEST_LOGS)
        listen_to_lines(manager);
    return subscription;
}

static void forget(void *context, struct client *client)
{
    subscription_free(context, client->subscription);
}

// Gives the socket to the guard, so that it outlives us.
static int keep_listener(int listener)
{
    const struct guard_request request = {.kind = GUARD_KEEP, .value = KEPT_CONTROL};
    (void)dup3(listener, MANAGER_KEPT + KEPT_CONTROL, O_CLOEXEC); // as if we had been born with it
    return channel_send(MANAGER_CHANNEL, &request, sizeof(request), &listener, 1, false);
}

static int find_listener(void)
{
    struct stat status;
    int fd = MANAGER_KEPT + KEPT_CONTROL;
    return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode) ? fd : -1;
}

int serve_open(struct manager *manager, struct error *error)
{
    int listener = find_listener();
    if (listener < 0) {
        int result = place_listen(manager->plan->root.bytes, manager->plan->app.bytes,
                                  CONTROL_QUEUE, &listener, error);
        if (result < 0)
            return result;
        (void)keep_listener(listener);
    }
    const struct server_calls calls = {serve, forget, attach_feed, manager};
    server_open(&manager->server, &manager->clients, listener, &calls);
    return 0;
}

void serve_open_later(struct manager *manager)
{
    manager->server.accept_at = clock_now() + OPEN_AGAIN_AFTER;
}

static void open_again(struct manager *manager)
{
    struct error unsaid; // it was said the first time
    if (clock_now() < manager->server.accept_at)
        return;
    if (serve_open(manager, &unsaid) < 0)
        serve_open_later(manager);
    else
        show_system(&manager->show, str_of("from now on it can be asked"));
}

void serve_work(struct manager *manager)
{
    if (manager->subscriptions)
        wait_review(manager);
    if (manager->server.fd < 0) {
        open_again(manager);
        return;
    }
    server_work(&manager->server);
    if (manager->subscriptions && listen_review(manager))
        server_work(&manager->server);
}

static void end_all(struct manager *manager)
{
    while (manager->subscriptions)
        subscription_end(manager, manager->subscriptions);
}

void serve_end(struct manager *manager)
{
    if (manager->server.fd >= 0 && manager->subscriptions)
        wait_review(manager);
    end_all(manager);
}

// Whoever wants to listen now has heard all.
void serve_meanwhile(struct manager *manager, const struct pollfd *others, size_t count,
                     int patience_ms)
{
    struct pollfd ready[LIMIT_SINKS + 1];
    struct server *server = &manager->server;
    bool is_served = server->fd >= 0;
    assert(count <= LIMIT_SINKS);
    for (size_t i = 0; i < count; i++)
        ready[i] = others[i];
    ready[count] = (struct pollfd){.fd = manager->clients.fd, .events = POLLIN};
    bool has_work = is_served && (server->has_work || server_due_at(server) <= clock_now());
    (void)poll(ready, count + is_served, has_work ? 0 : patience_ms);
    if (!is_served)
        return;
    (void)loop_run_once(&manager->clients, 0);
    server_work(server);
    end_all(manager);
}

void serve_close(struct manager *manager)
{
    if (manager->server.fd < 0)
        return;
    int listener = manager->server.fd;
    server_close(&manager->server);
    place_leave(manager->plan->root.bytes, listener);
}
