// SPDX-License-Identifier: MIT
#include "plan/plan.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct plan *two_types(void)
{
    struct plan *plan = calloc(1, sizeof(*plan));
    assert_non_null(plan);
    plan->types = arena_alloc(&plan->arena, 2 * sizeof(*plan->types));
    assert_non_null(plan->types);
    plan->type_count = 2;
    plan->types[0] = (struct process_type){.name = str_of("web"), .quantity = 2};
    plan->types[1] =
        (struct process_type){.name = str_of("worker"), .quantity = 3, .port_index = 1};
    plan->has_port = true;
    plan->port_base = 5000;
    return plan;
}

static void ports_are_those_of_foreman(void **state)
{
    (void)state;
    struct plan *plan = two_types();
    assert_int_equal(plan_port(plan, (struct process_id){0, 1}), 5000);
    assert_int_equal(plan_port(plan, (struct process_id){0, 2}), 5001);
    assert_int_equal(plan_port(plan, (struct process_id){1, 3}), 5102);
    plan->has_port = false;
    assert_int_equal(plan_port(plan, (struct process_id){1, 3}), 0);
    plan_free(plan);
}

static void finds_counts_and_names(void **state)
{
    (void)state;
    struct plan *plan = two_types();
    char name[PROCESS_NAME_BYTES];
    assert_ptr_equal(plan_find(plan, str_of("worker")), &plan->types[1]);
    assert_null(plan_find(plan, str_of("work")));
    assert_int_equal(plan_process_count(plan), 5);
    assert_string_equal(plan_process_name(plan, (struct process_id){1, 12}, name), "worker.12");
    plan_free(plan);
}

static void the_longest_name_fits(void **state)
{
    (void)state;
    struct plan *plan = two_types();
    char longest[101];
    char name[PROCESS_NAME_BYTES];
    memset(longest, 'n', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    plan->types[0].name = str_of(longest);
    plan_process_name(plan, (struct process_id){0, 8192}, name);
    assert_string_equal(name + 100, ".8192");
    plan_free(plan);
}

static void policy_starts_from_the_defaults(void **state)
{
    (void)state;
    struct process_policy policy = plan_default_policy();
    assert_int_equal(policy.restart, RESTART_ALWAYS);
    assert_int_equal(policy.stop_signal, SIGTERM);
    assert_int_equal(policy.backoff_base, 50 * NSEC_PER_MSEC);
    assert_int_equal(policy.backoff_max, 30 * NSEC_PER_SEC);
    assert_false(policy.waits_for_ready);
    assert_int_equal(policy.boot_limit, 60 * NSEC_PER_SEC);
    assert_int_equal(policy.watchdog, 0);
    assert_int_equal(policy.roll_surge, 0);
    assert_int_equal(policy.roll_max_unavailable, 1);
    plan_free(NULL);
}

static void who_tells_its_state_is_given_a_socket(void **state)
{
    (void)state;
    struct process_type type = {.ready = {.kind = PROBE_LOG}};
    assert_false(plan_type_notifies(&type));
    type.ready.kind = PROBE_NOTIFY;
    assert_true(plan_type_notifies(&type));
    type.ready.kind = PROBE_NONE;
    type.policy.watchdog = 1;
    assert_true(plan_type_notifies(&type));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ports_are_those_of_foreman),
        cmocka_unit_test(finds_counts_and_names),
        cmocka_unit_test(the_longest_name_fits),
        cmocka_unit_test(policy_starts_from_the_defaults),
        cmocka_unit_test(who_tells_its_state_is_given_a_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
