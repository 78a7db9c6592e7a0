// SPDX-License-Identifier: MIT
// Of a listener for both IPv6 and IPv4, clients by IPv4 have mapped addresses (::ffff:192.0.2.1):
// to a backend they are what they are, IPv4.
#include "route/preface.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

enum { HEAD_BYTES = 16, UNIX_BYTES = 108 };

// The fourteenth byte of version 2.
enum { UNKNOWN = 0x00, TCP_IPV4 = 0x11, TCP_IPV6 = 0x21, UNIX_STREAM = 0x31 };

// One end, as far as version 2 tells of it.
struct end {
    const void *address; // NULL: neither IPv4 nor IPv6
    size_t size;
    uint16_t port; // in network order
};

static bool is_mapped(const struct sockaddr_storage *address)
{
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
    return address->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr);
}

static struct end end_of(const struct sockaddr_storage *address, bool is_ipv4)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
    if (address->ss_family == AF_INET)
        return (struct end){&four->sin_addr, sizeof(four->sin_addr), four->sin_port};
    if (address->ss_family != AF_INET6)
        return (struct end){0};
    if (is_ipv4)
        return (struct end){&six->sin6_addr.s6_addr[12], 4, six->sin6_port};
    return (struct end){&six->sin6_addr, sizeof(six->sin6_addr), six->sin6_port};
}

static size_t make_text(const struct end *peer, const struct end *own, char out[PREFACE_BYTES])
{
    char from[INET6_ADDRSTRLEN];
    char to[INET6_ADDRSTRLEN];
    int size;
    int family = peer->size == 4 ? AF_INET : AF_INET6;
    if (peer->address && inet_ntop(family, peer->address, from, sizeof(from)) &&
        inet_ntop(family, own->address, to, sizeof(to)))
        size =
            snprintf(out, PREFACE_BYTES, "PROXY TCP%c %s %s %u %u\r\n",
                     family == AF_INET ? '4' : '6', from, to, ntohs(peer->port), ntohs(own->port));
    else
        size = snprintf(out, PREFACE_BYTES, "PROXY UNKNOWN\r\n");
    return (size_t)size;
}

static char *put(char *at, const void *bytes, size_t size)
{
    memcpy(at, bytes, size);
    return at + size;
}

static size_t make_binary(const struct end *peer, const struct end *own,
                          const struct sockaddr_storage *paths[2], char out[PREFACE_BYTES])
{
    static const char signature[] = {'\r', '\n', '\r', '\n', '\0', '\r',
                                     '\n', 'Q',  'U',  'I',  'T',  '\n'};
    enum { COMMAND_AT = sizeof(signature), FAMILY_AT, SIZE_AT, VERSION = 0x20, PROXY = 0x01 };
    char *end = out + HEAD_BYTES;
    char family = UNKNOWN;
    memset(out, 0, PREFACE_BYTES);
    (void)put(out, signature, sizeof(signature));
    if (peer->address && own->address) {
        family = peer->size == 4 ? TCP_IPV4 : TCP_IPV6;
        end = put(end, peer->address, peer->size);
        end = put(end, own->address, own->size);
        end = put(end, &peer->port, sizeof(peer->port));
        end = put(end, &own->port, sizeof(own->port));
    } else if (paths[0]->ss_family == AF_UNIX) {
        family = UNIX_STREAM;
        for (size_t i = 0; i < 2; i++)
            end = put(end, ((const struct sockaddr_un *)paths[i])->sun_path, UNIX_BYTES);
    }
    uint16_t size = htons((uint16_t)(end - out - HEAD_BYTES));
    out[COMMAND_AT] = (char)(family == UNKNOWN ? VERSION : VERSION | PROXY);
    out[FAMILY_AT] = family;
    (void)put(out + SIZE_AT, &size, sizeof(size));
    return (size_t)(end - out);
}

size_t preface_make(enum route_preface version, const struct sockaddr_storage *peer,
                    const struct sockaddr_storage *own, char out[PREFACE_BYTES])
{
    bool is_ipv4 = is_mapped(peer) && is_mapped(own);
    struct end from = end_of(peer, is_ipv4);
    struct end to = end_of(own, is_ipv4);
    if (from.size != to.size) // there is no such connection
        from = to = (struct end){0};
    switch (version) {
    case ROUTE_PREFACE_NONE:
        return 0;
    case ROUTE_PREFACE_TEXT:
        return make_text(&from, &to, out);
    case ROUTE_PREFACE_BINARY:
        return make_binary(&from, &to, (const struct sockaddr_storage *[2]){peer, own}, out);
    }
    return 0;
}
