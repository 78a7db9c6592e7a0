// SPDX-License-Identifier: MIT
// A host is looked up by a child (os/lookup.h) with a deadline. What it has found is kept until no
// connection to any of it works; if it finds nothing then, what it has found before is tried again.
#include "manager/sink_address.h"

#include "manager/sink.h"
#include "manager/state.h"
#include "os/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LOOKUP_PATIENCE (10 * NSEC_PER_SEC)
#define LOOK_AGAIN_AFTER (20 * NSEC_PER_MSEC)  // whether the child has ended
#define LOOK_UP_AGAIN_AFTER (5 * NSEC_PER_SEC) // not more often, whatever happens

#define DEVICE_LOG "/dev/log"                        // syslog(3)
#define JOURNAL_SOCKET "/run/systemd/journal/socket" // systemd-journald.service(8)

const char *sink_name(const struct plan_sink *declared, char out[SINK_NAME_BYTES])
{
    struct str target = declared->target;
    if (declared->kind == SINK_JOURNALD)
        (void)snprintf(out, SINK_NAME_BYTES, "journald");
    else if (declared->kind == SINK_FILE)
        (void)snprintf(out, SINK_NAME_BYTES, "file %.*s", STR_ARGS(target));
    else if (declared->address == SINK_UNIX)
        (void)snprintf(out, SINK_NAME_BYTES, "syslog at %.*s",
                       STR_ARGS(target.size > 0 ? target : str_of(DEVICE_LOG)));
    else
        (void)snprintf(out, SINK_NAME_BYTES, "syslog at %s://%s%.*s%s:%u",
                       sink_address_name(declared->address),
                       str_find_char(target, ':') < target.size ? "[" : "", STR_ARGS(target),
                       str_find_char(target, ':') < target.size ? "]" : "", declared->port);
    return out;
}

static int local_address(const struct plan_sink *declared, union sink_socket_address *out)
{
    struct str path = declared->kind == SINK_JOURNALD ? str_of(JOURNAL_SOCKET)
                      : declared->target.size > 0     ? declared->target
                                                      : str_of(DEVICE_LOG);
    *out = (union sink_socket_address){.local.sun_family = AF_UNIX};
    memcpy(out->local.sun_path, path.bytes,
           path.size < sizeof(out->local.sun_path) ? path.size : sizeof(out->local.sun_path) - 1);
    return (int)sizeof(out->local);
}

static int take_next(struct sink *sink, union sink_socket_address *out)
{
    struct sink_addresses *addresses = &sink->addresses;
    *out = (union sink_socket_address){.remote = addresses->lookup.addresses[addresses->next++]};
    in_port_t port = htons((uint16_t)sink->declared->port);
    if (out->any.sa_family == AF_INET6)
        out->remote.six.sin6_port = port;
    else
        out->remote.four.sin_port = port;
    return (int)lookup_address_size(&out->remote);
}

static int fail(struct sink *sink, const char *why)
{
    char name[SINK_NAME_BYTES];
    sink->addresses.is_asking = false;
    sink->again_at = clock_now() + LOOK_UP_AGAIN_AFTER;
    sink_fail(sink, "%s: %s", sink_name(sink->declared, name), why);
    return -1;
}

static int ask(struct sink *sink, const char *host)
{
    struct sink_addresses *addresses = &sink->addresses;
    int result = lookup_begin(&addresses->lookup, &sink->manager->loop, "/proc/self/exe", host);
    if (result < 0)
        return fail(sink, strerrordesc_np(-result));
    addresses->is_asking = true;
    addresses->asked_at = clock_now();
    sink->again_at = clock_now() + LOOK_AGAIN_AFTER;
    return 0;
}

static int wait_for_answer(struct sink *sink, union sink_socket_address *out)
{
    struct sink_addresses *addresses = &sink->addresses;
    if (!lookup_has_ended(&addresses->lookup) &&
        clock_now() < addresses->asked_at + LOOKUP_PATIENCE) {
        sink->again_at = clock_now() + LOOK_AGAIN_AFTER;
        return 0;
    }
    if (addresses->lookup.is_running) {
        lookup_cancel(&addresses->lookup);
        (void)snprintf(addresses->lookup.failure, sizeof(addresses->lookup.failure),
                       "its address was not found within 10s");
    }
    addresses->is_asking = false;
    addresses->next = 0;
    return addresses->lookup.count > 0 ? take_next(sink, out)
                                       : fail(sink, addresses->lookup.failure);
}

int sink_address_next(struct sink *sink, union sink_socket_address *out)
{
    const struct plan_sink *declared = sink->declared;
    struct sink_addresses *addresses = &sink->addresses;
    char host[LIMIT_HOST_BYTES + 1];
    if (declared->kind == SINK_JOURNALD || declared->address == SINK_UNIX)
        return local_address(declared, out);
    if (addresses->is_asking)
        return wait_for_answer(sink, out);
    bool is_known =
        addresses->lookup.count > 0 && clock_now() < addresses->asked_at + LOOK_UP_AGAIN_AFTER;
    if (is_known && !sink_address_has_more(sink))
        addresses->next = 0;
    if (sink_address_has_more(sink))
        return take_next(sink, out);
    (void)snprintf(host, sizeof(host), "%.*s", STR_ARGS(declared->target));
    if (!lookup_parse(str_is(declared->target, "localhost") ? "127.0.0.1" : host,
                      &addresses->lookup.addresses[0]))
        return ask(sink, host);
    addresses->lookup.count = 1;
    addresses->next = 0;
    return take_next(sink, out);
}

bool sink_address_has_more(const struct sink *sink)
{
    return sink->addresses.next < sink->addresses.lookup.count;
}

void sink_address_forget(struct sink *sink)
{
    sink->addresses.next = sink->addresses.lookup.count;
}

void sink_address_close(struct sink *sink)
{
    lookup_cancel(&sink->addresses.lookup);
    sink->addresses.is_asking = false;
}
