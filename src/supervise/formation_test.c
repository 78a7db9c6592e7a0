// SPDX-License-Identifier: MIT
// All processes together: scaling, the end of a formation, and its exit status.
#include "supervise/expect.h"

#include <errno.h>

static void expect_process(const struct rig *rig, unsigned slot, unsigned type, unsigned number)
{
    assert_int_equal(process_of(rig, slot)->id.type, type);
    assert_int_equal(process_of(rig, slot)->id.number, number);
}

static void scaling_adds_the_lowest_and_removes_the_highest(void **state)
{
    (void)state;
    struct rig *rig = rig_new(2, 1);
    EXPECT(rig, INPUT_PLAN, 0, 0,
           "placed 0, starting 0, placed 1, starting 1, placed 2, starting 2 > "
           "spawn 0, spawn 1, spawn 2");
    rig_run(rig);
    EXPECT(rig, INPUT_PLAN, 0, 0, ""); // nothing new
    rig_scale(rig, 1, 3);
    assert_string_equal(rig->text, "stopping 1, placed 3, starting 3, placed 4, starting 4 > "
                                   "signal 1 with 15, spawn 3, spawn 4");
    expect_process(rig, 3, 1, 2);
    expect_process(rig, 4, 1, 3);
    EXPECT(rig, INPUT_EXITED, 1, EXIT_0, "exited 1");
    EXPECT(rig, INPUT_EMPTIED, 1, 0, "finished 1, removed 1 > bury 1");
    rig_scale(rig, 3, 3);
    assert_string_equal(rig->text, "placed 1, starting 1, placed 5, starting 5 > spawn 1, spawn 5");
    expect_process(rig, 1, 0, 2); // the lowest numbers, in the first vacant places
    expect_process(rig, 5, 0, 3);
    assert_int_equal(process_of(rig, 1)->token, 2); // never one that was used
    rig_free(rig);
}

static void scaled_to_nothing_it_waits(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 0);
    rig_run(rig);
    rig_scale(rig, 0, 0);
    rig_leave(rig, 0, EXIT_0);
    assert_string_equal(rig->text, "finished 0, removed 0 > bury 0");
    assert_int_equal(supervisor_formation(rig->supervisor)->phase, FORMATION_RUNNING);
    rig_scale(rig, 0, 1);
    assert_string_equal(rig->text, "placed 0, starting 0 > spawn 0");
    EXPECT(rig, INPUT_STOP, 0, SIGTERM, "formation-stopping, asked 0");
    rig_free(rig);
}

static void who_is_wanted_again_starts_again(void **state)
{
    (void)state;
    struct rig *rig = rig_new(2, 0);
    rig_run(rig);
    rig_scale(rig, 1, 0);
    rig_scale(rig, 2, 0);
    assert_string_equal(rig->text, "asked 1, placed 1");
    rig_leave(rig, 1, SIGTERM);
    assert_string_equal(rig->text, "starting 1 > bury 1, spawn 1");
    rig_scale(rig, 1, 0); // and while its pid is not known yet
    rig_scale(rig, 2, 0);
    EXPECT(rig, INPUT_SPAWNED, 1, 109, "started 1");
    rig_free(rig);
}

static void places_that_are_missing_are_given_later(void **state)
{
    (void)state;
    struct rig *rig = rig_new(LIMIT_PROCESSES, 0);
    rig_run(rig);
    rig_scale(rig, LIMIT_PROCESSES - 1, 1);
    assert_string_equal(rig->text, "stopping 8191 > signal 8191 with 15");
    EXPECT(rig, INPUT_EXITED, 8191, EXIT_0, "exited 8191");
    EXPECT(rig, INPUT_EMPTIED, 8191, 0,
           "finished 8191, removed 8191, placed 8191, starting 8191 > bury 8191, spawn 8191");
    expect_process(rig, 8191, 1, 1);
    rig_free(rig);
}

// Eight thousand that wait for their next start make room for as many others, all in one step.
static void the_largest_step_is_no_problem(void **state)
{
    (void)state;
    struct rig *rig = rig_new(LIMIT_PROCESSES, 0);
    rig->types[0].policy.roll_max_unavailable = LIMIT_PROCESSES;
    rig_step(rig, INPUT_PLAN, 0, 0);
    for (unsigned slot = 0; slot < LIMIT_PROCESSES; slot++)
        rig_step(rig, INPUT_SPAWN_FAILED, slot, EAGAIN);
    rig_scale(rig, 0, LIMIT_PROCESSES);
    assert_int_equal(rig->outcome.event_count, 4 * LIMIT_PROCESSES); // finished … starting
    assert_int_equal(rig->outcome.action_count, LIMIT_PROCESSES);
    rig_free(rig);
}

static void who_is_not_checked_any_more_is_ready(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 0);
    rig->types[0].policy.waits_for_ready = true;
    rig_run(rig);
    rig->types[0].policy.waits_for_ready = false;
    EXPECT(rig, INPUT_PLAN, 0, 0, "ready 0");
    assert_true(process_of(rig, 0)->deadline == NSEC_NEVER);
    rig_free(rig);
}

