// SPDX-License-Identifier: MIT
// One read, one message a client and round: a client that sends a thousand requests at once waits
// for the others' turns. Nothing is read from one whose answers are not taken, or whose last
// request is not answered yet; what it may leave in our memory is bounded that way. What a client
// has sent is done, also when it has left before its turn came.
#include "manager/server.h"

#include "base/limits.h"
#include "os/clock.h"
#include "os/socket.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 16 * 1024 };

// At the end nothing is supervised any more: so long for all, and so long for one that takes
// nothing.
#define REST_LASTS NSEC_PER_SEC
enum { REST_STALLS_MSEC = 100 };

// There was no descriptor or memory for one more connection.
#define ACCEPT_AGAIN_AFTER (100 * NSEC_PER_MSEC)

// So much time goes to requests before supervision and streams have their turn again.
#define ROUND_LASTS (5 * NSEC_PER_MSEC)

static size_t waiting_bytes(const struct client *client)
{
    return client->out.size - client->sent;
}

bool server_has_room(const struct client *client)
{
    return waiting_bytes(client) < LIMIT_CLIENT_QUEUE_BYTES;
}

bool server_has_sent(const struct client *client)
{
    return waiting_bytes(client) == 0;
}

void server_touch(struct client *client)
{
    client->server->has_work = true;
}

// Each byte is looked at once, however small the pieces are that a message comes in.
static bool has_message(struct client *client)
{
    struct str rest = str_slice(buffer_str(&client->in), client->scanned, client->in.size);
    client->scanned += str_find_char(rest, '\0');
    return !client->is_raw && client->scanned < client->in.size;
}

// Whoever sends that speaks another language, and is told so.
static bool is_too_long(struct client *client)
{
    return !client->is_raw && client->in.size > LIMIT_MESSAGE_BYTES + 1 && !has_message(client);
}

static bool has_request(struct client *client)
{
    return has_message(client) || is_too_long(client);
}

void server_take(struct client *client, size_t size)
{
    struct buffer *in = &client->in;
    assert(size <= in->size);
    memmove(in->bytes, in->bytes + size, in->size - size);
    in->size -= size;
    client->scanned = 0;
    if (in->size == 0)
        buffer_fini(in);
}

static void serve_one(struct client *client)
{
    const struct server_calls *calls = &client->server->calls;
    size_t size = has_message(client) ? client->scanned : client->in.size - 1;
    calls->serve(calls->context, client, str_from(client->in.bytes, size));
    server_take(client, size + 1);
}

static void read_some(struct client *client)
{
    if (!buffer_reserve(&client->in, READ_BYTES)) {
        client->is_broken = true;
        return;
    }
    ssize_t size = recv(client->fd, client->in.bytes + client->in.size, READ_BYTES, MSG_DONTWAIT);
    if (size > 0)
        client->in.size += (size_t)size;
    else if (size == 0 || errno == ECONNRESET)
        client->has_ended = true;
    else if (errno != EAGAIN && errno != EINTR)
        client->is_broken = true;
}

static void drop_out(struct client *client)
{
    client->sent = 0;
    if (client->out.capacity > READ_BYTES)
        buffer_fini(&client->out);
    else
        buffer_clear(&client->out);
}

static void send_some(struct client *client)
{
    if (client->out.failed) // an answer that could not be kept whole
        client->is_broken = true;
    while (waiting_bytes(client) > 0 && !client->is_broken && !client->is_gone) {
        ssize_t size = send(client->fd, client->out.bytes + client->sent, waiting_bytes(client),
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0) {
            client->is_gone = errno == EPIPE || errno == ECONNRESET;
            client->is_broken = !client->is_gone && errno != EAGAIN;
            break;
        }
        client->sent += (size_t)size;
    }
    if (client->is_gone || waiting_bytes(client) == 0)
        drop_out(client);
}

static void on_client(struct loop_source *source, uint32_t events)
{
    struct client *client = loop_owner(source, struct client, source);
    server_touch(client);
    if (events & (EPOLLHUP | EPOLLERR))
        client->is_gone = true;
    else if (events & EPOLLIN)
        read_some(client);
}

// What the client is watched for follows from its state.
static void watch(struct client *client)
{
    bool has_room = client->is_raw
                        ? client->in.size == 0
                        : !client->subscription && server_has_room(client) && !has_request(client);
    bool may_read = !client->has_ended && has_room;
    uint32_t events = (may_read ? EPOLLIN : 0U) | (waiting_bytes(client) > 0 ? EPOLLOUT : 0U);
    if (events == client->events && client->source.is_added)
        return;
    loop_remove(client->server->loop, &client->source);
    client->events = events;
    if (loop_add(client->server->loop, &client->source, client->fd, events, on_client) < 0)
        client->is_broken = true;
}

static void forget_subscription(struct client *client)
{
    const struct server_calls *calls = &client->server->calls;
    if (client->subscription)
        calls->forget(calls->context, client);
}

// Nobody waits for its answers any more. What it has sent is still done, one message a round.
static void serve_gone(struct client *client)
{
    loop_remove(client->server->loop, &client->source); // it would be told again and again
    forget_subscription(client);
    drop_out(client);
    client->has_ended = client->has_ended || client->is_raw;
    if (client->has_ended || has_request(client))
        return;
    size_t before = client->in.size;
    read_some(client);
    client->has_ended = client->in.size == before; // all that it had sent has come
}

static bool is_done(struct client *client)
{
    bool is_silent = client->has_ended && !client->subscription && !has_request(client) &&
                     waiting_bytes(client) == 0;
    return client->is_broken || is_silent;
}

