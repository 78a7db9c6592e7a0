// SPDX-License-Identifier: MIT
// Headers as section 2 of HAProxy's proxy-protocol.txt has them, byte for byte.
#include "route/preface.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

static struct sockaddr_storage ipv4(const char *address, uint16_t port)
{
    struct sockaddr_storage out = {0};
    struct sockaddr_in *four = (struct sockaddr_in *)&out;
    four->sin_family = AF_INET;
    four->sin_port = htons(port);
    assert_int_equal(inet_pton(AF_INET, address, &four->sin_addr), 1);
    return out;
}

static struct sockaddr_storage ipv6(const char *address, uint16_t port)
{
    struct sockaddr_storage out = {0};
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&out;
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    assert_int_equal(inet_pton(AF_INET6, address, &six->sin6_addr), 1);
    return out;
}

static struct sockaddr_storage local(const char *path)
{
    struct sockaddr_storage out = {0};
    struct sockaddr_un *un = (struct sockaddr_un *)&out;
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, strlen(path));
    return out;
}

static void text_is(struct sockaddr_storage peer, struct sockaddr_storage own, const char *wanted)
{
    char out[PREFACE_BYTES];
    size_t size = preface_make(ROUTE_PREFACE_TEXT, &peer, &own, out);
    assert_int_equal(size, strlen(wanted));
    assert_memory_equal(out, wanted, size);
    assert_true(size <= 107); // the longest that a reader has to expect
}

static void version_1(void **state)
{
    (void)state;
    text_is(ipv4("192.0.2.1", 56324), ipv4("198.51.100.7", 443),
            "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n");
    text_is(ipv6("2001:db8::1", 1), ipv6("::1", 65535), "PROXY TCP6 2001:db8::1 ::1 1 65535\r\n");
    text_is(ipv6("2001:db8:1111:2222:3333:4444:5555:6666", 65535),
            ipv6("2001:db8:1111:2222:3333:4444:5555:7777", 65535),
            "PROXY TCP6 2001:db8:1111:2222:3333:4444:5555:6666 "
            "2001:db8:1111:2222:3333:4444:5555:7777 65535 65535\r\n");
    text_is(local(""), local("/run/app"), "PROXY UNKNOWN\r\n");
}

static void mapped_addresses_are_ipv4(void **state)
{
    (void)state;
    text_is(ipv6("::ffff:192.0.2.1", 5), ipv6("::ffff:192.0.2.2", 6),
            "PROXY TCP4 192.0.2.1 192.0.2.2 5 6\r\n");
}

static size_t binary(struct sockaddr_storage peer, struct sockaddr_storage own,
                     char out[PREFACE_BYTES])
{
    return preface_make(ROUTE_PREFACE_BINARY, &peer, &own, out);
}

static void version_2(void **state)
{
    (void)state;
    char out[PREFACE_BYTES];
    static const char four[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\7\1\2\3\4";
    assert_int_equal(binary(ipv4("192.0.2.1", 0x102), ipv4("198.51.100.7", 0x304), out), 28);
    assert_memory_equal(out, four, 28);

    static const char six[] =
        "\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\1\2\3\4";
    assert_int_equal(binary(ipv6("2001:db8::1", 0x102), ipv6("::1", 0x304), out), 52);
    assert_memory_equal(out, six, 52);

    static const char head[] = "\r\n\r\n\0\r\nQUIT\n\x21\x31\0\xd8";
    char paths[216] = "/a";
    memcpy(paths + 108, "/run/app", 8);
    assert_int_equal(binary(local("/a"), local("/run/app"), out), PREFACE_BYTES);
    assert_memory_equal(out, head, 16);
    assert_memory_equal(out + 16, paths, sizeof(paths));
}

// What it has no name for is LOCAL: the receiver takes the connection's own addresses.
static void version_2_of_nothing_known(void **state)
{
    (void)state;
    char out[PREFACE_BYTES];
    const struct sockaddr_storage other = {.ss_family = AF_VSOCK};
    assert_int_equal(binary(other, other, out), 16);
    assert_memory_equal(out, "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16);
}

static void none(void **state)
{
    (void)state;
    char out[PREFACE_BYTES];
    struct sockaddr_storage one = ipv4("127.0.0.1", 1);
    assert_int_equal(preface_make(ROUTE_PREFACE_NONE, &one, &one, out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_1),
        cmocka_unit_test(mapped_addresses_are_ipv4),
        cmocka_unit_test(version_2),
        cmocka_unit_test(version_2_of_nothing_known),
        cmocka_unit_test(none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
