// SPDX-License-Identifier: MIT
// A refusal tries the next backend at once; the one that has refused rests (route/balance.c), so
// the tries of one connection are fewer than there are backends. Who waits is served in the order
// of coming, and nobody overtakes.
#include "route/attempt.h"

#include "route/carry.h"
#include "route/preface.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

// The kernel says no word when the queue of a listener is full, and tries again after 1, 3, 7 s.
// Longer than the second of these waits only who has no other.
#define PATIENCE (3500 * NSEC_PER_MSEC)

#define PAUSE (50 * NSEC_PER_MSEC)

void attempt_pause(struct router *router)
{
    router->totals.short_of++;
    router->paused_until = router->now + PAUSE;
    router->is_changed = true;
}

static void wait_for_backend(struct router *router, struct connection *connection)
{
    connection->state = CONNECTION_WAITING;
    connection_enlist_by_age(&router->connections.waiting, connection);
    size_t count = router->connections.waiting.count;
    router->is_changed = true;
    router->is_urgent |= count == 1 || count == router->settings.most_waiting;
}

// What a backend expects first. There is room for it in a socket that nothing was written to.
// 0, or -errno: the client has left, or the backend takes nothing.
static int send_preface(struct router *router, const struct connection *connection)
{
    char bytes[PREFACE_BYTES];
    struct sockaddr_storage peer = {0};
    struct sockaddr_storage own = {0};
    socklen_t peer_size = sizeof(peer);
    socklen_t own_size = sizeof(own);
    int client = connection->sides[CLIENT].fd;
    enum route_preface version = (enum route_preface)router->settings.preface;
    if (version == ROUTE_PREFACE_NONE)
        return 0;
    if (getpeername(client, (struct sockaddr *)&peer, &peer_size) < 0 ||
        getsockname(client, (struct sockaddr *)&own, &own_size) < 0)
        return -errno;
    size_t size = preface_make(version, &peer, &own, bytes);
    ssize_t sent = send(connection->sides[BACKEND].fd, bytes, size, MSG_NOSIGNAL);
    if (sent < 0)
        return -errno;
    return (size_t)sent == size ? 0 : -EAGAIN;
}

static void succeed(struct router *router, struct connection *connection)
{
    backends_note_success(&router->backends, connection->place);
    router->totals.routed++;
    connection->state = CONNECTION_OPEN;
    if (send_preface(router, connection) < 0) {
        carry_end(router, connection, true);
        return;
    }
    carry_begin(router, connection);
}

enum verdict { REFUSED, BUSY, SHORT };

static enum verdict verdict_of(int error)
{
    switch (error) {
    case EAGAIN:        // a unix socket's queue is full
    case EADDRNOTAVAIL: // all of our own ports are in use towards this one
        return BUSY;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case ENOSPC: // of epoll_ctl(2)
        return SHORT;
    default:
        return REFUSED;
    }
}

static void fail(struct router *router, struct connection *connection, int error)
{
    struct connection_side *side = &connection->sides[BACKEND];
    if (side->fd >= 0)
        (void)close(side->fd);
    *side = (struct connection_side){.fd = -1};
    connection_delist(connection);
    connection->state = CONNECTION_WAITING;
    switch (verdict_of(error)) {
    case REFUSED:
        backends_note_failure(&router->backends, connection->place, router->now);
        router->totals.failed++;
        break;
    case BUSY:
        backends_note_busy(&router->backends, connection->place, router->now);
        router->totals.failed++;
        break;
    case SHORT:
        backends_note_nothing(&router->backends, connection->place);
        attempt_pause(router);
        break;
    }
}

