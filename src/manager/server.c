// SPDX-License-Identifier: MIT
// One read, one message a client and round: a client that sends a thousand requests at once waits
// for the others' turns. Nothing is read from one whose answers are not taken, or whose last
// request is not answered yet; what it may leave in our memory is bounded that way.
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
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 16 * 1024 };

// At the end nothing is supervised any more: so long for all, and so long for one that takes
// nothing.
#define REST_LASTS NSEC_PER_SEC
enum { REST_STALLS_MSEC = 100 };

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

static bool has_message(const struct client *client)
{
    return client->in.size > 0 && memchr(client->in.bytes, '\0', client->in.size);
}

static void drop_front(struct buffer *buffer, size_t size)
{
    assert(size <= buffer->size);
    memmove(buffer->bytes, buffer->bytes + size, buffer->size - size);
    buffer->size -= size;
}

static void serve_one(struct client *client)
{
    struct server *server = client->server;
    size_t size = strnlen(client->in.bytes, client->in.size);
    server->serve(server->context, client, str_from(client->in.bytes, size));
    drop_front(&client->in, size + 1);
    if (client->in.size == 0)
        buffer_fini(&client->in);
    if (client->out.failed) // an answer that could not be kept whole
        client->is_broken = true;
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
    else if (size == 0)
        client->has_ended = true;
    else if (errno != EAGAIN && errno != EINTR)
        client->is_broken = true;
    if (client->in.size > LIMIT_MESSAGE_BYTES && !has_message(client))
        client->is_broken = true; // whoever sends that speaks another language
}

static void send_some(struct client *client)
{
    while (waiting_bytes(client) > 0) {
        ssize_t size = send(client->fd, client->out.bytes + client->sent, waiting_bytes(client),
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0) {
            client->is_broken = errno != EAGAIN;
            return;
        }
        client->sent += (size_t)size;
    }
    client->sent = 0;
    if (client->out.capacity > READ_BYTES)
        buffer_fini(&client->out);
    else
        buffer_clear(&client->out);
}

static void on_client(struct loop_source *source, uint32_t events)
{
    struct client *client = loop_owner(source, struct client, source);
    server_touch(client);
    if (events & (EPOLLHUP | EPOLLERR))
        client->is_broken = true; // it reads no more, either
    else if (events & EPOLLIN)
        read_some(client);
}

// What the client is watched for follows from its state.
static void watch(struct client *client)
{
    bool may_read = !client->has_ended && !client->subscription && server_has_room(client) &&
                    !has_message(client);
    uint32_t events = (may_read ? EPOLLIN : 0U) | (waiting_bytes(client) > 0 ? EPOLLOUT : 0U);
    if (events == client->events && client->source.is_added)
        return;
    loop_remove(client->server->loop, &client->source);
    client->events = events;
    if (loop_add(client->server->loop, &client->source, client->fd, events, on_client) < 0)
        client->is_broken = true;
}

static bool is_done(const struct client *client)
{
    bool is_silent = client->has_ended && !client->subscription && !has_message(client) &&
                     waiting_bytes(client) == 0;
    return client->is_broken || is_silent;
}

static void close_client(struct client *client)
{
    struct server *server = client->server;
    if (client->subscription)
        server->forget(server->context, client);
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
    for (int i = 0; i < AT_ONCE && server->client_count < LIMIT_CLIENTS; i++) {
        int fd;
        if (socket_accept(server->fd, &fd) < 0)
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
    bool has_place = server->client_count < LIMIT_CLIENTS;
    if (has_place && !server->source.is_added)
        (void)loop_add(server->loop, &server->source, server->fd, EPOLLIN, on_connection);
    else if (!has_place)
        loop_remove(server->loop, &server->source);
}

int server_open(struct server *server, struct loop *loop, int fd, server_serve *serve,
                server_forget *forget, void *context)
{
    *server = (struct server){
        .loop = loop,
        .fd = fd,
        .serve = serve,
        .forget = forget,
        .context = context,
    };
    return loop_add(loop, &server->source, fd, EPOLLIN, on_connection);
}

static bool can_serve(const struct client *client)
{
    return !client->is_broken && !client->subscription && server_has_room(client) &&
           has_message(client);
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

static void work(struct server *server)
{
    const nsec_t end = clock_now() + ROUND_LASTS;
    struct client **unserved = NULL;
    for (struct client **at = &server->clients; *at;) {
        struct client *client = *at;
        if (can_serve(client) && clock_now() < end)
            serve_one(client);
        else if (can_serve(client) && !unserved)
            unserved = at;
        send_some(client);
        if (is_done(client)) {
            *at = client->next;
            close_client(client);
            continue;
        }
        server->has_backlog = server->has_backlog || can_serve(client);
        watch(client);
        at = &client->next;
    }
    if (unserved && *unserved)
        begin_next_round_at(server, unserved);
}

void server_work(struct server *server)
{
    if (!server->has_work && !server->has_backlog)
        return;
    server->has_work = server->has_backlog = false;
    work(server);
    watch_connections(server);
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
}
