// SPDX-License-Identifier: MIT
// Connected without waiting; what has no receiver is tried again every second.
#include "manager/sink.h"

#include "manager/state.h"
#include "os/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECT_AGAIN_AFTER NSEC_PER_SEC
#define FULL_AGAIN_AFTER (10 * NSEC_PER_MSEC)

#define DEVICE_LOG "/dev/log"                        // syslog(3)
#define JOURNAL_SOCKET "/run/systemd/journal/socket" // systemd-journald.service(8)

union address {
    struct sockaddr any;
    struct sockaddr_un local;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
};

static socklen_t local_address(const struct plan_sink *declared, union address *out)
{
    struct str path = declared->kind == SINK_JOURNALD ? str_of(JOURNAL_SOCKET)
                      : declared->target.size > 0     ? declared->target
                                                      : str_of(DEVICE_LOG);
    *out = (union address){.local.sun_family = AF_UNIX};
    memcpy(out->local.sun_path, path.bytes,
           path.size < sizeof(out->local.sun_path) ? path.size : sizeof(out->local.sun_path) - 1);
    return (socklen_t)sizeof(out->local);
}

// Names would have to be asked of a server, which may take seconds: only this machine's own is
// known without.
static socklen_t remote_address(const struct plan_sink *declared, union address *out)
{
    char host[INET6_ADDRSTRLEN] = "127.0.0.1";
    if (declared->target.size >= sizeof(host))
        return 0;
    if (!str_is(declared->target, "localhost"))
        (void)snprintf(host, sizeof(host), "%.*s", (int)declared->target.size,
                       declared->target.bytes);
    *out = (union address){
        .four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)declared->port)}};
    if (inet_pton(AF_INET, host, &out->four.sin_addr) == 1)
        return sizeof(out->four);
    *out = (union address){
        .six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)declared->port)}};
    return inet_pton(AF_INET6, host, &out->six.sin6_addr) == 1 ? sizeof(out->six) : 0;
}

static void describe(const struct plan_sink *declared, char *out, size_t size)
{
    if (declared->kind == SINK_JOURNALD)
        (void)snprintf(out, size, "journald");
    else if (declared->address == SINK_UNIX)
        (void)snprintf(out, size, "syslog at %.*s",
                       declared->target.size > 0 ? (int)declared->target.size : 8,
                       declared->target.size > 0 ? declared->target.bytes : DEVICE_LOG);
    else
        (void)snprintf(out, size, "syslog at %s://%.*s:%u", sink_address_name(declared->address),
                       (int)declared->target.size, declared->target.bytes, declared->port);
}

static void fail(struct sink *sink, const char *why)
{
    char what[300];
    describe(sink->declared, what, sizeof(what));
    sink_disconnect(sink);
    sink->again_at = clock_now() + CONNECT_AGAIN_AFTER;
    sink_fail(sink, "%s: %s", what, why);
}

void sink_disconnect(struct sink *sink)
{
    loop_remove(&sink->manager->loop, &sink->source);
    if (sink->socket >= 0)
        (void)close(sink->socket);
    sink->socket = -1;
}

static int connect_socket(struct sink *sink)
{
    const struct plan_sink *declared = sink->declared;
    bool is_local = declared->kind == SINK_JOURNALD || declared->address == SINK_UNIX;
    bool is_stream = !is_local && declared->address == SINK_TCP;
    union address address;
    socklen_t size =
        is_local ? local_address(declared, &address) : remote_address(declared, &address);
    if (size == 0)
        return -EDESTADDRREQ;
    int type = is_stream ? SOCK_STREAM : SOCK_DGRAM;
    int fd = socket(address.any.sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, &address.any, size) < 0 && errno != EINPROGRESS) {
        int code = errno;
        (void)close(fd);
        return -code;
    }
    sink->socket = fd;
    outlet_resume(&sink->outlet, fd);
    return 0;
}

static void on_room(struct loop_source *source, uint32_t events)
{
    (void)source; // sinks_push() runs after every round
    (void)events;
}

void sink_push_socket(struct sink *sink)
{
    int result = sink->socket < 0 ? connect_socket(sink) : 0;
    if (result == -EDESTADDRREQ) {
        fail(sink, "is no address: names are not looked up, write one such as 192.0.2.1");
        return;
    }
    if (result < 0) {
        fail(sink, strerrordesc_np(-result));
        return;
    }
    loop_remove(&sink->manager->loop, &sink->source);
    enum outlet_state state = outlet_push(&sink->outlet);
    if (state == OUTLET_BUSY)
        (void)loop_add(&sink->manager->loop, &sink->source, sink->socket, EPOLLOUT, on_room);
    else if (state == OUTLET_NO_SPACE)
        sink->again_at = clock_now() + FULL_AGAIN_AFTER;
    else if (state == OUTLET_CLOSED || state == OUTLET_FAILED)
        fail(sink, strerrordesc_np(sink->outlet.error ? sink->outlet.error : EPIPE));
    else
        sink_recover(sink);
}
