// SPDX-License-Identifier: MIT
// Who gets the next connection.
#include "route/balance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 4 };

static struct balance_seat seats[COUNT];

static int fill(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        seats[i] = (struct balance_seat){.is_accepting = true};
    return 0;
}

static void the_fewest_connections_decide(void **state)
{
    (void)state;
    const uint32_t in_flight[COUNT] = {3, 2, 1, 2};
    for (size_t i = 0; i < COUNT; i++)
        seats[i].in_flight = in_flight[i];
    for (size_t last = 0; last < COUNT; last++)
        assert_int_equal(balance_choose(seats, COUNT, last, 0), 2);
    assert_int_equal(balance_choose(seats, COUNT, BALANCE_NONE, 0), 2);
}

static void equals_take_turns(void **state)
{
    (void)state;
    size_t last = BALANCE_NONE;
    for (size_t i = 0; i < 3 * COUNT; i++) {
        last = balance_choose(seats, COUNT, last, 0);
        assert_int_equal(last, i % COUNT);
    }
}

// Whatever comes and goes: no two differ by more than the connections that have ended since.
static void all_get_the_same_share(void **state)
{
    (void)state;
    size_t last = BALANCE_NONE;
    for (size_t i = 0; i < 1000; i++) {
        last = balance_choose(seats, COUNT, last, 0);
        seats[last].in_flight++;
    }
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(seats[i].in_flight, 1000 / COUNT);
}

static void who_does_not_accept_gets_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        seats[i].is_accepting = i == 3;
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(balance_choose(seats, COUNT, i, 0), 3);
    seats[3].is_accepting = false;
    assert_true(balance_choose(seats, COUNT, 1, 0) == BALANCE_NONE);
    assert_true(balance_choose(seats, 0, BALANCE_NONE, 0) == BALANCE_NONE);
    assert_true(balance_due_at(seats, COUNT) == NSEC_NEVER);
}

static void a_failure_is_followed_by_a_rest(void **state)
{
    (void)state;
    for (size_t i = 1; i < COUNT; i++)
        seats[i].is_accepting = false;
    const nsec_t begin = 5 * NSEC_PER_SEC;
    balance_note_failure(&seats[0], begin);
    nsec_t due = balance_due_at(seats, COUNT);
    assert_true(due > begin && due <= begin + NSEC_PER_SEC);
    assert_true(balance_choose(seats, COUNT, 0, due - 1) == BALANCE_NONE);
    assert_int_equal(balance_choose(seats, COUNT, 0, due), 0);
    seats[0].connecting = seats[0].in_flight = 1; // a single one tries
    assert_true(balance_choose(seats, COUNT, 0, due) == BALANCE_NONE);
    assert_true(balance_due_at(seats, COUNT) == NSEC_NEVER);
    balance_note_success(&seats[0]);
    assert_int_equal(balance_choose(seats, COUNT, 0, due), 0);
}

static void rests_grow_to_a_bound(void **state)
{
    (void)state;
    nsec_t now = 0;
    nsec_t last = 0;
    for (unsigned i = 0; i < 100; i++) {
        balance_note_failure(&seats[0], now);
        nsec_t rest = seats[0].rests_until - now;
        assert_true(rest >= last && rest <= 2 * NSEC_PER_SEC);
        last = rest;
        now = seats[0].rests_until;
    }
    assert_true(last == 2 * NSEC_PER_SEC);
}

// Of a hundred that were under way, all fail at once: that is one failure.
static void failures_at_once_are_one(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        balance_note_failure(&seats[0], 1000);
    assert_int_equal(seats[0].failures, 1);
}

static void a_full_queue_is_a_short_rest(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 50; i++)
        balance_note_busy(&seats[0], 1000);
    assert_true(seats[0].rests_until > 1000);
    assert_true(seats[0].rests_until < 1000 + 50 * NSEC_PER_MSEC);
    assert_int_equal(balance_choose(seats, 1, 0, seats[0].rests_until), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_fewest_connections_decide, fill),
        cmocka_unit_test_setup(equals_take_turns, fill),
        cmocka_unit_test_setup(all_get_the_same_share, fill),
        cmocka_unit_test_setup(who_does_not_accept_gets_none, fill),
        cmocka_unit_test_setup(a_failure_is_followed_by_a_rest, fill),
        cmocka_unit_test_setup(rests_grow_to_a_bound, fill),
        cmocka_unit_test_setup(failures_at_once_are_one, fill),
        cmocka_unit_test_setup(a_full_queue_is_a_short_rest, fill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
