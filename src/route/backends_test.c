// SPDX-License-Identifier: MIT
// Tables come and go; connections stay with the backend that they have.
#include "route/backends.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CONNECTIONS = 200 };

static struct backends all;
static struct route_table *table;

static int make(void **state)
{
    (void)state;
    table = calloc(1, ROUTE_TABLE_BYTES);
    return backends_init(&all, CONNECTIONS);
}

static int destroy(void **state)
{
    (void)state;
    free(table);
    backends_fini(&all);
    return 0;
}

// A table of these keys, ended by 0; negative ones are draining.
static void take(const int *keys)
{
    uint32_t count = 0;
    for (; keys[count] != 0; count++)
        table->backends[count] = (struct route_backend){
            .key = (uint64_t)abs(keys[count]),
            .state = keys[count] < 0 ? ROUTE_DRAINING : ROUTE_ACCEPTING,
            .family = ROUTE_IPV4,
            .port = (uint16_t)abs(keys[count]),
        };
    table->count = count;
    backends_take(&all, table);
    assert_int_equal(all.listed_count, count);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(all.items[all.listed[i]].key, table->backends[i].key);
}

#define TAKE(...) take((const int[]){__VA_ARGS__, 0})

static size_t connect_one(uint64_t wanted)
{
    size_t place = backends_choose(&all, 0);
    assert_true(place != BALANCE_NONE);
    if (wanted)
        assert_int_equal(all.items[place].key, wanted);
    backends_note_success(&all, place);
    return place;
}

static void a_connection_outlives_its_table(void **state)
{
    (void)state;
    TAKE(5);
    size_t place = connect_one(5);
    TAKE(6);
    assert_int_equal(all.lingering, 1);
    assert_false(backends_is_listed(&all, place));
    assert_int_equal(all.items[place].key, 5);
    size_t other = connect_one(6);
    assert_true(other != place);
    backends_note_end(&all, place);
    assert_int_equal(all.lingering, 0);
    assert_int_equal(all.items[place].key, 0);
    TAKE(6, 7); // the free place is used again
    assert_int_equal(all.count, 2);
    backends_note_end(&all, other);
}

static void who_drains_gets_none_and_says_when_it_has(void **state)
{
    (void)state;
    TAKE(1);
    size_t first = connect_one(1);
    size_t second = connect_one(1);
    TAKE(-1);
    assert_true(backends_choose(&all, 0) == BALANCE_NONE);
    backends_note_end(&all, first);
    assert_false(all.has_drained);
    backends_note_end(&all, second);
    assert_true(all.has_drained);
    TAKE(1); // it is back
    connect_one(1);
}

static void counts_are_of_the_process(void **state)
{
    (void)state;
    TAKE(1, 2);
    for (unsigned i = 0; i < 10; i++)
        backends_note_end(&all, connect_one(0));
    assert_int_equal(all.items[all.listed[0]].routed, 5);
    assert_int_equal(all.items[all.listed[1]].routed, 5);
    TAKE(2, 3);
    assert_int_equal(all.items[all.listed[0]].routed, 5);
    assert_int_equal(all.items[all.listed[1]].routed, 0);
}

static void being_ready_again_is_a_new_chance(void **state)
{
    (void)state;
    TAKE(1);
    size_t place = backends_choose(&all, 0);
    backends_note_failure(&all, place, 0);
    assert_int_equal(all.items[place].failed, 1);
    assert_true(backends_choose(&all, 0) == BALANCE_NONE);
    TAKE(1); // nothing new
    assert_true(backends_choose(&all, 0) == BALANCE_NONE);
    assert_true(backends_due_at(&all) < NSEC_NEVER);
    TAKE(-1);
    TAKE(1);
    connect_one(1);
}

static void nobody_is_to_blame(void **state)
{
    (void)state;
    TAKE(1);
    size_t place = backends_choose(&all, 0);
    backends_note_nothing(&all, place);
    assert_int_equal(all.seats[place].in_flight, 0);
    connect_one(1);
}

// Any tables, any order of ends: counts fit, and all places become free again.
static void whatever_comes_the_counts_fit(void **state)
{
    (void)state;
    size_t places[CONNECTIONS];
    size_t open = 0;
    unsigned seed = 7;
    for (unsigned round = 0; round < 20000; round++) {
        unsigned dice = (unsigned)rand_r(&seed) % 10;
        if (dice == 0) {
            int keys[20] = {0};
            unsigned count = 0;
            for (int key = 1; key < 19; key++)
                if (rand_r(&seed) % 3 == 0)
                    keys[count++] = rand_r(&seed) % 4 == 0 ? -key : key;
            take(keys);
        } else if (dice < 6 && open < CONNECTIONS) {
            size_t place = backends_choose(&all, round);
            if (place == BALANCE_NONE)
                continue;
            assert_true(backends_is_listed(&all, place) && !all.items[place].is_draining);
            backends_note_success(&all, place);
            places[open++] = place;
        } else if (open > 0) {
            size_t index = (unsigned)rand_r(&seed) % open;
            backends_note_end(&all, places[index]);
            places[index] = places[--open];
        }
        size_t sum = 0;
        for (size_t i = 0; i < all.count; i++)
            sum += all.seats[i].in_flight;
        assert_int_equal(sum, open);
    }
    while (open > 0)
        backends_note_end(&all, places[--open]);
    table->count = 0;
    backends_take(&all, table);
    assert_int_equal(all.count, 0);
    assert_int_equal(all.lingering, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_connection_outlives_its_table, make, destroy),
        cmocka_unit_test_setup_teardown(who_drains_gets_none_and_says_when_it_has, make, destroy),
        cmocka_unit_test_setup_teardown(counts_are_of_the_process, make, destroy),
        cmocka_unit_test_setup_teardown(being_ready_again_is_a_new_chance, make, destroy),
        cmocka_unit_test_setup_teardown(nobody_is_to_blame, make, destroy),
        cmocka_unit_test_setup_teardown(whatever_comes_the_counts_fit, make, destroy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
