// SPDX-License-Identifier: MIT
#include "plan/listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct listener parse(const char *text)
{
    struct listener listener = {.path = str_of("")};
    const char *wrong = listener_parse(str_of(text), &listener);
    if (wrong)
        fail_msg("%s %s", text, wrong);
    return listener;
}

static void reads(const char *text, enum listener_family family, const char *shown)
{
    char out[LISTENER_TEXT_BYTES];
    struct listener listener = parse(text);
    assert_int_equal(listener.family, family);
    assert_string_equal(listener_text(&listener, out), shown);
}

static void reads_every_form(void **state)
{
    (void)state;
    reads("8080", LISTENER_ANY, "*:8080");
    reads("*:8080", LISTENER_ANY, "*:8080");
    reads("127.0.0.1:8080", LISTENER_IPV4, "127.0.0.1:8080");
    reads("0.0.0.0:1", LISTENER_IPV4, "0.0.0.0:1");
    reads("255.255.255.255:65535", LISTENER_IPV4, "255.255.255.255:65535");
    reads("[::1]:8080", LISTENER_IPV6, "[::1]:8080");
    reads("[::]:80", LISTENER_IPV6, "[::]:80");
    reads("[2001:db8::]:80", LISTENER_IPV6, "[2001:db8::]:80");
    reads("[2001:DB8:0:0:1:0:0:1]:80", LISTENER_IPV6, "[2001:db8::1:0:0:1]:80");
    reads("[1:2:3:4:5:6:7:8]:80", LISTENER_IPV6, "[1:2:3:4:5:6:7:8]:80");
    reads("[1:0:3:4:5:6:7:8]:80", LISTENER_IPV6, "[1:0:3:4:5:6:7:8]:80");
    reads("[::ffff:127.0.0.1]:80", LISTENER_IPV6, "[::ffff:7f00:1]:80");
    reads("unix:/run/web.sock", LISTENER_UNIX, "/run/web.sock");
    reads("unix:tmp/web.sock", LISTENER_UNIX, "tmp/web.sock");
    reads("/run/web.sock", LISTENER_UNIX, "/run/web.sock");
}

static void refuses(const char *text, const char *reason)
{
    struct listener listener = {.path = str_of("")};
    const char *wrong = listener_parse(str_of(text), &listener);
    if (!wrong || strncmp(wrong, reason, strlen(reason)) != 0)
        fail_msg("%s: %s", text, wrong ? wrong : "is taken");
}

static void refuses_what_is_none(void **state)
{
    (void)state;
    char long_path[120] = "/";
    memset(long_path + 1, 'x', 107);
    refuses("http", "is no address");
    refuses("", "is no address");
    refuses("0", "has a port that is no number");
    refuses("65536", "has a port that is no number");
    refuses("*:", "has no port");
    refuses("*:http", "has a port that is no number");
    refuses("localhost:80", "has a host that is no address");
    refuses("1.2.3:80", "has a host that is no address");
    refuses("1.2.3.4.5:80", "has a host that is no address");
    refuses("1.2.3.256:80", "has a host that is no address");
    refuses("01.2.3.4:80", "has a host that is no address");
    refuses("1.2..4:80", "has a host that is no address");
    refuses("::1:80", "has more than one ':'");
    refuses("[::1:80", "has a '[' without its ']'");
    refuses("[::1]", "has no port");
    refuses("[::1]80", "has no port");
    refuses("[]:80", "has no address of IPv6");
    refuses("[:1]:80", "has no address of IPv6");
    refuses("[1::2::3]:80", "has no address of IPv6");
    refuses("[1:2:3:4:5:6:7]:80", "has no address of IPv6");
    refuses("[1:2:3:4:5:6:7:8:9]:80", "has no address of IPv6");
    refuses("[1:2:3:4::5:6:7:8]:80", "has no address of IPv6");
    refuses("[12345::]:80", "has no address of IPv6");
    refuses("[g::]:80", "has no address of IPv6");
    refuses("[1:2:3:4:5:6:7:1.2.3.4]:80", "has no address of IPv6");
    refuses("unix:", "has no path");
    refuses("/run/", "is a folder");
    refuses(long_path, "has a path of more than 107 bytes");
}

static void collide(const char *one, const char *other, bool expected)
{
    struct listener a = parse(one);
    struct listener b = parse(other);
    if (listeners_collide(&a, &b) != expected || listeners_collide(&b, &a) != expected)
        fail_msg("%s and %s", one, other);
}

static void knows_what_the_kernel_would_refuse(void **state)
{
    (void)state;
    collide("8080", "*:8080", true);
    collide("8080", "8081", false);
    collide("8080", "127.0.0.1:8080", true);
    collide("8080", "[::1]:8080", true);
    collide("0.0.0.0:8080", "127.0.0.1:8080", true);
    collide("0.0.0.0:8080", "[::]:8080", false);
    collide("127.0.0.1:8080", "127.0.0.2:8080", false);
    collide("127.0.0.1:8080", "[::1]:8080", false);
    collide("[::]:8080", "[::1]:8080", true);
    collide("[::1]:8080", "[0:0:0:0:0:0:0:1]:8080", true);
    collide("/run/a", "unix:/run/a", true);
    collide("/run/a", "/run/b", false);
    collide("/run/a", "8080", false);
}

static void a_change_of_what_a_process_gets_is_one(void **state)
{
    (void)state;
    struct listener before = parse("8080");
    before.name = before.variable = str_of("");
    struct listener now = before;
    const struct listening a = {LISTENER_PASS, &before, 1};
    struct listening b = {LISTENER_PASS, &now, 1};
    now.backlog = 7;
    now.origin.line = 7;
    assert_false(listening_differs(&a, &b));
    now.variable = str_of("FD");
    assert_true(listening_differs(&a, &b));
    now = before;
    now.name = str_of("http");
    assert_true(listening_differs(&a, &b));
    now = before;
    now.port = 8081;
    assert_true(listening_differs(&a, &b));
    now = before;
    b.share = LISTENER_REUSEPORT;
    assert_true(listening_differs(&a, &b));
    b.count = 0;
    assert_true(listening_differs(&a, &b));
}

static void a_port_is_shared_unless_it_is_routed(void **state)
{
    (void)state;
    const struct listener items[] = {parse("/run/a"), parse("8080"), parse("8081")};
    struct listening listening = {LISTENER_PASS, items, 3};
    assert_int_equal(listening_port(&listening), 8080);
    listening.share = LISTENER_ROUTE;
    assert_int_equal(listening_port(&listening), 0);
    listening = (struct listening){LISTENER_PASS, items, 1};
    assert_int_equal(listening_port(&listening), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_form),
        cmocka_unit_test(refuses_what_is_none),
        cmocka_unit_test(knows_what_the_kernel_would_refuse),
        cmocka_unit_test(a_change_of_what_a_process_gets_is_one),
        cmocka_unit_test(a_port_is_shared_unless_it_is_routed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
