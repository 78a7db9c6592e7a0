// SPDX-License-Identifier: MIT
// Rolling restarts of web, mostly of three processes in the slots 0, 1 and 2.
#include "supervise/expect.h"

#include <errno.h>

// Marks all of web; the text is that of the last mark.
static void roll(struct rig *rig)
{
    for (unsigned slot = 0; slot < supervisor_slot_count(rig->supervisor); slot++)
        if (process_of(rig, slot)->id.type == 0)
            rig_step(rig, INPUT_ROLL, slot, 0);
}

static struct rig *running(unsigned web, unsigned surge, unsigned max_unavailable)
{
    struct rig *rig = rig_new(web, 0);
    rig->types[0].policy.roll_surge = surge;
    rig->types[0].policy.roll_max_unavailable = max_unavailable;
    rig_run(rig);
    return rig;
}

// With a readiness check, and all of them ready.
static struct rig *checked(unsigned web, unsigned surge, unsigned max_unavailable)
{
    struct rig *rig = running(0, surge, max_unavailable);
    rig->types[0].quantity = web;
    rig->types[0].policy.waits_for_ready = true;
    rig_run(rig);
    for (unsigned slot = 0; slot < web; slot++)
        rig_step(rig, INPUT_READY, slot, 0);
    return rig;
}

static void expect_flags(const struct rig *rig, unsigned slot, unsigned flags)
{
    assert_int_equal(process_of(rig, slot)->flags, RECORD_WANTED | flags);
}

static void one_after_the_other_each_up_for_a_second(void **state)
{
    (void)state;
    struct rig *rig = running(3, 0, 1);
    EXPECT(rig, INPUT_ROLL, 0, 0, "asked 0, stopping 0 > signal 0 with 15");
    EXPECT(rig, INPUT_ROLL, 2, 0, "asked 2");
    EXPECT(rig, INPUT_ROLL, 1, 0, "asked 1");
    EXPECT(rig, INPUT_ROLL, 1, 0, "");
    rig_replace(rig, 0);
    expect_flags(rig, 0, RECORD_ROLLED);
    assert_true(rig_wait(rig) == NSEC_PER_SEC);
    assert_string_equal(rig->text, "asked 0, stopping 1 > signal 1 with 15"); // the lowest number
    rig_replace(rig, 1);
    assert_true(rig_wait(rig) == NSEC_PER_SEC);
    assert_string_equal(rig->text, "asked 1, stopping 2 > signal 2 with 15");
    rig_replace(rig, 2);
    (void)rig_wait(rig);
    assert_string_equal(rig->text, "asked 2");
    for (unsigned slot = 0; slot < 3; slot++)
        expect_flags(rig, slot, 0);
    rig_step(rig, INPUT_TIME, 0, 0);
    assert_true(rig->outcome.wake_at == NSEC_NEVER);
    rig_free(rig);
}

static void who_is_checked_has_proven_itself_when_ready(void **state)
{
    (void)state;
    struct rig *rig = checked(2, 0, 1);
    roll(rig);
    rig_replace(rig, 0);
    EXPECT(rig, INPUT_TIME, 0, 0, "");
    EXPECT(rig, INPUT_READY, 0, 0, "ready 0, stopping 1 > signal 1 with 15");
    rig_replace(rig, 1);
    EXPECT(rig, INPUT_READY, 1, 0, "ready 1");
    expect_flags(rig, 1, 0);
    rig_free(rig);
}

static void as_many_at_a_time_as_may_be_missing(void **state)
{
    (void)state;
    struct rig *rig = checked(5, 0, 2);
    EXPECT(rig, INPUT_ROLL, 0, 0, "asked 0, stopping 0 > signal 0 with 15");
    EXPECT(rig, INPUT_ROLL, 1, 0, "asked 1, stopping 1 > signal 1 with 15");
    EXPECT(rig, INPUT_ROLL, 2, 0, "asked 2");
    EXPECT(rig, INPUT_ROLL, 3, 0, "asked 3");
    rig_leave(rig, 4, EXIT_1); // one more is missing, by a crash
    rig_step(rig, INPUT_SPAWNED, 4, 104);
    rig_replace(rig, 0);
    EXPECT(rig, INPUT_READY, 0, 0, "ready 0"); // two are missing still
    EXPECT(rig, INPUT_READY, 4, 0, "ready 4, stopping 2 > signal 2 with 15");
    rig_free(rig);
}

