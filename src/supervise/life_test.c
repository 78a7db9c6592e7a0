// SPDX-License-Identifier: MIT
// One process: how it starts, crashes and is stopped.
#include "supervise/expect.h"

#include <errno.h>

static void starts_and_is_ready(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 0);
    EXPECT(rig, INPUT_PLAN, 0, 0, "placed 0, starting 0 > spawn 0");
    EXPECT(rig, INPUT_SPAWNED, 0, 77, "started 0");
    assert_int_equal(process_of(rig, 0)->state, PROCESS_READY);
    assert_int_equal(process_of(rig, 0)->pid, 77);
    assert_int_equal(process_of(rig, 0)->starts, 1);
    assert_true(rig->outcome.wake_at == NSEC_NEVER);
    rig_free(rig);
}

static void readiness_comes_goes_and_has_a_limit(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 0);
    rig->types[0].policy.waits_for_ready = true;
    rig_run(rig);
    assert_int_equal(process_of(rig, 0)->state, PROCESS_RUNNING);
    EXPECT(rig, INPUT_READY, 0, 0, "ready 0");
    EXPECT(rig, INPUT_READY, 0, 0, "");
    EXPECT(rig, INPUT_UNREADY, 0, 0, "unready 0");
    assert_int_equal(process_of(rig, 0)->state, PROCESS_RUNNING);
    EXPECT(rig, INPUT_READY, 0, 0, "ready 0");
    rig_free(rig);

    rig = rig_new(1, 0);
    rig->types[0].policy.waits_for_ready = true;
    rig->types[0].policy.boot_limit = 7 * NSEC_PER_SEC;
    rig_run(rig);
    assert_true(rig_wait(rig) == 7 * NSEC_PER_SEC);
    assert_string_equal(rig->text, "boot-expired 0 > signal 0 with 15");
    EXPECT(rig, INPUT_EXITED, 0, SIGTERM, "exited 0");
    EXPECT(rig, INPUT_EMPTIED, 0, 0, "starting 0 > bury 0, spawn 0");
    assert_int_equal(process_of(rig, 0)->crashes, 1);
    rig_free(rig);
}

// What follows an exit with `status` under `mode`, from EMPTIED on.
static void expect_after_exit(enum restart_mode mode, int status, const char *wanted)
{
    struct rig *rig = rig_new(1, 1);
    rig->types[0].policy.restart = mode;
    rig_run(rig);
    EXPECT(rig, INPUT_EXITED, 0, status, "exited 0");
    EXPECT(rig, INPUT_EMPTIED, 0, 0, wanted);
    rig_free(rig);
}

static void restarts_by_policy(void **state)
{
    (void)state;
    const char *again = "starting 0 > bury 0, spawn 0", *over = "finished 0 > bury 0";
    expect_after_exit(RESTART_ALWAYS, EXIT_0, again);
    expect_after_exit(RESTART_ALWAYS, EXIT_1, again);
    expect_after_exit(RESTART_ALWAYS, SIGSEGV, again);
    expect_after_exit(RESTART_ON_FAILURE, EXIT_0, over);
    expect_after_exit(RESTART_ON_FAILURE, EXIT_1, again);
    expect_after_exit(RESTART_ON_FAILURE, SIGSEGV, again);
    expect_after_exit(RESTART_NEVER, EXIT_0, over);
    expect_after_exit(RESTART_NEVER, EXIT_1, over);
    expect_after_exit(RESTART_NEVER, SIGKILL, over);
}

static void who_crashes_once_a_day_is_restarted_at_once_for_a_year(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 0);
    rig_run(rig);
    for (int day = 0; day < 365; day++) {
        rig->now += 24 * 3600 * NSEC_PER_SEC;
        EXPECT(rig, INPUT_EXITED, 0, EXIT_1, "exited 0");
        EXPECT(rig, INPUT_EMPTIED, 0, 0, "starting 0 > bury 0, spawn 0");
        assert_int_equal(process_of(rig, 0)->crashes, 1);
        EXPECT(rig, INPUT_SPAWNED, 0, 1000 + day, "started 0");
    }
    rig_free(rig);
}

