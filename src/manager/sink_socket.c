// SPDX-License-Identifier: MIT
// Connected without waiting; what has no receiver is tried again every second. A stream whose other
// end is gone takes one more message all the same, which nobody gets: so it is looked at before.
#include "manager/sink.h"

#include "manager/state.h"
#include "os/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_AGAIN_AFTER NSEC_PER_SEC
#define FULL_AGAIN_AFTER (10 * NSEC_PER_MSEC)

static bool is_to(const struct sink *sink, enum sink_address address)
{
    return sink->declared->kind == SINK_SYSLOG && sink->declared->address == address;
}

void sink_disconnect(struct sink *sink)
{
    loop_remove(&sink->manager->loop, &sink->source);
    if (sink->socket >= 0)
        (void)close(sink->socket);
    if (sink->is_connected)
        sink_address_forget(sink);
    sink->socket = sink->outlet.fd = -1;
    sink->is_connected = false;
}

static void fail(struct sink *sink, int code)
{
    char name[SINK_NAME_BYTES];
    outlet_take_back(&sink->outlet);
    sink_disconnect(sink);
    sink->again_at = clock_now();
    if (sink_address_has_more(sink))
        return;
    sink->again_at += CONNECT_AGAIN_AFTER;
    sink_fail(sink, "%s: %s", sink_name(sink->declared, name), strerrordesc_np(code));
}

static bool is_this_machine(int fd, const union sink_socket_address *address)
{
    union sink_socket_address own = {0};
    socklen_t size = sizeof(own);
    const struct in6_addr *six = &address->remote.six.sin6_addr;
    if (getsockname(fd, &own.any, &size) < 0)
        return false;
    if (address->any.sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(six) || IN6_ARE_ADDR_EQUAL(six, &own.remote.six.sin6_addr);
    in_addr_t four = address->remote.four.sin_addr.s_addr;
    return ntohl(four) >> 24 == IN_LOOPBACKNET || four == own.remote.four.sin_addr.s_addr;
}

// A server that does not answer is given up after some seven seconds, not after two minutes, and
// that a machine has gone is found out even if nothing is sent.
static void prepare_stream(int fd)
{
    const int attempts = 2;
    const int yes = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &attempts, sizeof(attempts));
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
}

static void prepare_datagrams(struct sink *sink, const union sink_socket_address *address)
{
    const int yes = 1;
    bool is_six = address->any.sa_family == AF_INET6;
    sink->outlet.hears_refusals =
        setsockopt(sink->socket, is_six ? IPPROTO_IPV6 : IPPROTO_IP,
                   is_six ? IPV6_RECVERR : IP_RECVERR, &yes, sizeof(yes)) == 0;
    sink->outlet.refuses_at_once =
        sink->outlet.hears_refusals && is_this_machine(sink->socket, address);
}

static int open_socket(struct sink *sink, const union sink_socket_address *address, socklen_t size)
{
    bool is_stream = is_to(sink, SINK_TCP);
    int type = is_stream ? SOCK_STREAM : SOCK_DGRAM;
    int fd = socket(address->any.sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    sink->socket = fd;
    if (is_stream)
        prepare_stream(fd);
    if (connect(fd, &address->any, size) < 0 && errno != EINPROGRESS)
        return -errno;
    if (is_to(sink, SINK_UDP))
        prepare_datagrams(sink, address);
    outlet_resume(&sink->outlet, fd);
    return 0;
}

// False: not yet, or it has failed.
static bool connect_somewhere(struct sink *sink)
{
    union sink_socket_address address;
    while (sink->socket < 0) {
        int size = sink_address_next(sink, &address);
        if (size <= 0)
            return false;
        int result = open_socket(sink, &address, (socklen_t)size);
        if (result == 0)
            break;
        fail(sink, -result);
        if (!sink_address_has_more(sink))
            return false;
    }
    return true;
}

// What a server says is not listened to; 0, or errno if it has ended the connection. One that talks
// without end is not read without end.
static int look_for_end(const struct sink *sink)
{
    enum { MOST_READS = 16 };
    char bytes[4096];
    ssize_t size = 1;
    for (int i = 0; i < MOST_READS && size > 0; i++)
        size = recv(sink->socket, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR)))
        return 0;
    return size == 0 ? ECONNRESET : errno;
}

// While lines wait, sinks_push() does all after each round.
static void on_news(struct loop_source *source, uint32_t events)
{
    struct sink *sink = loop_owner(source, struct sink, source);
    (void)events;
    if (tray_waiting_bytes(sink->tray) > 0)
        return;
    if (is_to(sink, SINK_UDP))
        outlet_hear_refusals(&sink->outlet);
    else if (look_for_end(sink) != 0) {
        outlet_take_back(&sink->outlet);
        sink_disconnect(sink);
    }
}

static void watch(struct sink *sink, bool is_busy)
{
    bool can_end = is_to(sink, SINK_TCP) || is_to(sink, SINK_UDP);
    uint32_t events = (is_busy ? EPOLLOUT : 0) | (can_end ? EPOLLRDHUP : 0);
    if (sink->source.is_added && sink->watched_events == events)
        return;
    loop_remove(&sink->manager->loop, &sink->source);
    sink->watched_events = events;
    if (events)
        (void)loop_add(&sink->manager->loop, &sink->source, sink->socket, events, on_news);
}

void sink_push_socket(struct sink *sink)
{
    size_t waiting = tray_waiting_bytes(sink->tray);
    if (!connect_somewhere(sink))
        return;
    int code = is_to(sink, SINK_TCP) ? look_for_end(sink) : 0;
    enum outlet_state state = code ? OUTLET_CLOSED : outlet_push(&sink->outlet);
    if (tray_waiting_bytes(sink->tray) < waiting) {
        sink->is_connected = true;
        sink_recover(sink);
    }
    if (state == OUTLET_CLOSED || state == OUTLET_FAILED) {
        fail(sink, code ? code : sink->outlet.error ? sink->outlet.error : EPIPE);
        return;
    }
    watch(sink, state == OUTLET_BUSY);
    if (state == OUTLET_NO_SPACE)
        sink->again_at = clock_now() + FULL_AGAIN_AFTER;
}
