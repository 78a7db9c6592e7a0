// SPDX-License-Identifier: MIT
// One loop, one thread. After each batch of events comes what no event says: those that had more
// than their share, those that wait for a backend, the listening sockets' turn, the report.
#include "route/router.h"

#include "os/clock.h"
#include "route/attempt.h"
#include "route/carry.h"
#include "route/listen.h"
#include "route/state.h"
#include "route/talk.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BATCH = 256,
    OTHER_DESCRIPTORS = 16 + LIMIT_ROUTE_LISTENERS, // neither connections nor pipes
    LEAST_DESCRIPTORS = OTHER_DESCRIPTORS + 16,
};

// Of the open files that we may have, a quarter is for pipes at most. Returns how many connections
// the rest is enough for, 0 if for none.
static size_t share_descriptors(struct router *router)
{
    struct rlimit limit = {0};
    rlim_t most = OTHER_DESCRIPTORS + SIDES * LIMIT_ROUTE_CONNECTIONS + 2 * LIMIT_ROUTE_PIPES;
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < most ? limit.rlim_max : most;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    size_t count = limit.rlim_cur < most ? limit.rlim_cur : most;
    if (count < LEAST_DESCRIPTORS)
        return 0;
    size_t pipes = count / 8;
    router->pool.most_pipes = pipes < LIMIT_ROUTE_PIPES ? (unsigned)pipes : LIMIT_ROUTE_PIPES;
    return (count - OTHER_DESCRIPTORS - 2 * (size_t)router->pool.most_pipes) / SIDES;
}

static int watch(struct router *router, int fd, uint64_t mark)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = mark};
    return epoll_ctl(router->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

// A socket is written to by splice(2), too, which has no MSG_NOSIGNAL.
static int open_signals(struct router *router)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    router->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return router->signals < 0 ? -errno : 0;
}

static int open_channel(struct router *router, struct error *error)
{
    int type = 0;
    socklen_t size = sizeof(type);
    if (getsockopt(ROUTE_CHANNEL_FD, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
        type != SOCK_SEQPACKET)
        return error_set(error, EINVAL, "descriptor %d is no channel to a manager",
                         ROUTE_CHANNEL_FD);
    router->channel = ROUTE_CHANNEL_FD;
    return 0;
}

static int open_all(struct router *router, size_t listener_count, struct error *error)
{
    int result = open_channel(router, error);
    if (result == 0)
        result = listen_open(router, listener_count, error);
    if (result < 0)
        return result;
    size_t capacity = share_descriptors(router);
    if (capacity == 0)
        return error_set(error, EMFILE, "a router needs a limit of %d open files at least",
                         LEAST_DESCRIPTORS);
    result = connections_init(&router->connections, capacity);
    if (result == 0)
        result = backends_init(&router->backends, capacity);
    router->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (result == 0 && router->epoll < 0)
        result = -errno;
    if (result == 0)
        result = open_signals(router);
    if (result == 0)
        result = watch(router, router->channel, MARK_CHANNEL);
    if (result == 0)
        result = watch(router, router->signals, MARK_SIGNALS);
    if (result < 0)
        return error_set(error, -result, "a router cannot be started: %s", strerror(-result));
    return 0;
}

static void begin_end(struct router *router)
{
    if (router->is_ending)
        return;
    router->is_ending = true;
    router->is_changed = router->is_urgent = true;
    router->ends_at = router->now + router->settings.linger;
    listen_close(router);
}

static void on_signal(struct router *router)
{
    struct signalfd_siginfo info;
    while (read(router->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (router->is_ending)
            router->ends_at = router->now;
        begin_end(router);
    }
}

static void on_event(struct router *router, const struct epoll_event *event)
{
    uint64_t mark = event->data.u64;
    unsigned side = 0;
    struct connection *connection = connection_of_mark(&router->connections, mark, &side);
    if (connection && connection->state == CONNECTION_OPEN) {
        carry_on(router, connection, side, event->events);
    } else if (connection) {
        attempt_go_on(router, connection, side, event->events);
    } else if (mark == MARK_CHANNEL) {
        talk_hear(router);
        if (router->channel < 0)
            begin_end(router);
    } else if (mark == MARK_SIGNALS) {
        on_signal(router);
    } else if (mark >> 32 == 0) {
        listen_take(router, mark - MARK_LISTENER);
    }
}

static nsec_t earlier(nsec_t one, nsec_t other)
{
    return one < other ? one : other;
}

// As epoll_wait(2) wants it.
static int wait_milliseconds(const struct router *router)
{
    if (router->connections.ready.first)
        return 0;
    nsec_t due = earlier(attempt_due_at(router), talk_due_at(router));
    due = earlier(due, router->ends_at);
    if (router->connections.starving.first)
        due = earlier(due, router->starved_until);
    if (router->now < router->paused_until)
        due = earlier(due, router->paused_until);
    if (due == NSEC_NEVER)
        return -1;
    if (due <= router->now)
        return 0;
    nsec_t milliseconds = (due - router->now + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC;
    return milliseconds < INT_MAX ? (int)milliseconds : INT_MAX;
}

static bool is_over(const struct router *router)
{
    return router->is_ending && (router->connections.count == 0 || router->now >= router->ends_at);
}

static void run(struct router *router)
{
    struct epoll_event batch[BATCH];
    while (!is_over(router)) {
        int count = epoll_wait(router->epoll, batch, BATCH, wait_milliseconds(router));
        router->now = clock_now();
        for (int i = 0; i < count; i++)
            on_event(router, &batch[i]);
        carry_rest(router);
        attempt_rest(router);
        listen_rest(router);
        talk_rest(router);
    }
}

static void end_all(struct router *router)
{
    for (size_t i = 0; i < router->connections.used; i++)
        if (router->connections.items[i].state != CONNECTION_FREE)
            carry_end(router, &router->connections.items[i], true);
    talk_report(router);
}

static void close_all(struct router *router)
{
    listen_close(router);
    backends_fini(&router->backends);
    connections_fini(&router->connections);
    pool_fini(&router->pool);
    int fds[] = {router->epoll, router->signals, router->channel};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
}

int route_run(size_t listener_count, struct error *error)
{
    struct router *router = calloc(1, sizeof(*router));
    if (!router)
        return error_set(error, ENOMEM, "there is no memory left for a router");
    router->epoll = router->signals = router->channel = -1;
    router->ends_at = NSEC_NEVER;
    router->now = clock_now();
    int result = open_all(router, listener_count, error);
    if (result == 0) {
        run(router);
        end_all(router);
    }
    close_all(router);
    free(router);
    return result;
}
