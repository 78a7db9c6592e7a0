// SPDX-License-Identifier: MIT
// SOCK_SEQPACKET keeps each message whole, and says when the other end is gone.
#include "route/channel.h"

#include "os/channel.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

int route_channel_open(int out[2])
{
    return channel_pair(out);
}

static int set_path(struct route_backend *backend, const struct sockaddr_un *local, socklen_t size)
{
    size_t most = size - offsetof(struct sockaddr_un, sun_path);
    size_t length = strnlen(local->sun_path, most);
    if (length == 0)
        return -EAFNOSUPPORT; // without a name, or one of the abstract ones
    if (length >= ROUTE_PATH_BYTES)
        return -ENAMETOOLONG;
    memcpy(backend->address.path, local->sun_path, length);
    backend->family = ROUTE_UNIX;
    return 0;
}

int route_backend_set_address(struct route_backend *backend, const struct sockaddr *address,
                              socklen_t size)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
    memset(&backend->address, 0, sizeof(backend->address));
    backend->port = 0;
    if (address->sa_family == AF_INET && size >= sizeof(*four)) {
        memcpy(backend->address.ip, &four->sin_addr, sizeof(four->sin_addr));
        backend->port = ntohs(four->sin_port);
        backend->family = ROUTE_IPV4;
        return 0;
    }
    if (address->sa_family == AF_INET6 && size >= sizeof(*six)) {
        memcpy(backend->address.ip, &six->sin6_addr, sizeof(six->sin6_addr));
        backend->port = ntohs(six->sin6_port);
        backend->family = ROUTE_IPV6;
        return 0;
    }
    if (address->sa_family == AF_UNIX && size > offsetof(struct sockaddr_un, sun_path))
        return set_path(backend, (const struct sockaddr_un *)address, size);
    return -EAFNOSUPPORT;
}

int route_channel_send_table(int channel, struct route_table *table)
{
    const char *why = NULL;
    if (table->count > LIMIT_ROUTE_BACKENDS)
        return -EINVAL;
    size_t size = route_table_size(table->count);
    table->head.kind = ROUTE_TABLE;
    table->head.version = ROUTE_VERSION;
    if (!route_message_table(table, size, &why))
        return -EINVAL;
    return channel_send(channel, table, size, NULL, 0, true);
}

int route_channel_ask(int channel, uint64_t number)
{
    const struct route_head head = {ROUTE_ASK, ROUTE_VERSION, number};
    return channel_send(channel, &head, sizeof(head), NULL, 0, true);
}

int route_channel_receive(int channel, void *buffer, const struct route_report **out)
{
    ssize_t size;
    do {
        size = recv(channel, buffer, ROUTE_REPORT_BYTES, MSG_DONTWAIT | MSG_TRUNC);
    } while (size < 0 && errno == EINTR);
    if (size == 0)
        return -EPIPE;
    if (size < 0 && errno == EAGAIN)
        return 0;
    if (size < 0)
        return errno == ECONNRESET ? -EPIPE : -errno;
    const struct route_report *report = route_message_report(buffer, (size_t)size);
    if (!report)
        return -EBADMSG;
    *out = report;
    return 1;
}