static void a_halted_formation_waits(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 1);
    rig->types[0].policy.restart = RESTART_NEVER;
    rig_run(rig);
    rig_step(rig, INPUT_HALT, 1, 0);
    rig_leave(rig, 1, SIGTERM);
    rig_leave(rig, 0, EXIT_0);
    assert_string_equal(rig->text, "finished 0 > bury 0");
    EXPECT(rig, INPUT_PLAN, 0, 0, ""); // wants it, and does not start it
    rig_scale(rig, 1, 2);
    assert_string_equal(rig->text, "placed 2, starting 2 > spawn 2");
    rig_step(rig, INPUT_SPAWNED, 2, 102);
    rig_scale(rig, 1, 0); // what was halted may be removed
    assert_string_equal(rig->text, "removed 1, stopping 2 > signal 2 with 15");
    rig_leave(rig, 2, EXIT_0);
    assert_string_equal(rig->text, "finished 2, removed 2, formation-ended > bury 2, end 0");
    rig_free(rig);
}

static void who_is_halted_and_removed_is_removed(void **state)
{
    (void)state;
    struct rig *rig = rig_new(2, 0);
    rig_run(rig);
    rig_step(rig, INPUT_HALT, 1, 0);
    rig_scale(rig, 1, 0);
    assert_string_equal(rig->text, "asked 1"); // it is stopping, and now for good
    rig_leave(rig, 1, SIGTERM);
    assert_string_equal(rig->text, "finished 1, removed 1 > bury 1");
    rig_free(rig);
}

static void a_stop_that_was_asked_for_ends_with_0(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 1);
    rig_run(rig);
    EXPECT(rig, INPUT_STOP, 0, SIGTERM,
           "formation-stopping, stopping 0, stopping 1 > signal 0 with 15, signal 1 with 15");
    EXPECT(rig, INPUT_STOP, 0, SIGTERM, ""); // SIGTERM may be repeated
    rig_leave(rig, 0, EXIT_3);
    assert_string_equal(rig->text, "finished 0 > bury 0");
    EXPECT(rig, INPUT_RESTART, 0, 0, "");
    rig_scale(rig, 3, 3);
    assert_string_equal(rig->text, "");
    rig_leave(rig, 1, SIGKILL);
    assert_string_equal(rig->text, "finished 1, formation-ended > bury 1, end 0");
    EXPECT(rig, INPUT_PLAN, 0, 0, "");
    rig_free(rig);
}

static void a_second_interrupt_kills(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 1);
    rig_run(rig);
    rig_leave(rig, 1, EXIT_1);
    rig_step(rig, INPUT_SPAWNED, 1, 101);
    rig_leave(rig, 1, EXIT_1); // in its pause
    EXPECT(rig, INPUT_STOP, 0, SIGINT,
           "formation-stopping, stopping 0, finished 1 > signal 0 with 15");
    rig->now += 100 * NSEC_PER_MSEC - 1;
    EXPECT(rig, INPUT_STOP, 0, SIGINT, ""); // the same key once more, by way of a parent
    rig->now += 1;
    EXPECT(rig, INPUT_STOP, 0, SIGINT, "formation-killing, killing 0 > kill tree 0");
    EXPECT(rig, INPUT_STOP, 0, SIGINT, "");
    rig_leave(rig, 0, SIGKILL);
    assert_string_equal(rig->text, "finished 0, formation-ended > bury 0, end 130");
    rig_free(rig);
}

static void a_kill_is_at_once(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 0);
    rig_run(rig);
    EXPECT(rig, INPUT_KILL, 0, 0, "formation-killing, killing 0 > kill tree 0");
    rig_leave(rig, 0, SIGKILL);
    assert_string_equal(rig->text, "finished 0, formation-ended > bury 0, end 130");
    rig_free(rig);
}

static void who_blocks_is_named(void **state)
{
    (void)state;
    struct rig *rig = rig_new(3, 0);
    rig->types[0].policy.stop_grace = 60 * NSEC_PER_SEC;
    rig_run(rig);
    rig_step(rig, INPUT_STOP, 0, SIGTERM);
    rig_leave(rig, 1, EXIT_0);
    assert_true(rig_wait(rig) == NSEC_PER_SEC);
    assert_string_equal(rig->text, "formation-waiting");
    assert_int_equal(rig->outcome.events[0].detail, 2);
    rig_leave(rig, 0, EXIT_0);
    assert_true(rig_wait(rig) == 5 * NSEC_PER_SEC);
    assert_int_equal(rig->outcome.events[0].detail, 1);
    assert_true(rig_wait(rig) == 5 * NSEC_PER_SEC);
    rig_free(rig);
}

