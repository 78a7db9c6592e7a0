// SPDX-License-Identifier: MIT
// Addresses are read here and not by inet_pton(3), as this module makes no call to the C library
// that is not about memory and text; and a port belongs to them.
#include "plan/listener.h"

#include <stdio.h>
#include <string.h>

enum { IPV4_BYTES = 4, IPV6_WORDS = 8, MOST_PATH = 107 }; // sockaddr_un has 108 with the NUL

// --- reading

static bool read_ipv4(struct str text, uint8_t out[IPV4_BYTES])
{
    for (unsigned i = 0; i < IPV4_BYTES; i++) {
        struct str part = str_slice(text, 0, str_find_char(text, '.'));
        unsigned long number;
        bool is_last = part.size == text.size;
        if (part.size > 3 || (part.size > 1 && part.bytes[0] == '0') ||
            !str_to_unsigned(part, &number) || number > UINT8_MAX || is_last != (i == 3))
            return false;
        out[i] = (uint8_t)number;
        text = str_slice(text, part.size + 1, text.size);
    }
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool read_word(struct str text, uint8_t out[2])
{
    unsigned word = 0;
    if (text.size < 1 || text.size > 4)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        int digit = hex_digit(text.bytes[i]);
        if (digit < 0)
            return false;
        word = word * 16 + (unsigned)digit;
    }
    out[0] = (uint8_t)(word >> 8);
    out[1] = (uint8_t)word;
    return true;
}

// Words with ':' between them, or none. Returns how many bytes they have, or -1.
static int read_words(struct str text, uint8_t out[LISTENER_HOST_BYTES])
{
    int size = 0;
    if (text.size == 0)
        return 0;
    for (;;) {
        struct str part = str_slice(text, 0, str_find_char(text, ':'));
        bool is_last = part.size == text.size;
        if (is_last && size + IPV4_BYTES <= LISTENER_HOST_BYTES && read_ipv4(part, out + size))
            return size + IPV4_BYTES;
        if (size + 2 > LISTENER_HOST_BYTES || !read_word(part, out + size))
            return -1;
        size += 2;
        if (is_last)
            return size;
        text = str_slice(text, part.size + 1, text.size);
    }
}

// RFC 4291, 2.2.
static bool read_ipv6(struct str text, uint8_t out[LISTENER_HOST_BYTES])
{
    uint8_t front[LISTENER_HOST_BYTES] = {0};
    uint8_t back[LISTENER_HOST_BYTES] = {0};
    size_t gap = 0;
    while (gap + 1 < text.size && (text.bytes[gap] != ':' || text.bytes[gap + 1] != ':'))
        gap++;
    bool has_gap = gap + 1 < text.size;
    int front_size = read_words(has_gap ? str_slice(text, 0, gap) : text, front);
    int back_size = has_gap ? read_words(str_slice(text, gap + 2, text.size), back) : 0;
    if (front_size < 0 || back_size < 0)
        return false;
    int size = front_size + back_size;
    if (has_gap ? size > LISTENER_HOST_BYTES - 2 : size != LISTENER_HOST_BYTES)
        return false;
    memset(out, 0, LISTENER_HOST_BYTES);
    memcpy(out, front, (size_t)front_size);
    memcpy(out + LISTENER_HOST_BYTES - back_size, back, (size_t)back_size);
    return true;
}

static const char *read_port(struct str text, unsigned *out)
{
    unsigned long port;
    if (text.size == 0)
        return "has no port";
    if (!str_to_unsigned(text, &port) || port < 1 || port > UINT16_MAX)
        return "has a port that is no number from 1 to 65535";
    *out = (unsigned)port;
    return NULL;
}

static const char *read_path(struct str text, struct listener *out)
{
    if (text.size == 0)
        return "has no path";
    if (text.size > MOST_PATH)
        return "has a path of more than 107 bytes, which no socket can have";
    if (text.bytes[text.size - 1] == '/')
        return "is a folder";
    out->family = LISTENER_UNIX;
    out->path = text;
    return NULL;
}

static const char *read_bracketed(struct str text, struct listener *out)
{
    size_t end = str_find_char(text, ']');
    if (end == text.size)
        return "has a '[' without its ']'";
    if (!read_ipv6(str_slice(text, 1, end), out->host))
        return "has no address of IPv6 in its brackets";
    out->family = LISTENER_IPV6;
    text = str_slice(text, end + 1, text.size);
    return str_starts_with(text, ":") ? read_port(str_slice(text, 1, text.size), &out->port)
                                      : "has no port: write it behind a ':'";
}