static void more_than_there_are_may_be_missing(void **state)
{
    (void)state;
    struct rig *rig = checked(1, 0, 8192);
    EXPECT(rig, INPUT_ROLL, 0, 0, "asked 0, stopping 0 > signal 0 with 15");
    rig_free(rig);
}

static void who_serves_nobody_does_not_wait(void **state)
{
    (void)state;
    struct rig *rig = checked(5, 0, 1);
    rig_step(rig, INPUT_UNREADY, 0, 0);
    EXPECT(rig, INPUT_ROLL, 0, 0, "asked 0, stopping 0 > signal 0 with 15");
    rig_leave(rig, 1, EXIT_1); // starting
    EXPECT(rig, INPUT_ROLL, 1, 0, "asked 1, asked 1");
    EXPECT(rig, INPUT_SPAWNED, 1, 101, "started 1, stopping 1 > signal 1 with 15");
    rig_step(rig, INPUT_EXITED, 2, EXIT_1);
    EXPECT(rig, INPUT_ROLL, 2, 0, "asked 2, asked 2");
    EXPECT(rig, INPUT_EMPTIED, 2, 0, "starting 2 > bury 2, spawn 2");
    assert_int_equal(process_of(rig, 2)->crashes, 0);
    rig_leave(rig, 3, EXIT_1);
    rig_step(rig, INPUT_SPAWN_FAILED, 3, ENOENT);
    EXPECT(rig, INPUT_ROLL, 3, 0, "asked 3, starting 3 > spawn 3");
    expect_flags(rig, 3, RECORD_ROLLED);
    EXPECT(rig, INPUT_ROLL, 4, 0, "asked 4");
    EXPECT(rig, INPUT_UNREADY, 4, 0, "unready 4, stopping 4 > signal 4 with 15");
    rig_free(rig);
}

static void a_spawn_by_the_old_plan_may_fail(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 0);
    rig_step(rig, INPUT_PLAN, 0, 0);
    rig_step(rig, INPUT_ROLL, 0, 0);
    EXPECT(rig, INPUT_SPAWN_FAILED, 0, ENOENT, "spawn-failed 0, starting 0 > spawn 0");
    expect_flags(rig, 0, RECORD_ROLLED);
    EXPECT(rig, INPUT_SPAWN_FAILED, 0, ENOENT, "spawn-failed 0, roll-halted 0, backoff 0");
    rig_free(rig);
}

static void who_is_finished_is_started(void **state)
{
    (void)state;
    struct rig *rig = running(3, 0, 1);
    rig_step(rig, INPUT_HALT, 2, 0);
    rig_leave(rig, 2, SIGTERM);
    EXPECT(rig, INPUT_ROLL, 2, 0, "starting 2 > spawn 2");
    expect_flags(rig, 2, 0);
    rig_free(rig);
}

// It has done its work: no failure, and nobody waits for it.
static void who_ends_well_does_not_halt(void **state)
{
    (void)state;
    struct rig *rig = running(2, 0, 1);
    rig->types[0].policy.restart = RESTART_ON_FAILURE;
    roll(rig);
    rig_replace(rig, 0);
    EXPECT(rig, INPUT_EXITED, 0, EXIT_0, "exited 0");
    EXPECT(rig, INPUT_EMPTIED, 0, 0, "finished 0, stopping 1 > bury 0, signal 1 with 15");
    rig_free(rig);
}

