// SPDX-License-Identifier: MIT
#include "plan/timing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint16_t zero[] = {0};
static const uint16_t zero_and_two[] = {0, 2};

static struct process_type type_of(nsec_t boot, const uint16_t *after, size_t after_count)
{
    return (struct process_type){
        .quantity = 1,
        .policy = {.waits_for_ready = boot > 0, .boot_limit = boot, .stop_grace = 3 * boot},
        .after = after,
        .after_count = after_count,
    };
}

static void chains_add_up(void **state)
{
    (void)state;
    struct process_type types[] = {
        type_of(10, NULL, 0),
        type_of(5, zero_and_two, 2), // known only in the second pass
        type_of(20, zero, 1),
        type_of(0, NULL, 0),
    };
    struct plan plan = {.types = types, .type_count = 4};
    assert_int_equal(plan_boot_time(&plan), 35);
    assert_int_equal(plan_stop_time(&plan), 60);
    types[2].quantity = 0;
    assert_int_equal(plan_boot_time(&plan), 15);
    assert_int_equal(plan_stop_time(&plan), 30);
}

static void nothing_is_waited_for_without_a_check(void **state)
{
    (void)state;
    struct process_type type = type_of(60, NULL, 0);
    struct plan plan = {.types = &type, .type_count = 1};
    type.policy.waits_for_ready = false;
    assert_int_equal(plan_boot_time(&plan), 0);
    plan.type_count = 0;
    assert_int_equal(plan_boot_time(&plan), 0);
    assert_int_equal(plan_stop_time(&plan), 0);
}

static void sums_do_not_overflow(void **state)
{
    (void)state;
    struct process_type types[] = {type_of(NSEC_NEVER / 4, NULL, 0),
                                   type_of(NSEC_NEVER / 4, zero, 1)};
    struct plan plan = {.types = types, .type_count = 2};
    nsec_t year = 365 * 24 * 3600 * NSEC_PER_SEC;
    assert_int_equal(plan_boot_time(&plan), year);
    assert_int_equal(plan_stop_time(&plan), year);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_add_up),
        cmocka_unit_test(nothing_is_waited_for_without_a_check),
        cmocka_unit_test(sums_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