const char *listener_parse(struct str text, struct listener *out)
{
    unsigned long number;
    if (str_starts_with(text, "unix:"))
        return read_path(str_slice(text, sizeof("unix:") - 1, text.size), out);
    if (str_starts_with(text, "/"))
        return read_path(text, out);
    if (str_starts_with(text, "["))
        return read_bracketed(text, out);
    size_t colon = str_find_char(text, ':');
    struct str host = str_slice(text, 0, colon);
    struct str port = str_slice(text, colon + 1, text.size);
    memset(out->host, 0, sizeof(out->host));
    if (colon == text.size && str_to_unsigned(text, &number))
        return out->family = LISTENER_ANY, read_port(text, &out->port);
    if (colon == text.size)
        return "is no address";
    if (str_find_char(port, ':') < port.size)
        return "has more than one ':': write an address of IPv6 in brackets, as [::1]:8080";
    if (str_is(host, "*"))
        return out->family = LISTENER_ANY, read_port(port, &out->port);
    out->family = LISTENER_IPV4;
    if (!read_ipv4(host, out->host))
        return "has a host that is no address: write a number as 127.0.0.1, or * for all";
    return read_port(port, &out->port);
}

// --- writing

// RFC 5952: the longest run of two zeros and more is left out, the first of those that are equal.
static void find_gap(const uint8_t *host, unsigned *from, unsigned *size)
{
    *from = IPV6_WORDS;
    *size = 1;
    for (unsigned i = 0; i < IPV6_WORDS; i++) {
        unsigned end = i;
        while (end < IPV6_WORDS && host[2 * end] == 0 && host[2 * end + 1] == 0)
            end++;
        if (end - i > *size) {
            *from = i;
            *size = end - i;
        }
    }
}

static void write_ipv6(const struct listener *listener, char out[LISTENER_TEXT_BYTES])
{
    unsigned from;
    unsigned size;
    int at = snprintf(out, LISTENER_TEXT_BYTES, "[");
    find_gap(listener->host, &from, &size);
    for (unsigned i = 0; i < IPV6_WORDS; i++) {
        if (i == from) {
            at += snprintf(out + at, LISTENER_TEXT_BYTES - (size_t)at, "::");
            i += size - 1;
            continue;
        }
        bool needs_colon = i > 0 && i != from + size;
        at += snprintf(out + at, LISTENER_TEXT_BYTES - (size_t)at, "%s%x", needs_colon ? ":" : "",
                       listener->host[2 * i] << 8 | listener->host[2 * i + 1]);
    }
    (void)snprintf(out + at, LISTENER_TEXT_BYTES - (size_t)at, "]:%u", listener->port);
}

const char *listener_text(const struct listener *listener, char out[LISTENER_TEXT_BYTES])
{
    const uint8_t *host = listener->host;
    switch (listener->family) {
    case LISTENER_ANY:
        (void)snprintf(out, LISTENER_TEXT_BYTES, "*:%u", listener->port);
        break;
    case LISTENER_IPV4:
        (void)snprintf(out, LISTENER_TEXT_BYTES, "%u.%u.%u.%u:%u", host[0], host[1], host[2],
                       host[3], listener->port);
        break;
    case LISTENER_IPV6:
        write_ipv6(listener, out);
        break;
    case LISTENER_UNIX:
        (void)snprintf(out, LISTENER_TEXT_BYTES, "%.*s", STR_ARGS(listener->path));
        break;
    }
    return out;
}

// --- comparing

static bool is_every_host(const struct listener *listener)
{
    static const uint8_t none[LISTENER_HOST_BYTES];
    return listener->family == LISTENER_ANY || memcmp(listener->host, none, sizeof(none)) == 0;
}

bool listeners_collide(const struct listener *a, const struct listener *b)
{
    bool has_path = a->family == LISTENER_UNIX;
    if (has_path != (b->family == LISTENER_UNIX))
        return false;
    if (has_path)
        return str_equal(a->path, b->path);
    if (a->port != b->port)
        return false;
    if (a->family == LISTENER_ANY || b->family == LISTENER_ANY)
        return true;
    return a->family == b->family && (is_every_host(a) || is_every_host(b) ||
                                      memcmp(a->host, b->host, LISTENER_HOST_BYTES) == 0);
}

// Of a socket that is kept, backlog and the file's mode and owner can be changed.
bool listening_differs(const struct listening *a, const struct listening *b)
{
    char before[LISTENER_TEXT_BYTES];
    char now[LISTENER_TEXT_BYTES];
    if (a->count != b->count || (a->count > 0 && a->share != b->share))
        return true;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(listener_text(&a->items[i], before), listener_text(&b->items[i], now)) != 0 ||
            !str_equal(a->items[i].name, b->items[i].name) ||
            !str_equal(a->items[i].variable, b->items[i].variable))
            return true;
    return false;
}

unsigned listening_port(const struct listening *listening)
{
    for (size_t i = 0; i < listening->count && listening->share != LISTENER_ROUTE; i++)
        if (listening->items[i].family != LISTENER_UNIX)
            return listening->items[i].port;
    return 0;
}

const char *listener_share_name(unsigned share)
{
    static const char *const names[] = {
        [LISTENER_PASS] = "pass",
        [LISTENER_REUSEPORT] = "reuseport",
        [LISTENER_ROUTE] = "route",
    };
    return share < LISTENER_SHARES ? names[share] : NULL;
}