static void the_first_crash_halts(void **state)
{
    (void)state;
    struct rig *rig = checked(3, 0, 1);
    roll(rig);
    rig_replace(rig, 0);
    EXPECT(rig, INPUT_EXITED, 0, EXIT_1, "exited 0, asked 1, asked 2, roll-halted 0");
    assert_int_equal(rig->outcome.events[3].detail, 2);               // were not restarted
    EXPECT(rig, INPUT_EMPTIED, 0, 0, "starting 0 > bury 0, spawn 0"); // by the policy, as ever
    rig_step(rig, INPUT_SPAWNED, 0, 103);
    EXPECT(rig, INPUT_READY, 0, 0, "ready 0");
    for (unsigned slot = 0; slot < 3; slot++)
        expect_flags(rig, slot, 0);
    rig_free(rig);
}

static void other_failures_halt_as_well(void **state)
{
    (void)state;
    struct rig *rig = checked(2, 0, 1);
    roll(rig);
    rig_replace(rig, 0);
    (void)rig_wait(rig);
    assert_string_equal(rig->text, "boot-expired 0, asked 1, roll-halted 0 > signal 0 with 15");
    rig_free(rig);

    rig = running(2, 0, 1);
    roll(rig);
    rig_replace(rig, 0);
    EXPECT(rig, INPUT_UNRESPONSIVE, 0, 0,
           "unresponsive 0, asked 1, roll-halted 0 > signal 0 with 15");
    rig_leave(rig, 0, EXIT_0);
    assert_string_equal(rig->text, "starting 0 > bury 0, spawn 0");
    rig_free(rig);

    rig = running(2, 0, 1);
    roll(rig);
    rig_leave(rig, 0, SIGTERM);
    EXPECT(rig, INPUT_SPAWN_FAILED, 0, EAGAIN, "spawn-failed 0, backoff 0"); // it comes back
    (void)rig_wait(rig);
    assert_string_equal(rig->text, "starting 0 > spawn 0");
    EXPECT(rig, INPUT_SPAWN_FAILED, 0, EACCES, "spawn-failed 0, asked 1, roll-halted 0, backoff 0");
    rig_free(rig);
}

static void a_crash_of_another_does_not_halt(void **state)
{
    (void)state;
    struct rig *rig = running(3, 0, 1);
    roll(rig);
    EXPECT(rig, INPUT_EXITED, 1, EXIT_1, "exited 1, asked 1"); // it is restarted for the roll, then
    expect_flags(rig, 1, RECORD_RESTART | RECORD_ROLLED);
    rig_free(rig);
}

static void extra_ones_serve_meanwhile(void **state)
{
    (void)state;
    struct rig *rig = checked(2, 1, 0);
    EXPECT(rig, INPUT_ROLL, 0, 0, "asked 0, placed 2, starting 2 > spawn 2");
    EXPECT(rig, INPUT_ROLL, 1, 0, "asked 1");
    EXPECT(rig, INPUT_ROLL, 2, 0, ""); // new as it is
    rig_step(rig, INPUT_SPAWNED, 2, 102);
    EXPECT(rig, INPUT_READY, 2, 0, "ready 2, stopping 0 > signal 0 with 15");
    rig_replace(rig, 0);
    EXPECT(rig, INPUT_PLAN, 0, 0, "");
    EXPECT(rig, INPUT_READY, 0, 0, "ready 0, stopping 1 > signal 1 with 15");
    rig_replace(rig, 1);
    EXPECT(rig, INPUT_READY, 1, 0, "ready 1, stopping 2 > signal 2 with 15");
    rig_leave(rig, 2, SIGTERM);
    assert_string_equal(rig->text, "finished 2, removed 2 > bury 2");
    rig_free(rig);
}

static void an_extra_one_that_fails_halts(void **state)
{
    (void)state;
    struct rig *rig = checked(2, 1, 0);
    roll(rig);
    rig_step(rig, INPUT_SPAWNED, 2, 102);
    EXPECT(rig, INPUT_EXITED, 2, EXIT_1, "exited 2, asked 0, asked 1, roll-halted 2, asked 2");
    assert_int_equal(process_of(rig, 2)->flags & RECORD_WANTED, 0);
    EXPECT(rig, INPUT_EMPTIED, 2, 0, "finished 2, removed 2 > bury 2");
    rig_free(rig);
}

