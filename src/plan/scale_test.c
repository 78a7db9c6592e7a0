// SPDX-License-Identifier: MIT
#include "plan/scale.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SUNDAY, MONDAY, TUESDAY, FRIDAY = 5, SATURDAY };
enum { WORKDAYS = 0x3e, WEEKEND = 0x41, EVERY_DAY = 0x7f };

#define AT(hour, minute) ((hour)*60 + (minute))

static unsigned least(struct scale_span span, unsigned day, unsigned minute)
{
    struct plan_scale scale = plan_default_scale(SCALE_NONE);
    scale.spans = &span;
    scale.span_count = 1;
    return scale_least(&scale, day, minute);
}

static void a_span_is_of_its_days_and_hours(void **state)
{
    (void)state;
    struct scale_span office = {WORKDAYS, AT(8, 0), AT(18, 0), 4};
    assert_int_equal(least(office, MONDAY, AT(7, 59)), 1);
    assert_int_equal(least(office, MONDAY, AT(8, 0)), 4);
    assert_int_equal(least(office, FRIDAY, AT(17, 59)), 4);
    assert_int_equal(least(office, FRIDAY, AT(18, 0)), 1);
    assert_int_equal(least(office, SATURDAY, AT(12, 0)), 1);
    assert_int_equal(least(office, SUNDAY, AT(12, 0)), 1);
}

static void a_span_may_pass_midnight(void **state)
{
    (void)state;
    struct scale_span night = {WEEKEND, AT(22, 0), AT(6, 0), 3};
    assert_int_equal(least(night, SATURDAY, AT(5, 0)), 1); // Friday's night
    assert_int_equal(least(night, SATURDAY, AT(22, 0)), 3);
    assert_int_equal(least(night, SUNDAY, AT(5, 59)), 3);
    assert_int_equal(least(night, SUNDAY, AT(6, 0)), 1);
    assert_int_equal(least(night, MONDAY, AT(0, 0)), 3);
    assert_int_equal(least(night, MONDAY, AT(23, 0)), 1);
}

static void a_span_may_be_a_whole_day(void **state)
{
    (void)state;
    struct scale_span day = {1 << TUESDAY, 0, SCALE_DAY_MINUTES, 2};
    assert_int_equal(least(day, TUESDAY, 0), 2);
    assert_int_equal(least(day, TUESDAY, SCALE_DAY_MINUTES - 1), 2);
    assert_int_equal(least(day, TUESDAY + 1, 0), 1);
    assert_int_equal(least(day, MONDAY, SCALE_DAY_MINUTES - 1), 1);
}

static void the_most_of_all_counts(void **state)
{
    (void)state;
    const struct scale_span spans[] = {
        {EVERY_DAY, AT(8, 0), AT(20, 0), 3},
        {1 << MONDAY, AT(9, 0), AT(10, 0), 9},
        {EVERY_DAY, AT(9, 0), AT(11, 0), 2},
    };
    struct plan_scale scale = plan_default_scale(SCALE_CONNECTIONS);
    scale.spans = spans;
    scale.span_count = 3;
    scale.min = 0;
    assert_int_equal(scale_least(&scale, MONDAY, AT(9, 30)), 9);
    assert_int_equal(scale_least(&scale, TUESDAY, AT(9, 30)), 3);
    assert_int_equal(scale_least(&scale, TUESDAY, AT(21, 0)), 0);
    scale.min = 5;
    assert_int_equal(scale_least(&scale, TUESDAY, AT(9, 30)), 5);
}

static void every_signal_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(scale_signal_name(SCALE_NONE), "schedule");
    assert_string_equal(scale_signal_name(SCALE_COMMAND), "command");
    assert_null(scale_signal_name(SCALE_COMMAND + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_span_is_of_its_days_and_hours),
        cmocka_unit_test(a_span_may_pass_midnight),
        cmocka_unit_test(a_span_may_be_a_whole_day),
        cmocka_unit_test(the_most_of_all_counts),
        cmocka_unit_test(every_signal_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
