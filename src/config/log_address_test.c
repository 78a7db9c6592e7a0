// SPDX-License-Identifier: MIT
#include "config/log_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void reads(const char *text, enum sink_address kind, const char *target, unsigned port)
{
    struct log_address address = {.port = 1};
    assert_null(log_address_parse(str_of(text), &address));
    assert_int_equal(address.kind, kind);
    assert_true(str_is(address.target, target));
    assert_int_equal(address.port, port);
}

static void reads_addresses(void **state)
{
    (void)state;
    reads("unix:/dev/log", SINK_UNIX, "/dev/log", 0);
    reads("unix:///run/log", SINK_UNIX, "///run/log", 0);
    reads("udp://logs.example.com:5514", SINK_UDP, "logs.example.com", 5514);
    reads("udp://localhost", SINK_UDP, "localhost", 514);
    reads("tcp://127.0.0.1", SINK_TCP, "127.0.0.1", 601);
    reads("tcp://[::1]:65535", SINK_TCP, "::1", 65535);
    reads("udp://[fe80::1%eth0]", SINK_UDP, "fe80::1%eth0", 514);
}

static void refuses(const char *text, const char *reason)
{
    struct log_address address = {.port = 42};
    const char *fault = log_address_parse(str_of(text), &address);
    if (!fault || strncmp(fault, reason, strlen(reason)) != 0)
        fail_msg("%s: %s", text, fault ? fault : "is taken");
    assert_int_equal(address.port, 42);
}

static void refuses_the_rest(void **state)
{
    (void)state;
    char path[120] = "unix:/";
    char host[300] = "udp://";
    memset(path + 6, 'a', 112 - 6);
    refuses("", "begins with none of");
    refuses("/dev/log", "begins with none of");
    refuses("localhost:514", "begins with none of");
    refuses("UDP://a", "begins with none of");
    refuses("tls://a", "begins with none of");
    refuses("udp:a", "begins with none of");
    refuses("unix:", "needs an absolute path");
    refuses("unix:dev/log", "needs an absolute path");
    assert_null(log_address_parse(str_of(path), &(struct log_address){0}));
    path[112] = 'a';
    refuses(path, "has a path of more than 107 bytes");
    refuses("udp://", "has no host");
    refuses("udp://:514", "has no host");
    refuses("udp://[]:514", "has no host");
    refuses("udp://[::1", "has a '[' without");
    refuses("udp://[::1]514", "has a host that cannot be one");
    refuses("udp://::1", "has more than one ':'");
    refuses("udp://a:1:2", "has more than one ':'");
    refuses("udp://a b", "has a host that cannot be one");
    refuses("udp://a/", "has a host that cannot be one");
    refuses("udp://user@a", "has a host that cannot be one");
    refuses("udp://\xc3\xa4", "has a host that cannot be one");
    refuses("tcp://a:", "has a port that is no number");
    refuses("tcp://a:0", "has a port that is no number");
    refuses("tcp://a:65536", "has a port that is no number");
    refuses("tcp://a:http", "has a port that is no number");
    memset(host + 6, 'a', 254);
    refuses(host, "has a host of more than 253 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_addresses),
        cmocka_unit_test(refuses_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
