// SPDX-License-Identifier: MIT
#include "os/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

// Whatever interrupts this between two readings, for milliseconds even.
static void an_offset_stays_for_as_long_as_no_clock_is_set(void **state)
{
    (void)state;
    nsec_t first = clock_wall_offset(0);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(clock_wall_offset(first), first);
    assert_int_equal(clock_wall_offset(first + NSEC_PER_MSEC), first + NSEC_PER_MSEC);
    assert_int_equal(clock_wall_offset(first - NSEC_PER_MSEC), first - NSEC_PER_MSEC);
}

static void a_clock_that_was_set_has_another_one(void **state)
{
    (void)state;
    nsec_t now = clock_wall_offset(0);
    nsec_t forward = clock_wall_offset(now - NSEC_PER_SEC) - now;
    nsec_t back = clock_wall_offset(now + NSEC_PER_SEC) - now;
    assert_true(forward < 5 * NSEC_PER_MSEC && forward > -5 * NSEC_PER_MSEC);
    assert_true(back < 5 * NSEC_PER_MSEC && back > -5 * NSEC_PER_MSEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_offset_stays_for_as_long_as_no_clock_is_set),
        cmocka_unit_test(a_clock_that_was_set_has_another_one),
    };
    return cmocka_run_group_tests_name("os/clock", tests, NULL, NULL);
}