static void close_client(struct client *client)
{
    struct server *server = client->server;
    forget_subscription(client);
    loop_remove(server->loop, &client->source);
    (void)close(client->fd);
    buffer_fini(&client->in);
    buffer_fini(&client->out);
    free(client);
    server->client_count--;
}

struct client *server_adopt(struct server *server, int fd)
{
    struct client *client = calloc(1, sizeof(*client));
    if (!client) {
        (void)close(fd);
        return NULL;
    }
    *client = (struct client){.server = server, .fd = fd, .next = server->clients};
    server->clients = client;
    server->client_count++;
    server->has_work = true;
    return client;
}

// The socket file has mode 0600 already; a descriptor may be handed on, though.
static bool is_allowed(int fd)
{
    struct socket_peer peer;
    return socket_read_peer(fd, &peer) == 0 && socket_peer_is_trusted(&peer);
}

static void on_connection(struct loop_source *source, uint32_t events)
{
    enum { AT_ONCE = 16 };
    struct server *server = loop_owner(source, struct server, source);
    (void)events;
    server->has_work = true;
    for (int i = 0; i < AT_ONCE && server->client_count < server->client_limit; i++) {
        int fd;
        int result = socket_accept(server->fd, &fd);
        if (result < 0 && result != -EAGAIN)
            server->accept_at = clock_now() + ACCEPT_AGAIN_AFTER;
        if (result < 0)
            return;
        if (is_allowed(fd))
            (void)server_adopt(server, fd);
        else
            (void)close(fd);
    }
}

// Who comes when all places are taken waits in the kernel's queue.
static void watch_connections(struct server *server)
{
    bool may_accept = server->client_count < server->client_limit &&
                      (server->accept_at == NSEC_NEVER || server->accept_at <= clock_now());
    if (may_accept)
        server->accept_at = NSEC_NEVER;
    bool is_new = may_accept && !server->source.is_added;
    if (is_new && loop_add(server->loop, &server->source, server->fd, EPOLLIN, on_connection) < 0)
        server->accept_at = clock_now() + ACCEPT_AGAIN_AFTER;
    else if (!may_accept)
        loop_remove(server->loop, &server->source);
}

// Of all descriptors that we may have, the processes' outputs need the most.
static unsigned find_limit(void)
{
    enum { SHARE = 4 };
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur / SHARE >= LIMIT_CLIENTS)
        return LIMIT_CLIENTS;
    return limit.rlim_cur < SHARE ? 1 : (unsigned)(limit.rlim_cur / SHARE);
}

void server_open(struct server *server, struct loop *loop, int fd, const struct server_calls *calls)
{
    *server = (struct server){
        .loop = loop,
        .fd = fd,
        .client_limit = find_limit(),
        .accept_at = NSEC_NEVER,
        .calls = *calls,
    };
    if (loop_add(loop, &server->source, fd, EPOLLIN, on_connection) < 0)
        server->accept_at = clock_now() + ACCEPT_AGAIN_AFTER;
}

static bool can_serve(struct client *client)
{
    return !client->is_broken && !client->subscription && server_has_room(client) &&
           has_request(client);
}

// Those whose turn did not come are the first in the next round.
static void begin_next_round_at(struct server *server, struct client **first)
{
    struct client *head = *first;
    struct client **end = first;
    while (*end)
        end = &(*end)->next;
    if (first == &server->clients)
        return;
    *end = server->clients;
    *first = NULL;
    server->clients = head;
}

// Whether it is to be kept. `may_serve`: there is time left in this round.
static bool work_for(struct client *client, bool may_serve)
{
    const struct server_calls *calls = &client->server->calls;
    if (client->is_gone)
        serve_gone(client);
    if (may_serve && can_serve(client))
        serve_one(client);
    if (client->is_raw && client->in.size > 0 && !client->is_gone)
        calls->feed(calls->context, client);
    send_some(client);
    return !is_done(client);
}

static void work(struct server *server)
{
    const nsec_t end = clock_now() + ROUND_LASTS;
    struct client **unserved = NULL;
    for (struct client **at = &server->clients; *at;) {
        struct client *client = *at;
        bool has_time = clock_now() < end;
        if (!has_time && !unserved && can_serve(client))
            unserved = at;
        if (!work_for(client, has_time)) {
            *at = client->next;
            close_client(client);
            continue;
        }
        server->has_backlog = server->has_backlog || client->is_gone || can_serve(client);
        if (!client->is_gone)
            watch(client);
        server->has_backlog = server->has_backlog || client->is_broken;
        at = &client->next;
    }
    if (unserved && *unserved)
        begin_next_round_at(server, unserved);
}

void server_work(struct server *server)
{
    if (!server->has_work && !server->has_backlog && clock_now() < server->accept_at)
        return;
    server->has_work = server->has_backlog = false;
    work(server);
    watch_connections(server);
}

nsec_t server_due_at(const struct server *server)
{
    return server->has_backlog ? 0 : server->accept_at;
}

// The last of it, for one that is reading.
static void send_rest(struct client *client, nsec_t end)
{
    struct pollfd room = {.fd = client->fd, .events = POLLOUT};
    send_some(client);
    while (waiting_bytes(client) > 0 && !client->is_broken && clock_now() < end &&
           poll(&room, 1, REST_STALLS_MSEC) == 1)
        send_some(client);
}

void server_close(struct server *server)
{
    const nsec_t end = clock_now() + REST_LASTS;
    while (server->clients) {
        struct client *client = server->clients;
        send_rest(client, end);
        server->clients = client->next;
        close_client(client);
    }
    loop_remove(server->loop, &server->source);
    server->fd = -1;
    server->has_backlog = false;
    server->accept_at = NSEC_NEVER;
}
