// SPDX-License-Identifier: MIT
// Plans that start a type in another way: who runs by an earlier revision is rolled, once.
#include "supervise/expect.h"

static struct rig *running(unsigned web)
{
    struct rig *rig = rig_new(web, 0);
    rig_run(rig);
    return rig;
}

// Of a plan in which web is started in another way.
static void revise(struct rig *rig, const char *wanted)
{
    rig->types[0].revision++;
    EXPECT(rig, INPUT_PLAN, 0, 0, wanted);
}

static void a_plan_rolls_whom_it_starts_in_another_way(void **state)
{
    (void)state;
    struct rig *rig = rig_new(2, 1);
    rig_run(rig);
    revise(rig, "asked 0, asked 1, stopping 0 > signal 0 with 15"); // worker goes on
    EXPECT(rig, INPUT_PLAN, 0, 0, "");
    rig_replace(rig, 0);
    (void)rig_wait(rig);
    assert_string_equal(rig->text, "asked 0, stopping 1 > signal 1 with 15");
    rig_replace(rig, 1);
    (void)rig_wait(rig);
    EXPECT(rig, INPUT_PLAN, 0, 0, "");
    for (unsigned slot = 0; slot < 2; slot++)
        assert_int_equal(process_of(rig, slot)->revision, 1);
    rig_free(rig);
}

// A manager that dies before it has decided on a plan leaves the plan, and the next one decides.
static void the_next_supervisor_sees_the_same_difference(void **state)
{
    (void)state;
    struct rig *rig = running(2);
    struct journal *journal = calloc(1, sizeof(*journal));
    assert_non_null(journal);
    rig_write_all(rig, journal);
    rig->types[0].revision++;
    rig_restore(rig, &journal->snapshot);
    assert_string_equal(rig->text, "asked 0, asked 1, stopping 0 > signal 0 with 15");
    rig_write_all(rig, journal);
    rig_restore(rig, &journal->snapshot);
    assert_string_equal(rig->text, "");
    free(journal);
    rig_free(rig);
}

static void a_halted_roll_is_not_begun_again(void **state)
{
    (void)state;
    struct rig *rig = running(3);
    revise(rig, "asked 0, asked 1, asked 2, stopping 0 > signal 0 with 15");
    rig_replace(rig, 0);
    EXPECT(rig, INPUT_EXITED, 0, EXIT_1, "exited 0, asked 1, asked 2, roll-halted 0");
    rig_step(rig, INPUT_EMPTIED, 0, 0);
    EXPECT(rig, INPUT_PLAN, 0, 0, "");
    revise(rig, "asked 0, asked 1, asked 2, asked 0"); // the files were mended
    rig_free(rig);
}

// Stopped and started again while its start is under way.
static void a_start_by_the_old_plan_is_repeated(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 0);
    rig_step(rig, INPUT_PLAN, 0, 0);
    EXPECT(rig, INPUT_HALT, 0, 0, "asked 0");
    revise(rig, "");
    EXPECT(rig, INPUT_START, 0, 0, "asked 0");
    EXPECT(rig, INPUT_SPAWNED, 0, 100, "started 0, stopping 0 > signal 0 with 15");
    rig_leave(rig, 0, SIGTERM);
    assert_string_equal(rig->text, "starting 0 > bury 0, spawn 0");
    rig_free(rig);
}

static void who_does_not_run_is_left_alone(void **state)
{
    (void)state;
    struct rig *rig = running(2);
    rig_step(rig, INPUT_HALT, 0, 0);
    rig_leave(rig, 0, SIGTERM);
    rig_step(rig, INPUT_HALT, 1, 0);
    revise(rig, "");
    rig_leave(rig, 1, SIGTERM);
    EXPECT(rig, INPUT_START, 0, 0, "starting 0 > spawn 0");
    assert_int_equal(process_of(rig, 0)->revision, 1);
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_rolls_whom_it_starts_in_another_way),
        cmocka_unit_test(the_next_supervisor_sees_the_same_difference),
        cmocka_unit_test(a_halted_roll_is_not_begun_again),
        cmocka_unit_test(a_start_by_the_old_plan_is_repeated),
        cmocka_unit_test(who_does_not_run_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
