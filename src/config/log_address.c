// SPDX-License-Identifier: MIT
// Hosts are only looked at for what cannot be one; whether one is there is found out when it is
// looked up.
#include "config/log_address.h"

#include "base/limits.h"

#include <stddef.h>
#include <string.h>

enum { MOST_PATH = 107 }; // sockaddr_un has 108 with the NUL

static const char *parse_path(struct str path, struct log_address *out)
{
    if (!str_starts_with(path, "/"))
        return "needs an absolute path behind unix:";
    if (path.size > MOST_PATH)
        return "has a path of more than 107 bytes, which no socket can have";
    *out = (struct log_address){.kind = SINK_UNIX, .target = path};
    return NULL;
}

static bool is_host(struct str host)
{
    static const char never[] = "/@?#[]\\\"'";
    for (size_t i = 0; i < host.size; i++)
        if (host.bytes[i] <= ' ' || host.bytes[i] > '~' || strchr(never, host.bytes[i]))
            return false;
    return true;
}

// What stands behind the "//": a host, or an address in brackets, and maybe a port.
static const char *parse_host(struct str text, enum sink_address kind, unsigned usual_port,
                              struct log_address *out)
{
    bool has_brackets = str_starts_with(text, "[");
    struct str rest = str_slice(text, has_brackets, text.size);
    struct str host = str_slice(rest, 0, str_find_char(rest, has_brackets ? ']' : ':'));
    unsigned long port = usual_port;
    if (has_brackets && host.size == rest.size)
        return "has a '[' without its ']'";
    rest = str_slice(rest, host.size + has_brackets, rest.size);
    if (!has_brackets && str_find_char(str_slice(rest, 1, rest.size), ':') + 1 < rest.size)
        return "has more than one ':': write an address of IPv6 in brackets, as udp://[::1]:514";
    if (host.size == 0)
        return "has no host";
    if (host.size > LIMIT_HOST_BYTES)
        return "has a host of more than 253 bytes";
    if (!is_host(host) || (rest.size > 0 && rest.bytes[0] != ':'))
        return "has a host that cannot be one: write udp://host:514 or tcp://host:601";
    if (rest.size > 0 &&
        (!str_to_unsigned(str_slice(rest, 1, rest.size), &port) || port < 1 || port > UINT16_MAX))
        return "has a port that is no number from 1 to 65535";
    *out = (struct log_address){kind, host, (unsigned)port};
    return NULL;
}

const char *log_address_parse(struct str text, struct log_address *out)
{
    enum { SCHEME_BYTES = 6, UDP_PORT = 514, TCP_PORT = 601 };
    if (str_starts_with(text, "unix:"))
        return parse_path(str_slice(text, 5, text.size), out);
    if (str_starts_with(text, "udp://"))
        return parse_host(str_slice(text, SCHEME_BYTES, text.size), SINK_UDP, UDP_PORT, out);
    if (str_starts_with(text, "tcp://"))
        return parse_host(str_slice(text, SCHEME_BYTES, text.size), SINK_TCP, TCP_PORT, out);
    return "begins with none of unix:, udp:// and tcp://";
}
