// SPDX-License-Identifier: MIT
// The sockets are other processes', too, so what is set here is set for all of them: they do not
// block, and what they accept inherits TCP_NODELAY and keepalive (which finds clients that have
// vanished, in two hours), two calls less for each connection.
#include "route/listen.h"

#include "route/attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int option_of(int fd, int name, int *out)
{
    socklen_t size = sizeof(*out);
    return getsockopt(fd, SOL_SOCKET, name, out, &size) < 0 ? -errno : 0;
}

static int open_one(struct router *router, int fd, struct error *error)
{
    const int on = 1;
    int type = 0;
    int family = 0;
    int is_listening = 0;
    if (option_of(fd, SO_TYPE, &type) < 0 || option_of(fd, SO_DOMAIN, &family) < 0 ||
        option_of(fd, SO_ACCEPTCONN, &is_listening) < 0 || type != SOCK_STREAM || !is_listening)
        return error_set(error, EINVAL, "descriptor %d is no socket that listens for streams", fd);
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return error_set(error, errno, "descriptor %d: %s", fd, strerror(errno));
    if (family != AF_UNIX) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    }
    router->is_unix[router->listener_count] = family == AF_UNIX;
    router->listeners[router->listener_count++] = fd;
    return 0;
}

int listen_open(struct router *router, size_t count, struct error *error)
{
    if (count == 0 || count > LIMIT_ROUTE_LISTENERS)
        return error_set(error, EINVAL, "a router has 1 to %d listening sockets, not %zu",
                         LIMIT_ROUTE_LISTENERS, count);
    for (size_t i = 0; i < count; i++) {
        int result = open_one(router, ROUTE_LISTENER_FD + (int)i, error);
        if (result < 0)
            return result;
    }
    return 0;
}

static void close_one(struct router *router, size_t index)
{
    if (router->listeners[index] >= 0)
        (void)close(router->listeners[index]);
    router->listeners[index] = -1;
}

void listen_close(struct router *router)
{
    for (size_t i = 0; i < router->listener_count; i++)
        close_one(router, i);
    router->is_listening = false;
}

bool listen_is_full(const struct router *router)
{
    const struct connections *all = &router->connections;
    return all->count >= all->capacity || all->waiting.count >= router->settings.most_waiting;
}

static bool has_place(const struct router *router)
{
    return router->table != 0 && !router->is_ending && router->now >= router->paused_until &&
           !listen_is_full(router);
}

void listen_rest(struct router *router)
{
    bool is_wanted = has_place(router);
    if (router->is_ending || is_wanted == router->is_listening)
        return;
    for (size_t i = 0; i < router->listener_count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = MARK_LISTENER + i};
        int operation = is_wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL;
        if (router->listeners[i] >= 0 &&
            epoll_ctl(router->epoll, operation, router->listeners[i], &event) < 0 &&
            errno != EEXIST && is_wanted) {
            attempt_pause(router); // and all of them once more; is_listening is not set
            return;
        }
    }
    router->is_listening = is_wanted;
    router->is_changed = true;
}

static void welcome(struct router *router, int fd, bool is_unix)
{
    struct connection *connection = connections_add(&router->connections);
    connection->accepted_at = router->now;
    connection->sides[CLIENT].fd = fd;
    connection->sides[CLIENT].is_unix = is_unix;
    router->totals.accepted++;
    router->is_changed = true;
    attempt_begin(router, connection);
}

enum verdict { NONE, NEXT, SHORT, GONE };

// accept(2): an error of a connection is told as one of the call.
static enum verdict verdict_of(int error)
{
    switch (error) {
    case EAGAIN:
        return NONE;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return SHORT;
    case EBADF:
    case EINVAL: // it was shut down
    case ENOTSOCK:
    case EOPNOTSUPP:
        return GONE;
    default:
        return NEXT;
    }
}

void listen_take(struct router *router, size_t index)
{
    enum { SHARE = 64 };
    for (size_t i = 0; i < SHARE && router->listeners[index] >= 0 && has_place(router); i++) {
        int fd = accept4(router->listeners[index], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            welcome(router, fd, router->is_unix[index]);
            continue;
        }
        switch (verdict_of(errno)) {
        case NONE:
            return;
        case SHORT:
            attempt_pause(router);
            return;
        case GONE:
            close_one(router, index);
            return;
        case NEXT:
            break;
        }
    }
}

uint32_t listen_count_queued(const struct router *router)
{
    uint32_t count = 0;
    for (size_t i = 0; i < router->listener_count; i++) {
        struct tcp_info info = {0};
        socklen_t size = sizeof(info);
        if (router->listeners[i] >= 0 && !router->is_unix[i] &&
            getsockopt(router->listeners[i], IPPROTO_TCP, TCP_INFO, &info, &size) == 0)
            count += info.tcpi_unacked; // of a listener: the length of its queue
    }
    return count;
}
