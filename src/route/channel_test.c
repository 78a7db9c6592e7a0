// SPDX-License-Identifier: MIT
// The manager's end, without a router at the other one.
#include "route/channel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static int ends[2];
static struct route_table *table;
static struct route_report *report;

static int make(void **state)
{
    (void)state;
    table = calloc(1, ROUTE_TABLE_BYTES);
    report = calloc(1, ROUTE_REPORT_BYTES);
    table->head.number = 7;
    table->settings.most_waiting = 1;
    return route_channel_open(ends);
}

static int destroy(void **state)
{
    (void)state;
    free(table);
    free(report);
    (void)close(ends[0]);
    return ends[1] < 0 ? 0 : close(ends[1]);
}

static void the_largest_table_arrives(void **state)
{
    (void)state;
    const char *why = NULL;
    struct route_table *got = calloc(1, ROUTE_TABLE_BYTES);
    table->count = LIMIT_ROUTE_BACKENDS;
    for (size_t i = 0; i < LIMIT_ROUTE_BACKENDS; i++)
        table->backends[i] = (struct route_backend){
            .key = i + 1, .state = ROUTE_ACCEPTING, .family = ROUTE_IPV4, .port = 80};
    assert_int_equal(route_channel_send_table(ends[0], table), 0);
    ssize_t size = recv(ends[1], got, ROUTE_TABLE_BYTES, 0);
    assert_int_equal(size, route_table_size(LIMIT_ROUTE_BACKENDS));
    assert_non_null(route_message_table(got, (size_t)size, &why));
    free(got);
}

static void a_table_that_is_none_is_not_sent(void **state)
{
    (void)state;
    table->settings.most_waiting = 0;
    assert_int_equal(route_channel_send_table(ends[0], table), -EINVAL);
    table->count = LIMIT_ROUTE_BACKENDS + 1;
    assert_int_equal(route_channel_send_table(ends[0], table), -EINVAL);
}

static void nothing_waits_for_the_router(void **state)
{
    (void)state;
    int result = 0;
    for (unsigned i = 0; i < 100000 && result == 0; i++)
        result = route_channel_send_table(ends[0], table);
    assert_int_equal(result, -EAGAIN);
    assert_int_equal(route_channel_ask(ends[0], 1), -EAGAIN);
}

static void reports_are_received(void **state)
{
    (void)state;
    const struct route_report *got = NULL;
    struct route_report sent = {.head = {ROUTE_REPORT, ROUTE_VERSION, 3}, .waiting = 5};
    assert_int_equal(route_channel_receive(ends[0], report, &got), 0);
    assert_int_equal(send(ends[1], &sent, sizeof(sent), 0), sizeof(sent));
    assert_int_equal(send(ends[1], "nonsense", 8, 0), 8);
    assert_int_equal(route_channel_receive(ends[0], report, &got), 1);
    assert_int_equal(got->waiting, 5);
    assert_int_equal(route_channel_receive(ends[0], report, &got), -EBADMSG);
    assert_int_equal(close(ends[1]), 0);
    ends[1] = -1;
    assert_int_equal(route_channel_receive(ends[0], report, &got), -EPIPE);
    assert_int_equal(route_channel_ask(ends[0], 1), -EPIPE);
}

static int set(struct route_backend *backend, const void *address, size_t size)
{
    return route_backend_set_address(backend, address, (socklen_t)size);
}

static void addresses_of_all_kinds(void **state)
{
    (void)state;
    struct route_backend backend = {0};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(80)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(81)};
    struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "/run/app"};
    assert_int_equal(set(&backend, &four, sizeof(four)), 0);
    assert_int_equal(backend.family, ROUTE_IPV4);
    assert_int_equal(backend.port, 80);
    assert_int_equal(set(&backend, &six, sizeof(six)), 0);
    assert_int_equal(backend.family, ROUTE_IPV6);
    assert_int_equal(backend.port, 81);
    assert_int_equal(set(&backend, &local, sizeof(local)), 0);
    assert_int_equal(backend.family, ROUTE_UNIX);
    assert_string_equal(backend.address.path, "/run/app");
    memset(local.sun_path, 'x', sizeof(local.sun_path));
    assert_int_equal(set(&backend, &local, sizeof(local)), -ENAMETOOLONG);
    local.sun_path[0] = '\0'; // an abstract one
    assert_int_equal(set(&backend, &local, sizeof(local)), -EAFNOSUPPORT);
    assert_int_equal(set(&backend, &six, sizeof(four)), -EAFNOSUPPORT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_largest_table_arrives, make, destroy),
        cmocka_unit_test_setup_teardown(a_table_that_is_none_is_not_sent, make, destroy),
        cmocka_unit_test_setup_teardown(nothing_waits_for_the_router, make, destroy),
        cmocka_unit_test_setup_teardown(reports_are_received, make, destroy),
        cmocka_unit_test_setup_teardown(addresses_of_all_kinds, make, destroy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