// The extra one goes when it is not needed any more, not when the roll is over.
static void after_a_halt_nobody_is_missed(void **state)
{
    (void)state;
    struct rig *rig = checked(2, 1, 0);
    roll(rig);
    rig_step(rig, INPUT_SPAWNED, 2, 102);
    rig_step(rig, INPUT_READY, 2, 0);
    rig_replace(rig, 0);
    EXPECT(rig, INPUT_EXITED, 0, EXIT_1, "exited 0, asked 1, roll-halted 0");
    rig_step(rig, INPUT_EMPTIED, 0, 0);
    rig_step(rig, INPUT_SPAWNED, 0, 103);
    EXPECT(rig, INPUT_READY, 0, 0, "ready 0, stopping 2 > signal 2 with 15");
    rig_free(rig);
}

static void without_an_extra_one_one_is_missing(void **state)
{
    (void)state;
    struct rig *rig = rig_new(2, LIMIT_PROCESSES - 2); // no place is left for it
    rig->types[0].policy.roll_surge = 1;
    rig->types[0].policy.roll_max_unavailable = 0;
    rig_run(rig);
    EXPECT(rig, INPUT_ROLL, 0, 0, "asked 0, stopping 0 > signal 0 with 15");
    rig_free(rig);

    rig = checked(2, 1, 0); // somebody has stopped it
    EXPECT(rig, INPUT_ROLL, 0, 0, "asked 0, placed 2, starting 2 > spawn 2");
    rig_step(rig, INPUT_HALT, 2, 0);
    EXPECT(rig, INPUT_SPAWN_FAILED, 2, ENOENT,
           "spawn-failed 2, finished 2, stopping 0 > signal 0 with 15");
    rig_free(rig);
}

static void extra_ones_take_nobodys_place(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, LIMIT_PROCESSES - 2);
    rig->types[0].policy.roll_surge = 5;
    rig_run(rig);
    EXPECT(rig, INPUT_ROLL, 0, 0,
           "asked 0, placed 8191, starting 8191, stopping 0 > spawn 8191, signal 0 with 15");
    rig_scale(rig, 1, LIMIT_PROCESSES); // more than there are places: numbers stay in bounds
    rig_scale(rig, LIMIT_PROCESSES, 0);
    assert_int_equal(supervisor_slot_count(rig->supervisor), LIMIT_PROCESSES);
    rig_free(rig);
}

static void scaling_goes_on_beside(void **state)
{
    (void)state;
    struct rig *rig = checked(3, 0, 1);
    roll(rig);
    rig_scale(rig, 4, 0);
    assert_string_equal(rig->text, "placed 3, starting 3 > spawn 3");
    rig_step(rig, INPUT_SPAWNED, 3, 103);
    rig_replace(rig, 0);
    EXPECT(rig, INPUT_READY, 0, 0, "ready 0"); // the new one is missing, too
    EXPECT(rig, INPUT_READY, 3, 0, "ready 3, stopping 1 > signal 1 with 15");
    rig_scale(rig, 2, 0);
    assert_string_equal(rig->text, "stopping 2, stopping 3 > signal 2 with 15, signal 3 with 15");
    assert_int_equal(process_of(rig, 2)->flags, RECORD_ASKED); // no mark is left on it
    assert_int_equal(process_of(rig, 0)->pid, 200);
    rig_replace(rig, 1);
    EXPECT(rig, INPUT_READY, 1, 0, "ready 1");
    rig_free(rig);
}

