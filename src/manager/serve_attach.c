// SPDX-License-Identifier: MIT
// A client in the place of the person before a process's terminal. The terminal's near end belongs
// to the process as before: what is read from there goes to the log and, as it is, to the client.
// What the client types is written there as far as there is room; nothing more is read from the
// client until then.
#include "manager/serve.h"

#include "control/varlink.h"
#include "os/output.h"
#include "os/socket.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct attachment {
    struct client *client;
    struct loop *loop;
    struct loop_source source; // watched while the terminal has no room
    pid_t peer;                // who sits there; 0: not known
};

static bool is_running(const struct process_record *record)
{
    return record->state == PROCESS_RUNNING || record->state == PROCESS_READY ||
           record->state == PROCESS_STOPPING;
}

// The one process that `name` means, with its terminal. NULL: refused.
static struct process *find_terminal(struct manager *manager, struct client *client,
                                     struct request *request)
{
    struct refusal refusal = {0};
    struct selection selection;
    const struct str name = str_excerpt(request->attach.process);
    unsigned found = 0;
    unsigned count = 0;
    request->select = (struct str_list){&request->attach.process, 1};
    if (serve_select(manager, client, request, &selection) < 0)
        return NULL;
    for (unsigned slot = 0; slot < supervisor_slot_count(manager->supervisor); slot++) {
        const struct process_record *record = supervisor_process(manager->supervisor, slot);
        if (record->state == PROCESS_VACANT || !selection_has(&selection, record->id))
            continue;
        found = slot;
        count++;
    }
    struct process *process = count == 1 ? process_of(manager, found) : NULL;
    if (count != 1)
        (void)refusal_set(&refusal, REFUSAL_FAILED, str_of(""),
                          "'%.*s' means %u processes, and it takes one", STR_ARGS(name), count);
    else if (!process || !is_running(supervisor_process(manager->supervisor, found)))
        (void)refusal_set(&refusal, REFUSAL_FAILED, str_of(""), "%.*s does not run",
                          STR_ARGS(name));
    else if (!process->has_terminal)
        (void)refusal_set(&refusal, REFUSAL_FAILED, str_of(""),
                          "%.*s has no terminal: write 'tty: true' for it into formation.yaml",
                          STR_ARGS(name));
    else
        return process;
    serve_refuse(client, &refusal);
    return NULL;
}

static void resize(const struct process *process, const struct request *request)
{
    const struct winsize size = {
        .ws_col = (unsigned short)request->attach.columns,
        .ws_row = (unsigned short)request->attach.rows,
    };
    if (size.ws_col > 0 && size.ws_row > 0)
        (void)ioctl(process->inlets[INLET_OUTPUT].near, TIOCSWINSZ, &size);
}

static bool connect_client(struct process *process, struct subscription *subscription)
{
    struct socket_peer peer = {0};
    struct attachment *attachment = calloc(1, sizeof(*attachment));
    if (!attachment)
        return false;
    (void)socket_read_peer(subscription->client->fd, &peer);
    *attachment = (struct attachment){
        .client = subscription->client,
        .loop = &process->manager->loop,
        .peer = peer.pid,
    };
    process->attachment = attachment;
    subscription->attached = process;
    subscription->client->is_raw = true;
    return true;
}

void serve_attach(struct manager *manager, struct client *client, struct request *request)
{
    struct refusal refusal = {0};
    struct process *process = find_terminal(manager, client, request);
    if (process && process->attachment) {
        (void)refusal_set(&refusal, REFUSAL_FAILED, str_of(""),
                          "%s has somebody at its terminal already: process %d", process->name,
                          process->attachment->peer);
        serve_refuse(client, &refusal);
    }
    if (!process || process->attachment) {
        request_fini(request);
        return;
    }
    struct subscription *subscription = wait_new(manager, client, request, 1);
    if (!subscription || !connect_client(process, subscription)) {
        client->is_broken = true;
        return;
    }
    varlink_reply_open(&client->out);
    varlink_reply_close(&client->out, false);
    wait_add(subscription, supervisor_process(manager->supervisor, process->slot), process->slot,
             GOAL_GONE, false); // by that a successor of ours knows whom it means
    resize(process, &subscription->request);
}

void serve_resize(struct manager *manager, struct client *client, struct request *request)
{
    struct process *process = find_terminal(manager, client, request);
    if (!process)
        return;
    resize(process, request);
    varlink_reply_open(&client->out);
    varlink_reply_close(&client->out, false);
}

// --- bytes, both ways

static void on_room(struct loop_source *source, uint32_t events)
{
    struct attachment *attachment = loop_owner(source, struct attachment, source);
    (void)events;
    loop_remove(attachment->loop, source);
    server_touch(attachment->client);
}

void attach_feed(void *context, struct client *client)
{
    struct process *process = client->subscription ? client->subscription->attached : NULL;
    (void)context;
    while (client->in.size > 0) {
        ssize_t size =
            process ? write(process->inlets[INLET_OUTPUT].near, client->in.bytes, client->in.size)
                    : -1;
        bool is_full = process && size < 0 && errno == EAGAIN;
        if (is_full) {
            struct attachment *attachment = process->attachment;
            if (!attachment->source.is_added)
                (void)loop_add(attachment->loop, &attachment->source,
                               process->inlets[INLET_OUTPUT].near, EPOLLOUT, on_room);
            return;
        }
        server_take(client, size > 0 ? (size_t)size : client->in.size); // nobody would read it
    }
}

void attach_tell_lost(struct subscription *subscription)
{
    buffer_append_format(&subscription->client->out,
                         "\r\n[formation: %" PRIu64 " bytes were lost: too slow]\r\n",
                         subscription->lost);
    subscription->lost = 0;
}

void attach_hear(struct process *process, struct str bytes)
{
    struct client *client = process->attachment->client;
    struct subscription *subscription = client->subscription;
    if (subscription->lost > 0 || !server_has_room(client)) {
        subscription->lost += bytes.size; // until it has caught up: listen_review()
        return;
    }
    buffer_append_str(&client->out, bytes);
    server_touch(client);
}

// --- the end of it

void attach_forget(struct manager *manager, struct subscription *subscription)
{
    struct process *process = subscription->attached;
    if (!process)
        return;
    loop_remove(&manager->loop, &process->attachment->source);
    free(process->attachment);
    process->attachment = NULL;
    subscription->attached = NULL;
    output_terminal_resize(process->inlets[INLET_OUTPUT].near, show_margin(&manager->show));
}

void attach_end(struct manager *manager, struct subscription *subscription)
{
    struct client *client = subscription->client;
    if (subscription->lost > 0)
        attach_tell_lost(subscription);
    client->has_ended = true; // closed once all is sent
    server_touch(client);
    subscription_free(manager, subscription);
}

void attach_end_of(struct process *process)
{
    if (process->attachment)
        attach_end(process->manager, process->attachment->client->subscription);
}

void attach_again(struct manager *manager, struct subscription *subscription)
{
    const struct target *target = subscription->targets;
    struct process *process =
        subscription->target_count == 1 ? process_of(manager, target->slot) : NULL;
    const struct process_record *record =
        process ? supervisor_process(manager->supervisor, target->slot) : NULL;
    subscription->client->is_raw = true;
    bool is_there = process && !process->attachment && record->token == target->token &&
                    is_running(record) && connect_client(process, subscription);
    if (!is_there)
        attach_end(manager, subscription);
}
