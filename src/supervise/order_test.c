// SPDX-License-Identifier: MIT
// worker comes after web.
#include "supervise/expect.h"

static const uint16_t after_web[] = {0};

static struct rig *ordered(unsigned web, unsigned worker)
{
    struct rig *rig = rig_new(web, worker);
    rig->types[0].policy.waits_for_ready = true;
    rig->types[1].after = after_web;
    rig->types[1].after_count = 1;
    return rig;
}

static void starts_when_all_are_ready(void **state)
{
    (void)state;
    struct rig *rig = ordered(2, 1);
    EXPECT(rig, INPUT_PLAN, 0, 0,
           "placed 0, starting 0, placed 1, starting 1, placed 2 > spawn 0, spawn 1");
    rig_run(rig);
    EXPECT(rig, INPUT_READY, 0, 0, "ready 0");
    EXPECT(rig, INPUT_PLAN, 0, 0, "");
    EXPECT(rig, INPUT_RESTART, 2, 0, ""); // it will be new anyway
    EXPECT(rig, INPUT_ROLL, 2, 0, "");
    EXPECT(rig, INPUT_READY, 1, 0, "ready 1, starting 2 > spawn 2");
    rig_free(rig);
}

static void starts_at_once_when_nobody_is_needed(void **state)
{
    (void)state;
    struct rig *rig = ordered(0, 1);
    EXPECT(rig, INPUT_PLAN, 0, 0, "placed 0, starting 0 > spawn 0");
    rig_free(rig);
}

static void who_has_done_its_work_is_enough(void **state)
{
    (void)state;
    struct rig *rig = ordered(1, 1);
    rig->types[0].policy.restart = RESTART_NEVER;
    rig_run(rig);
    EXPECT(rig, INPUT_EXITED, 0, EXIT_0, "exited 0");
    EXPECT(rig, INPUT_EMPTIED, 0, 0, "finished 0, starting 1 > bury 0, spawn 1");
    rig_free(rig);
}

static void who_has_failed_is_not(void **state)
{
    (void)state;
    struct rig *rig = ordered(1, 1);
    rig->types[0].policy.restart = RESTART_NEVER;
    rig_run(rig);
    rig_leave(rig, 0, EXIT_1);
    assert_string_equal(rig->text, "finished 0 > bury 0");
    EXPECT(rig, INPUT_START, 0, 0, "starting 0 > spawn 0");
    rig_step(rig, INPUT_SPAWNED, 0, 101);
    (void)rig_wait(rig);
    assert_string_equal(rig->text, "boot-expired 0 > signal 0 with 15");
    rig_leave(rig, 0, EXIT_0); // it was told to stop, and never ready
    assert_string_equal(rig->text, "finished 0 > bury 0");
    EXPECT(rig, INPUT_HALT, 0, 0, "asked 0, starting 1 > spawn 1"); // somebody does not want it
    rig_free(rig);
}

static void who_is_halted_is_not_waited_for(void **state)
{
    (void)state;
    struct rig *rig = ordered(2, 1);
    rig_run(rig);
    rig_step(rig, INPUT_READY, 0, 0);
    rig_step(rig, INPUT_HALT, 1, 0);
    rig_leave(rig, 1, SIGTERM);
    assert_string_equal(rig->text, "finished 1, starting 2 > bury 1, spawn 2");
    rig_free(rig);
}

static void who_is_removed_is_not_waited_for(void **state)
{
    (void)state;
    struct rig *rig = ordered(2, 1);
    rig_run(rig);
    rig_step(rig, INPUT_READY, 0, 0);
    rig_scale(rig, 1, 1);
    assert_string_equal(rig->text, "stopping 1, starting 2 > signal 1 with 15, spawn 2");
    rig_free(rig);
}

static void only_the_first_start_waits(void **state)
{
    (void)state;
    struct rig *rig = ordered(1, 1);
    rig_run(rig);
    rig_step(rig, INPUT_READY, 0, 0);
    rig_step(rig, INPUT_SPAWNED, 1, 101);
    EXPECT(rig, INPUT_UNREADY, 0, 0, "unready 0");
    rig_leave(rig, 1, EXIT_1);
    assert_string_equal(rig->text, "starting 1 > bury 1, spawn 1");
    rig_scale(rig, 1, 2); // another one does
    assert_string_equal(rig->text, "placed 2");
    rig_free(rig);
}

static void a_person_may_insist(void **state)
{
    (void)state;
    struct rig *rig = ordered(1, 2);
    rig_run(rig);
    EXPECT(rig, INPUT_START, 1, 0, "starting 1 > spawn 1");
    EXPECT(rig, INPUT_HALT, 2, 0, "finished 2"); // and need not wait for the end either
    EXPECT(rig, INPUT_READY, 0, 0, "ready 0");
    EXPECT(rig, INPUT_START, 2, 0, "starting 2 > spawn 2");
    rig_free(rig);
}

static void another_plan_may_need_nobody(void **state)
{
    (void)state;
    struct rig *rig = ordered(1, 2);
    rig_run(rig);
    rig->types[1].after_count = 0;
    rig_scale(rig, 1, 1); // who is not wanted is not started for it
    assert_string_equal(rig->text, "starting 1, finished 2, removed 2 > spawn 1");
    rig_free(rig);
}

static void a_stop_ends_the_waiting(void **state)
{
    (void)state;
    struct rig *rig = ordered(1, 1);
    rig_run(rig);
    EXPECT(rig, INPUT_STOP, 0, SIGTERM,
           "formation-stopping, stopping 0, finished 1 > signal 0 with 15");
    rig_leave(rig, 0, SIGTERM);
    assert_string_equal(rig->text, "finished 0, formation-ended > bury 0, end 0");
    rig_free(rig);
}

static void a_new_supervisor_knows_who_waits(void **state)
{
    (void)state;
    struct rig *rig = ordered(1, 1);
    struct journal *journal = calloc(1, sizeof(*journal));
    assert_non_null(journal);
    rig_step(rig, INPUT_PLAN, 0, 0);
    journal_append(journal, rig->outcome.events, rig->outcome.event_count);
    rig_restore(rig, &journal->snapshot);
    assert_string_equal(rig->text, "");
    rig_step(rig, INPUT_SPAWNED, 0, 100);
    EXPECT(rig, INPUT_READY, 0, 0, "ready 0, starting 1 > spawn 1");
    free(journal);
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_when_all_are_ready),
        cmocka_unit_test(starts_at_once_when_nobody_is_needed),
        cmocka_unit_test(who_has_done_its_work_is_enough),
        cmocka_unit_test(who_has_failed_is_not),
        cmocka_unit_test(who_is_halted_is_not_waited_for),
        cmocka_unit_test(who_is_removed_is_not_waited_for),
        cmocka_unit_test(only_the_first_start_waits),
        cmocka_unit_test(a_person_may_insist),
        cmocka_unit_test(another_plan_may_need_nobody),
        cmocka_unit_test(a_stop_ends_the_waiting),
        cmocka_unit_test(a_new_supervisor_knows_who_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