static void a_restart_by_hand_is_no_crash(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 0);
    rig_run(rig);
    EXPECT(rig, INPUT_RESTART, 0, 0, "stopping 0 > signal 0 with 15");
    EXPECT(rig, INPUT_RESTART, 0, 0, "");
    EXPECT(rig, INPUT_EXITED, 0, SIGTERM, "exited 0");
    EXPECT(rig, INPUT_EMPTIED, 0, 0, "starting 0 > bury 0, spawn 0");
    EXPECT(rig, INPUT_RESTART, 0, 0, ""); // it is about to be new
    rig_step(rig, INPUT_SPAWNED, 0, 101);
    assert_int_equal(process_of(rig, 0)->crashes, 0);
    assert_int_equal(process_of(rig, 0)->flags, RECORD_WANTED);
    rig_free(rig);
}

static void a_restart_by_hand_clears_a_pause(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 0);
    rig_run(rig);
    for (int crash = 0; crash < 2; crash++) {
        rig_step(rig, INPUT_SPAWNED, 0, 101);
        rig_step(rig, INPUT_EXITED, 0, EXIT_1);
        rig_step(rig, INPUT_EMPTIED, 0, 0);
    }
    assert_string_equal(rig->text, "backoff 0 > bury 0");
    EXPECT(rig, INPUT_RESTART, 0, 0, "starting 0 > spawn 0");
    assert_int_equal(process_of(rig, 0)->crashes, 0);
    rig_free(rig);
}

static void a_finished_process_can_be_restarted(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 1);
    rig->types[0].policy.restart = RESTART_NEVER;
    rig_run(rig);
    rig_step(rig, INPUT_EXITED, 0, EXIT_0);
    EXPECT(rig, INPUT_EMPTIED, 0, 0, "finished 0 > bury 0");
    EXPECT(rig, INPUT_RESTART, 0, 0, "starting 0 > spawn 0");
    rig_free(rig);
}

static void stops_with_its_signal_then_kills(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 0);
    rig->types[0].policy.stop_signal = SIGQUIT;
    rig->types[0].policy.stop_grace = 3 * NSEC_PER_SEC;
    rig_run(rig);
    EXPECT(rig, INPUT_STOP, 0, SIGTERM, "formation-stopping, stopping 0 > signal 0 with 3");
    assert_true(rig_wait(rig) == NSEC_PER_SEC);
    assert_string_equal(rig->text, "formation-waiting");
    assert_true(rig_wait(rig) == 2 * NSEC_PER_SEC);
    assert_string_equal(rig->text, "killing 0 > kill tree 0");
    EXPECT(rig, INPUT_EXITED, 0, SIGKILL, "exited 0");
    EXPECT(rig, INPUT_EMPTIED, 0, 0, "finished 0, formation-ended > bury 0, end 0");
    rig_free(rig);
}

static void kills_again_and_gives_up_at_last(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 0);
    rig->types[0].policy.stop_grace = 0;
    rig_run(rig);
    EXPECT(rig, INPUT_STOP, 0, SIGTERM, "formation-stopping, stopping 0 > signal 0 with 15");
    (void)rig_wait(rig);
    assert_string_equal(rig->text, "killing 0 > kill tree 0");
    nsec_t began = rig->now;
    for (unsigned kills = 2; kills <= 5;) {
        (void)rig_wait(rig);
        if (!strstr(rig->text, "killing 0"))
            continue;
        assert_true(rig->now - began == (kills - 1) * NSEC_PER_SEC);
        assert_int_equal(process_of(rig, 0)->kills, kills++);
    }
    do {
        (void)rig_wait(rig);
    } while (!strstr(rig->text, "abandoned"));
    assert_string_equal(rig->text, "abandoned 0, finished 0, formation-ended > end 0");
    assert_int_equal(rig->outcome.events[0].detail, 100); // its pid, for people
    assert_true(rig->now - began == 5 * NSEC_PER_SEC);
    rig_free(rig);
}

static void nobody_is_given_up_while_the_formation_runs(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 0);
    rig_run(rig);
    EXPECT(rig, INPUT_RESTART, 0, 0, "stopping 0 > signal 0 with 15");
    for (unsigned kills = 1; kills <= 20; kills++) {
        (void)rig_wait(rig);
        assert_string_equal(rig->text, "killing 0 > kill tree 0");
    }
    EXPECT(rig, INPUT_EXITED, 0, SIGKILL, "exited 0");
    EXPECT(rig, INPUT_EMPTIED, 0, 0, "starting 0 > bury 0, spawn 0");
    assert_int_equal(process_of(rig, 0)->kills, 0);
    assert_int_equal(process_of(rig, 0)->flags, RECORD_WANTED); // KILLED with the rest is gone
    EXPECT(rig, INPUT_SPAWNED, 0, 101, "started 0");
    rig_free(rig);
}