static void requests_take_marks_away(void **state)
{
    (void)state;
    struct rig *rig = checked(4, 0, 1);
    roll(rig);
    EXPECT(rig, INPUT_HALT, 3, 0, "stopping 3 > signal 3 with 15");
    expect_flags(rig, 3, RECORD_ASKED);
    rig_leave(rig, 3, SIGTERM);
    EXPECT(rig, INPUT_RESTART, 2, 0, "stopping 2 > signal 2 with 15"); // at once: insisted
    expect_flags(rig, 2, RECORD_RESTART);
    EXPECT(rig, INPUT_START, 1, 0, ""); // it runs
    expect_flags(rig, 1, RECORD_ROLL);
    EXPECT(rig, INPUT_START, 0, 0, "asked 0"); // it is being restarted already
    expect_flags(rig, 0, RECORD_RESTART);
    rig_leave(rig, 0, SIGTERM);
    rig_step(rig, INPUT_SPAWNED, 0, 100);
    EXPECT(rig, INPUT_EXITED, 0, EXIT_1, "exited 0"); // nobody speaks of a roll
    rig_free(rig);
}

static void a_stop_ends_all_rolls(void **state)
{
    (void)state;
    struct rig *rig = checked(2, 1, 1);
    roll(rig);
    rig_step(rig, INPUT_STOP, 0, SIGTERM);
    for (unsigned slot = 0; slot < 3; slot++)
        expect_flags(rig, slot, RECORD_ASKED);
    rig_free(rig);
}

static void a_second_roll_is_for_all_again(void **state)
{
    (void)state;
    struct rig *rig = running(2, 0, 1);
    roll(rig);
    rig_replace(rig, 0);
    EXPECT(rig, INPUT_ROLL, 0, 0, "asked 0");
    (void)rig_wait(rig);
    assert_string_equal(rig->text, "asked 0, stopping 0 > signal 0 with 15");
    rig_replace(rig, 0);
    (void)rig_wait(rig);
    assert_string_equal(rig->text, "asked 0, stopping 1 > signal 1 with 15");
    rig_free(rig);
}

static void the_next_supervisor_goes_on(void **state)
{
    (void)state;
    struct rig *rig = checked(2, 1, 0);
    struct journal *journal = calloc(1, sizeof(*journal));
    assert_non_null(journal);
    roll(rig);
    rig_step(rig, INPUT_SPAWNED, 2, 102);
    rig_step(rig, INPUT_READY, 2, 0);
    rig_write_all(rig, journal);
    rig_restore(rig, &journal->snapshot);
    assert_string_equal(rig->text, ""); // with the extra one, which is still wanted
    rig_replace(rig, 0);
    EXPECT(rig, INPUT_READY, 0, 0, "ready 0, stopping 1 > signal 1 with 15");
    rig_replace(rig, 1);
    EXPECT(rig, INPUT_READY, 1, 0, "ready 1, stopping 2 > signal 2 with 15");
    free(journal);
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_after_the_other_each_up_for_a_second),
        cmocka_unit_test(who_is_checked_has_proven_itself_when_ready),
        cmocka_unit_test(as_many_at_a_time_as_may_be_missing),
        cmocka_unit_test(more_than_there_are_may_be_missing),
        cmocka_unit_test(who_serves_nobody_does_not_wait),
        cmocka_unit_test(a_spawn_by_the_old_plan_may_fail),
        cmocka_unit_test(who_is_finished_is_started),
        cmocka_unit_test(who_ends_well_does_not_halt),
        cmocka_unit_test(the_first_crash_halts),
        cmocka_unit_test(other_failures_halt_as_well),
        cmocka_unit_test(a_crash_of_another_does_not_halt),
        cmocka_unit_test(extra_ones_serve_meanwhile),
        cmocka_unit_test(an_extra_one_that_fails_halts),
        cmocka_unit_test(after_a_halt_nobody_is_missed),
        cmocka_unit_test(without_an_extra_one_one_is_missing),
        cmocka_unit_test(extra_ones_take_nobodys_place),
        cmocka_unit_test(scaling_goes_on_beside),
        cmocka_unit_test(requests_take_marks_away),
        cmocka_unit_test(a_stop_ends_all_rolls),
        cmocka_unit_test(a_second_roll_is_for_all_again),
        cmocka_unit_test(the_next_supervisor_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
