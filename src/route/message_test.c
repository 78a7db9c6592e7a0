// SPDX-License-Identifier: MIT
// Tables and reports: what is whole is taken, everything else is refused.
#include "route/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 3 };

static struct route_table *table;
static size_t size;

static int make(void **state)
{
    (void)state;
    size = route_table_size(COUNT);
    table = calloc(1, ROUTE_TABLE_BYTES);
    table->head = (struct route_head){ROUTE_TABLE, ROUTE_VERSION, 1};
    table->settings.hold = NSEC_PER_SEC;
    table->settings.most_waiting = 10;
    table->count = COUNT;
    for (size_t i = 0; i < COUNT; i++)
        table->backends[i] = (struct route_backend){
            .key = i + 1, .state = ROUTE_ACCEPTING, .family = ROUTE_IPV4, .port = 80};
    return 0;
}

static int destroy(void **state)
{
    (void)state;
    free(table);
    return 0;
}

static bool is_taken(void)
{
    const char *why = "nothing";
    const struct route_table *taken = route_message_table(table, size, &why);
    assert_true((taken == NULL) == (why != NULL));
    return taken != NULL;
}

static void a_whole_table_is_taken(void **state)
{
    (void)state;
    assert_true(is_taken());
    table->count = 0;
    size = route_table_size(0);
    assert_true(is_taken());
    table->settings.hold = table->settings.linger = table->settings.report_after = 0;
    assert_true(is_taken());
}

static void a_table_of_the_most_backends_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < LIMIT_ROUTE_BACKENDS; i++) {
        table->backends[i] =
            (struct route_backend){.key = i + 1, .state = ROUTE_DRAINING, .family = ROUTE_UNIX};
        memset(table->backends[i].address.path, 'x', ROUTE_PATH_BYTES - 1);
    }
    table->count = LIMIT_ROUTE_BACKENDS;
    size = route_table_size(LIMIT_ROUTE_BACKENDS);
    assert_true(is_taken());
}

static void no_size_but_the_right_one_is_taken(void **state)
{
    (void)state;
    for (size = 0; size < route_table_size(COUNT + 2); size++)
        assert_int_equal(is_taken(), size == route_table_size(COUNT));
    size = route_table_size(COUNT);
    table->count = LIMIT_ROUTE_BACKENDS + 1;
    assert_false(is_taken());
    table->count = UINT32_MAX;
    assert_false(is_taken());
}

static void heads_are_checked(void **state)
{
    (void)state;
    table->head.version++;
    assert_false(is_taken());
    table->head.version--;
    table->head.kind = ROUTE_REPORT;
    assert_false(is_taken());
    table->head.kind = 77;
    assert_false(is_taken());
    table->head.kind = ROUTE_TABLE;
    table->head.number = 0;
    assert_false(is_taken());
}

static void settings_are_checked(void **state)
{
    (void)state;
    const struct route_settings good = table->settings;
    int64_t *const times[] = {&table->settings.hold, &table->settings.linger,
                              &table->settings.report_after};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        *times[i] = -1;
        assert_false(is_taken());
        *times[i] = INT64_MAX;
        assert_false(is_taken());
        table->settings = good;
    }
    table->settings.most_waiting = 0;
    assert_false(is_taken());
    table->settings.most_waiting = LIMIT_ROUTE_WAITING + 1;
    assert_false(is_taken());
    table->settings = good;
    table->settings.preface = ROUTE_PREFACE_BINARY + 1;
    assert_false(is_taken());
}

static void backends_are_checked(void **state)
{
    (void)state;
    struct route_backend *last = &table->backends[COUNT - 1];
    const struct route_backend good = *last;
    last->state = 0;
    assert_false(is_taken());
    *last = good;
    last->family = ROUTE_UNIX + 1;
    assert_false(is_taken());
    *last = good;
    last->port = 0;
    assert_false(is_taken());
    last->family = ROUTE_UNIX; // without a path
    assert_false(is_taken());
    memset(last->address.path, 'x', ROUTE_PATH_BYTES); // without an end
    assert_false(is_taken());
}

static void keys_ascend(void **state)
{
    (void)state;
    table->backends[2].key = table->backends[1].key;
    assert_false(is_taken());
    table->backends[2].key = 1;
    assert_false(is_taken());
    table->backends[0].key = 0;
    table->backends[2].key = 3;
    assert_false(is_taken());
}

static void a_report_is_whole_or_none(void **state)
{
    (void)state;
    struct route_report *report = (struct route_report *)table;
    memset(report, 0, ROUTE_TABLE_BYTES);
    report->head = (struct route_head){ROUTE_REPORT, ROUTE_VERSION, 1};
    report->count = 2;
    for (size = 0; size < route_report_size(4); size++)
        assert_int_equal(route_message_report(report, size) != NULL, size == route_report_size(2));
    report->count = LIMIT_ROUTE_BACKENDS + 1;
    assert_null(route_message_report(report, route_report_size(2)));
    report->count = 2;
    report->head.kind = ROUTE_TABLE;
    assert_null(route_message_report(report, route_report_size(2)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_whole_table_is_taken, make, destroy),
        cmocka_unit_test_setup_teardown(a_table_of_the_most_backends_is_taken, make, destroy),
        cmocka_unit_test_setup_teardown(no_size_but_the_right_one_is_taken, make, destroy),
        cmocka_unit_test_setup_teardown(heads_are_checked, make, destroy),
        cmocka_unit_test_setup_teardown(settings_are_checked, make, destroy),
        cmocka_unit_test_setup_teardown(backends_are_checked, make, destroy),
        cmocka_unit_test_setup_teardown(keys_ascend, make, destroy),
        cmocka_unit_test_setup_teardown(a_report_is_whole_or_none, make, destroy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