static void what_is_left_of_a_tree_goes_before_the_next(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 0);
    rig_run(rig);
    EXPECT(rig, INPUT_EXITED, 0, EXIT_0, "exited 0");
    EXPECT(rig, INPUT_LEFT, 0, 2, "left 0 > signal tree 0 with 15");
    assert_true(rig_wait(rig) == rig->types[0].policy.stop_grace);
    assert_string_equal(rig->text, "killing 0 > kill tree 0");
    EXPECT(rig, INPUT_LEFT, 0, 1, "left 0"); // no polite signal any more
    EXPECT(rig, INPUT_EMPTIED, 0, 0, "starting 0 > bury 0, spawn 0");
    rig_free(rig);
}

static void the_rest_of_a_tree_has_the_rest_of_the_grace(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 0);
    rig_run(rig);
    EXPECT(rig, INPUT_STOP, 0, SIGTERM, "formation-stopping, stopping 0 > signal 0 with 15");
    nsec_t end = rig->now + rig->types[0].policy.stop_grace;
    rig->now += 4 * NSEC_PER_SEC;
    EXPECT(rig, INPUT_EXITED, 0, EXIT_0, "exited 0");
    assert_true(process_of(rig, 0)->deadline == end);
    rig_free(rig);
}

static void a_stop_waits_for_the_pid(void **state)
{
    (void)state;
    struct rig *rig = rig_new(2, 0);
    EXPECT(rig, INPUT_PLAN, 0, 0, "placed 0, starting 0, placed 1, starting 1 > spawn 0, spawn 1");
    EXPECT(rig, INPUT_STOP, 0, SIGINT, "formation-stopping, asked 0, asked 1");
    EXPECT(rig, INPUT_SPAWNED, 0, 100, "started 0, stopping 0 > signal 0 with 15");
    rig->now += 100 * NSEC_PER_MSEC;
    EXPECT(rig, INPUT_STOP, 0, SIGINT, "formation-killing, killing 0, asked 1 > kill tree 0");
    EXPECT(rig, INPUT_SPAWNED, 1, 101, "started 1, killing 1 > kill tree 1");
    rig_free(rig);
}

static void a_spawn_that_fails_is_no_more_to_be_stopped(void **state)
{
    (void)state;
    struct rig *rig = rig_new(2, 0);
    rig_step(rig, INPUT_PLAN, 0, 0);
    EXPECT(rig, INPUT_STOP, 0, SIGTERM, "formation-stopping, asked 0, asked 1");
    EXPECT(rig, INPUT_SPAWN_FAILED, 0, EAGAIN, "spawn-failed 0, finished 0");
    EXPECT(rig, INPUT_SPAWN_FAILED, 1, ECANCELED,
           "spawn-failed 1, finished 1, formation-ended > end 0");
    rig_free(rig);
}

static void a_halt_stays(void **state)
{
    (void)state;
    struct rig *rig = rig_new(2, 0);
    rig_run(rig);
    EXPECT(rig, INPUT_HALT, 0, 0, "stopping 0 > signal 0 with 15");
    EXPECT(rig, INPUT_HALT, 0, 0, "");
    EXPECT(rig, INPUT_EXITED, 0, EXIT_1, "exited 0");
    EXPECT(rig, INPUT_EMPTIED, 0, 0, "finished 0 > bury 0");
    assert_int_equal(process_of(rig, 0)->flags, RECORD_WANTED | RECORD_ASKED);
    EXPECT(rig, INPUT_HALT, 0, 0, "");
    EXPECT(rig, INPUT_UNRESPONSIVE, 0, 0, "");
    EXPECT(rig, INPUT_START, 0, 0, "starting 0 > spawn 0");
    assert_int_equal(process_of(rig, 0)->flags, RECORD_WANTED);
    rig_free(rig);
}

