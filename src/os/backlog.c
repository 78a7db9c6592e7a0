// SPDX-License-Identifier: MIT
// Of a TCP socket that listens, tcpi_unacked is the length of its accept queue and tcpi_sacked the
// most that it may have (tcp_get_info() in Linux, since 2.6.24; ss(8) shows the same). A connection
// that waits in there is established, but has no inode, since no file stands for it yet; of unix
// sockets such a one is not even told of. An accepted unix socket has the path of its listener.
#include "os/backlog.h"

#include "os/diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

static int family_of(int listener, struct sockaddr_storage *address)
{
    *address = (struct sockaddr_storage){0};
    int listens = 0;
    socklen_t size = sizeof(listens);
    if (getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0)
        return -errno;
    size = sizeof(*address);
    if (getsockname(listener, (struct sockaddr *)address, &size) < 0)
        return -errno;
    return listens ? address->ss_family : -EINVAL;
}

// --- TCP

static int read_tcp(int listener, struct backlog *out)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);
    if (getsockopt(listener, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
        return -errno;
    *out = (struct backlog){.waiting = info.tcpi_unacked, .limit = info.tcpi_sacked};
    return 0;
}

struct tcp_count {
    const void *host; // NULL: all
    size_t host_bytes;
    unsigned count;
};

static void count_tcp(const struct diag_tcp *socket, void *context)
{
    struct tcp_count *count = context;
    bool is_its = !count->host || memcmp(socket->host, count->host, count->host_bytes) == 0;
    count->count += is_its && socket->inode != 0;
}

static int count_ipv4(const struct sockaddr_in *address, struct tcp_count *count, uint32_t states)
{
    if (address->sin_addr.s_addr != htonl(INADDR_ANY)) {
        count->host = &address->sin_addr;
        count->host_bytes = sizeof(address->sin_addr);
    }
    return diag_each_tcp(AF_INET, states, ntohs(address->sin_port), count_tcp, count);
}

// Those from IPv4 that one of IPv6 accepts are of IPv6, too.
static int count_ipv6(const struct sockaddr_in6 *address, struct tcp_count *count, uint32_t states)
{
    if (!IN6_IS_ADDR_UNSPECIFIED(&address->sin6_addr)) {
        count->host = &address->sin6_addr;
        count->host_bytes = sizeof(address->sin6_addr);
    }
    return diag_each_tcp(AF_INET6, states, ntohs(address->sin6_port), count_tcp, count);
}

// --- unix

static int inode_of(int listener, uint32_t *out)
{
    struct stat status;
    if (fstat(listener, &status) < 0)
        return -errno;
    *out = (uint32_t)status.st_ino;
    return 0;
}

static void take_unix(const struct diag_unix *socket, void *context)
{
    *(struct diag_unix *)context = *socket;
}

static int find_unix(int listener, struct diag_unix *out)
{
    uint32_t inode = 0;
    int result = inode_of(listener, &inode);
    *out = (struct diag_unix){0};
    if (result == 0)
        result = diag_each_unix(~0U, inode, take_unix, out);
    return result == 0 && out->inode != inode ? -ENOENT : result;
}

struct unix_count {
    struct diag_unix listener;
    unsigned count;
};

static void count_unix(const struct diag_unix *socket, void *context)
{
    struct unix_count *count = context;
    count->count += socket->file_inode == count->listener.file_inode &&
                    socket->file_device == count->listener.file_device;
}

static int count_unix_connections(int listener, unsigned *out)
{
    struct unix_count count = {0};
    int result = find_unix(listener, &count.listener);
    if (result == 0)
        result = diag_each_unix(1U << TCP_ESTABLISHED, 0, count_unix, &count);
    *out = count.count;
    return result;
}

// --- either

int backlog_read(int listener, struct backlog *out)
{
    struct sockaddr_storage address;
    struct diag_unix found;
    int family = family_of(listener, &address);
    if (family < 0)
        return family;
    if (family != AF_UNIX)
        return read_tcp(listener, out);
    int result = find_unix(listener, &found);
    if (result == 0)
        *out = (struct backlog){.waiting = found.waiting, .limit = found.limit};
    return result;
}

int backlog_count_connections(int listener, unsigned *out)
{
    const uint32_t states =
        1U << TCP_ESTABLISHED | 1U << TCP_CLOSE_WAIT | 1U << TCP_FIN_WAIT1 | 1U << TCP_FIN_WAIT2;
    union {
        struct sockaddr_storage storage;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    } address = {.storage = {0}};
    struct tcp_count count = {0};
    int family = family_of(listener, &address.storage);
    if (family == AF_UNIX)
        return count_unix_connections(listener, out);
    if (family != AF_INET && family != AF_INET6)
        return family < 0 ? family : -EAFNOSUPPORT;
    int result = family == AF_INET ? count_ipv4(&address.ipv4, &count, states)
                                   : count_ipv6(&address.ipv6, &count, states);
    *out = count.count;
    return result;
}