// Foreman's rule: any exit ends all, with its status.
static void expect_foreman(int status, const char *wanted)
{
    struct rig *rig = rig_new(2, 0);
    rig->plan.ends_at_first_exit = true;
    rig_run(rig);
    EXPECT(rig, INPUT_EXITED, 0, status,
           "exited 0, formation-stopping, asked 0, stopping 1 > signal 1 with 15");
    EXPECT(rig, INPUT_EMPTIED, 0, 0, "finished 0 > bury 0");
    rig_leave(rig, 1, SIGTERM);
    assert_string_equal(rig->text, wanted);
    rig_free(rig);
}

static void any_exit_ends_all_for_foreman(void **state)
{
    (void)state;
    expect_foreman(EXIT_0, "finished 1, formation-ended > bury 1, end 0");
    expect_foreman(EXIT_3, "finished 1, formation-ended > bury 1, end 3");
    expect_foreman(SIGSEGV, "finished 1, formation-ended > bury 1, end 139");
}

static void a_missing_program_ends_all_for_foreman(void **state)
{
    (void)state;
    struct rig *rig = rig_new(2, 0);
    rig->plan.ends_at_first_exit = true;
    rig_step(rig, INPUT_PLAN, 0, 0);
    EXPECT(rig, INPUT_SPAWN_FAILED, 0, EAGAIN, "spawn-failed 0, backoff 0"); // no exit
    rig_step(rig, INPUT_RESTART, 0, 0);
    EXPECT(rig, INPUT_SPAWN_FAILED, 0, ENOENT,
           "spawn-failed 0, formation-stopping, asked 0, asked 1, finished 0");
    EXPECT(rig, INPUT_SPAWNED, 1, 101, "started 1, stopping 1 > signal 1 with 15");
    rig_leave(rig, 1, SIGTERM);
    assert_string_equal(rig->text, "finished 1, formation-ended > bury 1, end 127");
    rig_free(rig);
}

// The first interrupt of a person finds an end that has begun by itself: it is no second one.
static void patience_begins_with_the_person(void **state)
{
    (void)state;
    struct rig *rig = rig_new(2, 0);
    rig->plan.ends_at_first_exit = true;
    rig_run(rig);
    rig_step(rig, INPUT_EXITED, 0, EXIT_3);
    rig->now += NSEC_PER_SEC / 2;
    EXPECT(rig, INPUT_STOP, 0, SIGINT, "formation-waiting");
    EXPECT(rig, INPUT_STOP, 0, SIGINT, ""); // the same key once more
    rig->now += 100 * NSEC_PER_MSEC;
    EXPECT(rig, INPUT_STOP, 0, SIGINT,
           "formation-killing, killing 0, killing 1 > kill tree 0, kill tree 1");
    rig_leave(rig, 0, EXIT_3);
    rig_leave(rig, 1, SIGKILL);
    assert_string_equal(rig->text, "finished 1, formation-ended > bury 1, end 3");
    rig_free(rig);
}

// The first that failed speaks for all, when all ended by themselves.
static void expect_status(int first, int second, const char *wanted)
{
    struct rig *rig = rig_new(2, 0);
    rig->types[0].policy.restart = RESTART_NEVER;
    rig_run(rig);
    rig_leave(rig, 1, first);
    rig->now += NSEC_PER_SEC;
    rig_leave(rig, 0, second);
    assert_string_equal(rig->text, wanted);
    rig_free(rig);
}

static void the_first_failure_is_the_status(void **state)
{
    (void)state;
    expect_status(EXIT_0, EXIT_0, "finished 0, formation-ended > bury 0, end 0");
    expect_status(EXIT_3, EXIT_1, "finished 0, formation-ended > bury 0, end 3");
    expect_status(EXIT_0, EXIT_1, "finished 0, formation-ended > bury 0, end 1");
    expect_status(SIGABRT | 0x80, EXIT_1, "finished 0, formation-ended > bury 0, end 134");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scaling_adds_the_lowest_and_removes_the_highest),
        cmocka_unit_test(scaled_to_nothing_it_waits),
        cmocka_unit_test(who_is_wanted_again_starts_again),
        cmocka_unit_test(places_that_are_missing_are_given_later),
        cmocka_unit_test(the_largest_step_is_no_problem),
        cmocka_unit_test(who_is_not_checked_any_more_is_ready),
        cmocka_unit_test(a_halted_formation_waits),
        cmocka_unit_test(who_is_halted_and_removed_is_removed),
        cmocka_unit_test(a_stop_that_was_asked_for_ends_with_0),
        cmocka_unit_test(a_second_interrupt_kills),
        cmocka_unit_test(a_kill_is_at_once),
        cmocka_unit_test(who_blocks_is_named),
        cmocka_unit_test(any_exit_ends_all_for_foreman),
        cmocka_unit_test(a_missing_program_ends_all_for_foreman),
        cmocka_unit_test(patience_begins_with_the_person),
        cmocka_unit_test(the_first_failure_is_the_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
