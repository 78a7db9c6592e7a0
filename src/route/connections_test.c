// SPDX-License-Identifier: MIT
// Places, lists and marks.
#include "route/connections.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { CAPACITY = 8 };

static struct connections all;

static int make(void **state)
{
    (void)state;
    return connections_init(&all, CAPACITY);
}

static int destroy(void **state)
{
    (void)state;
    connections_fini(&all);
    return 0;
}

static void there_are_as_many_as_may_be(void **state)
{
    (void)state;
    struct connection *some[CAPACITY];
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < CAPACITY; i++)
            assert_non_null(some[i] = connections_add(&all));
        assert_null(connections_add(&all));
        assert_int_equal(all.count, CAPACITY);
        for (size_t i = 0; i < CAPACITY; i++)
            connections_remove(&all, some[i]);
        assert_int_equal(all.count, 0);
    }
}

static void a_mark_is_of_one_connection(void **state)
{
    (void)state;
    unsigned side = 7;
    struct connection *first = connections_add(&all);
    struct connection *second = connections_add(&all);
    uint64_t mark = connection_mark(&all, first, BACKEND);
    assert_ptr_equal(connection_of_mark(&all, mark, &side), first);
    assert_int_equal(side, BACKEND);
    uint64_t other = connection_mark(&all, second, CLIENT);
    assert_ptr_equal(connection_of_mark(&all, other, &side), second);
    assert_int_equal(side, CLIENT);
    connections_remove(&all, first);
    assert_null(connection_of_mark(&all, mark, &side));
    struct connection *again = connections_add(&all);
    assert_ptr_equal(again, first); // the same place
    assert_null(connection_of_mark(&all, mark, &side));
    assert_ptr_equal(connection_of_mark(&all, connection_mark(&all, again, CLIENT), &side), again);
}

// Those are the channel's, the signals' and the listeners'.
static void small_numbers_are_no_marks(void **state)
{
    (void)state;
    unsigned side;
    for (size_t i = 0; i < CAPACITY; i++)
        assert_true(connection_mark(&all, connections_add(&all), CLIENT) >> 32 != 0);
    for (uint64_t number = 0; number < 100; number++)
        assert_null(connection_of_mark(&all, number, &side));
}

static void lists_keep_their_order(void **state)
{
    (void)state;
    struct connection *some[CAPACITY];
    for (size_t i = 0; i < CAPACITY; i++) {
        some[i] = connections_add(&all);
        connection_enlist(&all.ready, some[i]);
    }
    connection_delist(some[0]);
    connection_delist(some[3]);
    connection_delist(some[CAPACITY - 1]);
    connection_delist(some[3]); // is in none
    const size_t left[] = {1, 2, 4, 5, 6};
    assert_int_equal(all.ready.count, 5);
    struct connection *at = all.ready.first;
    for (size_t i = 0; i < 5; i++, at = at->next)
        assert_ptr_equal(at, some[left[i]]);
    assert_null(at);
    assert_ptr_equal(all.ready.last, some[6]);
    while (all.ready.first)
        connection_delist(all.ready.first);
    assert_null(all.ready.last);
    assert_int_equal(all.ready.count, 0);
}

static void who_comes_back_gets_its_place(void **state)
{
    (void)state;
    const nsec_t times[CAPACITY] = {50, 10, 70, 10, 60, 5, 70, 20};
    for (size_t i = 0; i < CAPACITY; i++) {
        struct connection *one = connections_add(&all);
        one->accepted_at = times[i];
        connection_enlist_by_age(&all.waiting, one);
    }
    nsec_t last = 0;
    for (struct connection *at = all.waiting.first; at; at = at->next) {
        assert_true(at->accepted_at >= last);
        last = at->accepted_at;
    }
    assert_int_equal(all.waiting.count, CAPACITY);
    assert_true(all.waiting.last->accepted_at == 70);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(there_are_as_many_as_may_be, make, destroy),
        cmocka_unit_test_setup_teardown(a_mark_is_of_one_connection, make, destroy),
        cmocka_unit_test_setup_teardown(small_numbers_are_no_marks, make, destroy),
        cmocka_unit_test_setup_teardown(lists_keep_their_order, make, destroy),
        cmocka_unit_test_setup_teardown(who_comes_back_gets_its_place, make, destroy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
