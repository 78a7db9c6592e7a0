// SPDX-License-Identifier: MIT
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_same_seed_gives_the_same_history(void **state)
{
    (void)state;
    struct random a = {7};
    struct random b = {7};
    struct random c = {8};
    bool differs = false;
    for (int i = 0; i < 100; i++) {
        uint64_t number = random_next(&a);
        assert_true(number == random_next(&b));
        differs |= number != random_next(&c);
    }
    assert_true(differs);
}

static void is_splitmix64(void **state)
{
    (void)state;
    struct random random = {0};
    assert_true(random_next(&random) == 0xe220a8397b1dcdafu);
    assert_true(random_next(&random) == 0x6e789e6aa1b965f4u);
}

static void stays_below_the_bound_and_reaches_all(void **state)
{
    (void)state;
    struct random random = {1};
    unsigned seen = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t number = random_below(&random, 7);
        assert_true(number < 7);
        seen |= 1u << number;
    }
    assert_int_equal(seen, 0x7f);
    assert_int_equal(random_below(&random, 1), 0);
}

static void chances_are_as_asked(void **state)
{
    (void)state;
    struct random random = {3};
    int count = 0;
    for (int i = 0; i < 100 * 1000; i++) {
        count += random_chance(&random, 250);
        assert_false(random_chance(&random, 0));
        assert_true(random_chance(&random, 1000));
    }
    assert_in_range(count, 24000, 26000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_history),
        cmocka_unit_test(is_splitmix64),
        cmocka_unit_test(stays_below_the_bound_and_reaches_all),
        cmocka_unit_test(chances_are_as_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