static void a_halt_of_whom_does_not_run(void **state)
{
    (void)state;
    struct rig *rig = rig_new(4, 0);
    rig->types[0].policy.restart = RESTART_ON_FAILURE;
    rig_run(rig);
    rig_leave(rig, 0, EXIT_1);
    rig_step(rig, INPUT_SPAWN_FAILED, 0, ENOENT);
    EXPECT(rig, INPUT_HALT, 0, 0, "finished 0"); // in its pause
    assert_int_equal(process_of(rig, 0)->flags & RECORD_ASKED, RECORD_ASKED);
    rig_leave(rig, 1, EXIT_0);
    assert_string_equal(rig->text, "finished 1 > bury 1");
    EXPECT(rig, INPUT_HALT, 1, 0, "asked 1"); // it had done its work
    rig_leave(rig, 2, EXIT_1);
    EXPECT(rig, INPUT_HALT, 2, 0, "asked 2"); // its pid is not known yet
    EXPECT(rig, INPUT_SPAWNED, 2, 102, "started 2, stopping 2 > signal 2 with 15");
    rig_step(rig, INPUT_EXITED, 3, EXIT_1);
    EXPECT(rig, INPUT_HALT, 3, 0, "asked 3"); // the rest of its tree lives
    EXPECT(rig, INPUT_EMPTIED, 3, 0, "finished 3 > bury 3");
    rig_free(rig);
}

static void a_halt_takes_back_a_restart(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 0);
    rig_run(rig);
    rig_step(rig, INPUT_RESTART, 0, 0);
    EXPECT(rig, INPUT_HALT, 0, 0, "asked 0");
    rig_leave(rig, 0, SIGTERM);
    assert_string_equal(rig->text, "finished 0 > bury 0");
    rig_free(rig);
}

static void a_start_is_for_whom_does_not_run(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 0);
    rig_run(rig);
    EXPECT(rig, INPUT_START, 0, 0, "");
    for (int crash = 0; crash < 2; crash++) {
        rig_leave(rig, 0, EXIT_1);
        if (crash == 0)
            rig_step(rig, INPUT_SPAWNED, 0, 101);
    }
    assert_int_equal(process_of(rig, 0)->state, PROCESS_BACKOFF);
    EXPECT(rig, INPUT_START, 0, 0, "starting 0 > spawn 0");
    assert_int_equal(process_of(rig, 0)->crashes, 0);
    rig_step(rig, INPUT_SPAWNED, 0, 102);
    rig_step(rig, INPUT_HALT, 0, 0);
    EXPECT(rig, INPUT_START, 0, 0, "asked 0"); // again, once it has stopped
    EXPECT(rig, INPUT_EXITED, 0, SIGTERM, "exited 0");
    EXPECT(rig, INPUT_HALT, 0, 0, "asked 0");
    EXPECT(rig, INPUT_START, 0, 0, "asked 0");
    EXPECT(rig, INPUT_EMPTIED, 0, 0, "starting 0 > bury 0, spawn 0");
    EXPECT(rig, INPUT_HALT, 0, 0, "asked 0");
    EXPECT(rig, INPUT_START, 0, 0, "asked 0");
    EXPECT(rig, INPUT_SPAWNED, 0, 103, "started 0");
    rig_free(rig);
}

static void requests_end_with_the_formation(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 0);
    rig_run(rig);
    rig_step(rig, INPUT_STOP, 0, SIGTERM);
    EXPECT(rig, INPUT_START, 0, 0, "");
    EXPECT(rig, INPUT_HALT, 0, 0, "");
    EXPECT(rig, INPUT_ROLL, 0, 0, "");
    EXPECT(rig, INPUT_RESTART, 0, 0, "");
    EXPECT(rig, INPUT_UNRESPONSIVE, 0, 0, "");
    rig_leave(rig, 0, SIGTERM);
    assert_string_equal(rig->text, "finished 0, formation-ended > bury 0, end 0");
    rig_free(rig);
}

// It may end with 0 when it is told to stop: a failure all the same.
static void who_is_unresponsive_has_crashed(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 0);
    rig->types[0].policy.restart = RESTART_ON_FAILURE;
    rig_run(rig);
    EXPECT(rig, INPUT_UNRESPONSIVE, 0, 0, "unresponsive 0 > signal 0 with 15");
    assert_int_equal(rig->outcome.events[0].detail, SIGTERM);
    EXPECT(rig, INPUT_UNRESPONSIVE, 0, 0, "");
    assert_true(rig_wait(rig) == rig->types[0].policy.stop_grace);
    assert_string_equal(rig->text, "killing 0 > kill tree 0");
    EXPECT(rig, INPUT_EXITED, 0, EXIT_0, "exited 0");
    EXPECT(rig, INPUT_EMPTIED, 0, 0, "starting 0 > bury 0, spawn 0");
    assert_int_equal(process_of(rig, 0)->crashes, 1);
    assert_int_equal(process_of(rig, 0)->flags, RECORD_WANTED);
    rig_free(rig);
}