// Returns 0, EINPROGRESS, or what is wrong.
static int connect_to(struct router *router, struct connection *connection)
{
    const struct backend *backend = &router->backends.items[connection->place];
    const struct sockaddr *address = &backend->address.generic;
    struct connection_side *side = &connection->sides[BACKEND];
    const int on = 1;
    side->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (side->fd < 0)
        return errno;
    side->is_unix = address->sa_family == AF_UNIX;
    if (!side->is_unix) // whole requests and answers come in; nothing is to wait for more
        (void)setsockopt(side->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    int error = connect(side->fd, address, backend->address_size) < 0 ? errno : 0;
    if (error == EINTR)
        error = EINPROGRESS;
    if (error != 0 && error != EINPROGRESS)
        return error;
    int result = carry_watch(router, connection, BACKEND);
    return result < 0 ? -result : error;
}

// If the kernel has no memory for that, nor a watch left, it is tried once more after a pause.
static void watch_client(struct router *router, struct connection *connection)
{
    if (!connection->sides[CLIENT].is_watched && carry_watch(router, connection, CLIENT) < 0)
        attempt_pause(router);
}

// Whether it has found one. Else it is as it was, in no list.
static bool try_all(struct router *router, struct connection *connection)
{
    watch_client(router, connection);
    while (router->now >= router->paused_until) {
        size_t place = backends_choose(&router->backends, router->now);
        if (place == BALANCE_NONE)
            return false;
        connection->place = (uint32_t)place;
        connection->attempted_at = router->now;
        connection->state = CONNECTION_CONNECTING;
        int error = connect_to(router, connection);
        if (error == 0) {
            succeed(router, connection);
            return true;
        }
        if (error == EINPROGRESS) {
            connection_enlist(&router->connections.connecting, connection);
            return true;
        }
        fail(router, connection, error);
    }
    return false;
}

void attempt_begin(struct router *router, struct connection *connection)
{
    bool is_next = !router->connections.waiting.first;
    watch_client(router, connection);
    if (!is_next || !try_all(router, connection))
        wait_for_backend(router, connection);
}

static void note_client(struct router *router, struct connection *connection, uint32_t events)
{
    struct connection_side *client = &connection->sides[CLIENT];
    int left_behind = 0;
    carry_note_end(connection, CLIENT, events);
    client->has_more |= (events & ~(uint32_t)EPOLLOUT) != 0;
    if (connection->state != CONNECTION_WAITING || !client->is_gone)
        return;
    // What it has sent before it left may be all that it wanted.
    if (!(events & EPOLLERR) && ioctl(client->fd, FIONREAD, &left_behind) == 0 && left_behind > 0)
        return;
    router->totals.left++;
    carry_end(router, connection, false);
}

void attempt_go_on(struct router *router, struct connection *connection, unsigned side,
                   uint32_t events)
{
    int error = 0;
    socklen_t size = sizeof(error);
    if (side == CLIENT) {
        note_client(router, connection, events);
        return;
    }
    if (connection->state != CONNECTION_CONNECTING)
        return;
    if (events & (EPOLLERR | EPOLLHUP)) {
        (void)getsockopt(connection->sides[BACKEND].fd, SOL_SOCKET, SO_ERROR, &error, &size);
        fail(router, connection, error ? error : ECONNRESET);
        attempt_begin(router, connection);
    } else if (events & EPOLLOUT) {
        connection_delist(connection);
        carry_note_end(connection, BACKEND, events);
        connection->sides[BACKEND].has_more = (events & (EPOLLIN | EPOLLRDHUP)) != 0;
        succeed(router, connection);
    }
}

static void end_late_attempts(struct router *router)
{
    struct connection *connection = router->connections.connecting.first;
    while (connection && connection->attempted_at + PATIENCE <= router->now) {
        fail(router, connection, ETIMEDOUT);
        attempt_begin(router, connection);
        connection = router->connections.connecting.first;
    }
}

static void serve_waiting(struct router *router)
{
    struct connection_list *waiting = &router->connections.waiting;
    while (waiting->first) {
        struct connection *connection = waiting->first;
        connection_delist(connection);
        if (!try_all(router, connection)) {
            connection_enlist_by_age(waiting, connection);
            return;
        }
        router->is_changed = true;
    }
}

static void end_late_waiting(struct router *router)
{
    struct connection *connection = router->connections.waiting.first;
    while (connection && connection->accepted_at + router->settings.hold <= router->now) {
        router->totals.expired++;
        carry_end(router, connection, true);
        connection = router->connections.waiting.first;
    }
}

void attempt_rest(struct router *router)
{
    end_late_attempts(router);
    serve_waiting(router);
    end_late_waiting(router);
}

nsec_t attempt_due_at(const struct router *router)
{
    const struct connection *waiting = router->connections.waiting.first;
    const struct connection *connecting = router->connections.connecting.first;
    nsec_t due = connecting ? connecting->attempted_at + PATIENCE : NSEC_NEVER;
    if (waiting) {
        nsec_t end = waiting->accepted_at + router->settings.hold;
        nsec_t chance = router->now < router->paused_until ? router->paused_until
                                                           : backends_due_at(&router->backends);
        due = end < due ? end : due;
        due = chance < due ? chance : due;
    }
    return due;
}
