// SPDX-License-Identifier: MIT
// The child, with a program in the place of the one that asks: this test, started again. The host's
// name says what it answers.
#include "os/lookup.h"

#include "os/clock.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop loop;
static struct lookup lookup;

// What is started as `lookup HOST`.
static int pretend(const char *host)
{
    if (strcmp(host, "both") == 0)
        (void)puts("2001:db8::1\n192.0.2.1");
    else if (strcmp(host, "many") == 0)
        for (int i = 0; i < LOOKUP_MOST; i++)
            (void)printf("2001:db8:1111:2222:3333:4444:5555:%x\n", 0xff00 + i);
    else if (strcmp(host, "dies") == 0)
        (void)raise(SIGKILL);
    else if (strcmp(host, "hangs") == 0)
        for (;;)
            (void)pause();
    else if (strcmp(host, "nonsense") == 0)
        (void)puts("not an address\n192.0.2.300");
    else
        return lookup_print(host);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    lookup = (struct lookup){0};
    return loop_open(&loop);
}

static int tear_down(void **state)
{
    (void)state;
    lookup_cancel(&lookup);
    loop_close(&loop);
    return 0;
}

static void look_up(const char *host)
{
    nsec_t until = clock_now() + 20 * NSEC_PER_SEC;
    assert_int_equal(lookup_begin(&lookup, &loop, "/proc/self/exe", host), 0);
    while (!lookup_has_ended(&lookup) && clock_now() < until)
        assert_int_equal(loop_run_once(&loop, until), 0);
    assert_false(lookup.is_running);
}

static void expect_address(size_t index, const char *wanted)
{
    char text[INET6_ADDRSTRLEN];
    const union lookup_address *address = &lookup.addresses[index];
    bool is_six = address->any.sa_family == AF_INET6;
    assert_non_null(inet_ntop(address->any.sa_family,
                              is_six ? (const void *)&address->six.sin6_addr
                                     : (const void *)&address->four.sin_addr,
                              text, sizeof(text)));
    assert_string_equal(text, wanted);
}

static void finds_all_addresses_in_their_order(void **state)
{
    (void)state;
    look_up("both");
    assert_int_equal(lookup.count, 2);
    expect_address(0, "2001:db8::1");
    expect_address(1, "192.0.2.1");
    look_up("many");
    assert_int_equal(lookup.count, LOOKUP_MOST);
    expect_address(LOOKUP_MOST - 1, "2001:db8:1111:2222:3333:4444:5555:ff0f");
}

static void asks_the_c_library(void **state)
{
    (void)state;
    look_up("192.0.2.7");
    assert_int_equal(lookup.count, 1);
    expect_address(0, "192.0.2.7");
    look_up("nobody.invalid");
    assert_int_equal(lookup.count, 1); // as before
    assert_true(strlen(lookup.failure) > 0);
    assert_null(strchr(lookup.failure, '\n'));
    look_up("localhost");
    assert_true(lookup.count >= 1);
    assert_string_equal(lookup.failure, "");
}

static void a_child_that_fails_says_nothing_of_addresses(void **state)
{
    (void)state;
    static const char *const hosts[] = {"dies", "nonsense"};
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        look_up(hosts[i]);
        assert_int_equal(lookup.count, 0);
        assert_string_equal(lookup.failure, "the look for its address has failed");
    }
}

static void one_that_hangs_is_ended(void **state)
{
    (void)state;
    look_up("both");
    assert_int_equal(lookup_begin(&lookup, &loop, "/proc/self/exe", "hangs"), 0);
    assert_false(lookup_has_ended(&lookup));
    pid_t pid = lookup.check.pid;
    lookup_cancel(&lookup);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(lookup.count, 2); // as before
    look_up("both");
    assert_int_equal(lookup.count, 2);
}

static void numbers_are_no_names(void **state)
{
    (void)state;
    union lookup_address address;
    assert_true(lookup_parse("192.0.2.1", &address));
    assert_int_equal(address.any.sa_family, AF_INET);
    assert_true(lookup_parse("::1", &address));
    assert_int_equal(address.any.sa_family, AF_INET6);
    assert_true(lookup_parse("fe80::1%lo", &address));
    assert_true(address.six.sin6_scope_id > 0);
    assert_false(lookup_parse("fe80::1%nosuch", &address));
    assert_false(lookup_parse("logs.example.com", &address));
    assert_false(lookup_parse("", &address));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_all_addresses_in_their_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(asks_the_c_library, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_child_that_fails_says_nothing_of_addresses, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_that_hangs_is_ended, set_up, tear_down),
        cmocka_unit_test(numbers_are_no_names),
    };
    if (argc == 3 && strcmp(argv[1], "lookup") == 0)
        return pretend(argv[2]);
    return cmocka_run_group_tests_name("os/lookup", tests, NULL, NULL);
}