static void who_boots_too_long_has_crashed(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 0);
    rig->types[0].policy.restart = RESTART_ON_FAILURE;
    rig->types[0].policy.waits_for_ready = true;
    rig_run(rig);
    (void)rig_wait(rig);
    assert_string_equal(rig->text, "boot-expired 0 > signal 0 with 15");
    rig_leave(rig, 0, EXIT_0);
    assert_string_equal(rig->text, "starting 0 > bury 0, spawn 0");
    rig_free(rig);
}

static void a_boot_limit_may_be_put_off(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 0);
    rig->types[0].policy.waits_for_ready = true;
    rig->types[0].policy.boot_limit = 7 * NSEC_PER_SEC;
    rig_run(rig);
    nsec_t began_at = rig->now;
    EXPECT(rig, INPUT_EXTEND, 0, 6000, ""); // it has more than that
    EXPECT(rig, INPUT_EXTEND, 0, 60000, "asked 0");
    assert_true(process_of(rig, 0)->deadline == began_at + 60 * NSEC_PER_SEC);
    assert_true(rig_wait(rig) == 60 * NSEC_PER_SEC);
    assert_string_equal(rig->text, "boot-expired 0 > signal 0 with 15");
    EXPECT(rig, INPUT_EXTEND, 0, 60000, ""); // of the grace there is no more
    rig_free(rig);

    rig = rig_new(1, 0);
    rig_run(rig);
    EXPECT(rig, INPUT_EXTEND, 0, 60000, ""); // without a limit, and ready
    rig_free(rig);
}

static void late_news_change_nothing(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 0);
    rig_run(rig);
    struct input late = {.kind = INPUT_SPAWNED, .slot = 0, .token = 0, .value = 5};
    rig_feed(rig, late);
    assert_string_equal(rig->text, "");
    EXPECT(rig, INPUT_SPAWNED, 0, 5, ""); // told twice
    EXPECT(rig, INPUT_SPAWN_FAILED, 0, ENOENT, "");
    EXPECT(rig, INPUT_LEFT, 0, 1, "");
    EXPECT(rig, INPUT_EMPTIED, 0, 0, "");
    EXPECT(rig, INPUT_EXITED, 9, 0, ""); // no such slot
    EXPECT(rig, INPUT_EXITED, 0, EXIT_1, "exited 0");
    EXPECT(rig, INPUT_EXITED, 0, EXIT_3, "");
    assert_int_equal(process_of(rig, 0)->exit_status, EXIT_1);
    rig_step(rig, INPUT_EMPTIED, 0, 0); // starting again
    late = (struct input){.kind = INPUT_SPAWN_FAILED, .slot = 0, .token = 1, .value = ENOENT};
    rig_feed(rig, late);
    assert_string_equal(rig->text, "");
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_and_is_ready),
        cmocka_unit_test(readiness_comes_goes_and_has_a_limit),
        cmocka_unit_test(restarts_by_policy),
        cmocka_unit_test(who_crashes_once_a_day_is_restarted_at_once_for_a_year),
        cmocka_unit_test(a_restart_by_hand_is_no_crash),
        cmocka_unit_test(a_restart_by_hand_clears_a_pause),
        cmocka_unit_test(a_finished_process_can_be_restarted),
        cmocka_unit_test(stops_with_its_signal_then_kills),
        cmocka_unit_test(kills_again_and_gives_up_at_last),
        cmocka_unit_test(nobody_is_given_up_while_the_formation_runs),
        cmocka_unit_test(what_is_left_of_a_tree_goes_before_the_next),
        cmocka_unit_test(the_rest_of_a_tree_has_the_rest_of_the_grace),
        cmocka_unit_test(a_stop_waits_for_the_pid),
        cmocka_unit_test(a_spawn_that_fails_is_no_more_to_be_stopped),
        cmocka_unit_test(a_halt_stays),
        cmocka_unit_test(a_halt_of_whom_does_not_run),
        cmocka_unit_test(a_halt_takes_back_a_restart),
        cmocka_unit_test(a_start_is_for_whom_does_not_run),
        cmocka_unit_test(requests_end_with_the_formation),
        cmocka_unit_test(who_is_unresponsive_has_crashed),
        cmocka_unit_test(who_boots_too_long_has_crashed),
        cmocka_unit_test(a_boot_limit_may_be_put_off),
        cmocka_unit_test(late_news_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
