// SPDX-License-Identifier: MIT
// How long a process waits for its next start. The numbers are those of the manual.
#include "supervise/expect.h"

#include <errno.h>

static void crash(struct rig *rig, unsigned slot)
{
    rig_step(rig, INPUT_SPAWNED, slot, 100 + (int)slot);
    rig_step(rig, INPUT_EXITED, slot, EXIT_1);
    rig_step(rig, INPUT_EMPTIED, slot, 0);
}

static bool is_about(nsec_t pause, nsec_t wanted)
{
    return pause >= wanted - wanted / 10 && pause <= wanted + wanted / 10;
}

static void the_first_restart_is_at_once_then_pauses_double(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 0);
    nsec_t wanted = 50 * NSEC_PER_MSEC;
    rig_step(rig, INPUT_PLAN, 0, 0);
    crash(rig, 0);
    assert_string_equal(rig->text, "starting 0 > bury 0, spawn 0");
    for (unsigned crashes = 2; crashes <= 20; crashes++) {
        crash(rig, 0);
        assert_string_equal(rig->text, "backoff 0 > bury 0");
        assert_int_equal(rig->outcome.events[rig->outcome.event_count - 1].detail, crashes);
        assert_true(is_about(rig_wait(rig), wanted));
        assert_string_equal(rig->text, "starting 0 > spawn 0");
        wanted = 2 * wanted < 30 * NSEC_PER_SEC ? 2 * wanted : 30 * NSEC_PER_SEC;
    }
    assert_true(wanted == 30 * NSEC_PER_SEC);
    rig_free(rig);
}

static void pauses_are_spread(void **state)
{
    (void)state;
    nsec_t least = NSEC_NEVER, most = 0;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        struct rig *rig = rig_new(1, 0);
        rig->types[0].policy.backoff_base = 100 * NSEC_PER_MSEC;
        supervisor_reset(rig->supervisor, seed);
        rig_step(rig, INPUT_PLAN, 0, 0);
        crash(rig, 0);
        crash(rig, 0);
        nsec_t pause = rig_wait(rig);
        least = pause < least ? pause : least;
        most = pause > most ? pause : most;
        rig_free(rig);
    }
    assert_in_range(least, 90 * NSEC_PER_MSEC, 91 * NSEC_PER_MSEC);
    assert_in_range(most, 109 * NSEC_PER_MSEC, 110 * NSEC_PER_MSEC);
}

// Crashes after being ready for `life`; returns how many crashes in a row that makes.
static uint32_t crashes_after(struct rig *rig, nsec_t life)
{
    rig_step(rig, INPUT_SPAWNED, 0, 100);
    rig->now += life;
    rig_step(rig, INPUT_EXITED, 0, EXIT_1);
    rig->now += NSEC_PER_SEC; // the rest of its tree is no part of its life
    rig_step(rig, INPUT_EMPTIED, 0, 0);
    uint32_t crashes = process_of(rig, 0)->crashes;
    if (process_of(rig, 0)->state == PROCESS_BACKOFF)
        (void)rig_wait(rig);
    return crashes;
}

static void crashes_are_forgotten_after_a_long_life(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 0);
    rig_step(rig, INPUT_PLAN, 0, 0);
    for (uint32_t crashes = 1; crashes <= 3; crashes++)
        assert_int_equal(crashes_after(rig, 0), crashes);
    assert_int_equal(crashes_after(rig, 10 * NSEC_PER_SEC - 1), 4);
    assert_int_equal(crashes_after(rig, 10 * NSEC_PER_SEC), 1);
    for (uint32_t crashes = 2; crashes <= 14; crashes++)
        assert_int_equal(crashes_after(rig, 0), crashes);
    nsec_t pause = process_of(rig, 0)->pause; // about 30 s
    assert_int_equal(crashes_after(rig, 2 * pause - 1), 15);
    assert_int_equal(crashes_after(rig, 2 * process_of(rig, 0)->pause), 1);
    rig_free(rig);
}

static void only_a_ready_life_counts(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 0);
    rig->types[0].policy.waits_for_ready = true;
    rig_step(rig, INPUT_PLAN, 0, 0);
    assert_int_equal(crashes_after(rig, 0), 1);
    assert_int_equal(crashes_after(rig, 59 * NSEC_PER_SEC), 2);
    rig_free(rig);
}

static void a_refused_spawn_is_no_crash(void **state)
{
    (void)state;
    const int refusals[] = {EAGAIN, ENOMEM, EMFILE, ENFILE, EAGAIN, EAGAIN, EAGAIN, EAGAIN};
    struct rig *rig = rig_new(1, 0);
    nsec_t wanted = 50 * NSEC_PER_MSEC;
    rig_step(rig, INPUT_PLAN, 0, 0);
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        EXPECT(rig, INPUT_SPAWN_FAILED, 0, refusals[i], "spawn-failed 0, backoff 0");
        assert_true(rig_wait(rig) == wanted);
        assert_string_equal(rig->text, "starting 0 > spawn 0");
        wanted = 2 * wanted < 2 * NSEC_PER_SEC ? 2 * wanted : 2 * NSEC_PER_SEC;
    }
    assert_true(wanted == 2 * NSEC_PER_SEC);
    rig_step(rig, INPUT_SPAWNED, 0, 100);
    assert_int_equal(process_of(rig, 0)->crashes, 0);
    assert_int_equal(process_of(rig, 0)->refusals, 0);
    rig_free(rig);
}

static void a_program_that_is_missing_crashes(void **state)
{
    (void)state;
    struct rig *rig = rig_new(1, 0);
    rig_step(rig, INPUT_PLAN, 0, 0);
    EXPECT(rig, INPUT_SPAWN_FAILED, 0, ENOENT, "spawn-failed 0, backoff 0");
    assert_int_equal(process_of(rig, 0)->exit_status, 127 << 8);
    assert_true(rig_wait(rig) == 0);
    assert_string_equal(rig->text, "starting 0 > spawn 0");
    EXPECT(rig, INPUT_SPAWN_FAILED, 0, EACCES, "spawn-failed 0, backoff 0");
    assert_int_equal(process_of(rig, 0)->exit_status, 126 << 8);
    assert_true(is_about(rig_wait(rig), 50 * NSEC_PER_MSEC));
    rig_free(rig);
}

static unsigned spawns(const struct rig *rig)
{
    unsigned count = 0;
    for (size_t i = 0; i < rig->outcome.action_count; i++)
        count += rig->outcome.actions[i].kind == ACTION_SPAWN;
    return count;
}

// A thousand workers whose database is down.
static void many_crashes_share_a_budget(void **state)
{
    (void)state;
    enum { CROWD = 1000 };
    struct rig *rig = rig_new(CROWD, 0);
    unsigned at_once = 0, later = 0;
    rig_run(rig);
    for (unsigned slot = 0; slot < CROWD; slot++) {
        rig_step(rig, INPUT_EXITED, slot, EXIT_1);
        rig_step(rig, INPUT_EMPTIED, slot, 0);
        at_once += spawns(rig);
    }
    assert_int_equal(at_once, 100);
    nsec_t began = rig->now;
    while (at_once + later < CROWD) {
        (void)rig_wait(rig);
        later += spawns(rig);
        assert_true(later <= (rig->now - began) / (10 * NSEC_PER_MSEC));
    }
    assert_true(rig->now - began == 9 * NSEC_PER_SEC); // a hundred a second, none waits longer
    rig_free(rig);
}

static void the_budget_comes_back(void **state)
{
    (void)state;
    enum { CROWD = 150 };
    struct rig *rig = rig_new(CROWD, 0);
    unsigned at_once = 0;
    rig_run(rig);
    for (unsigned slot = 0; slot < CROWD; slot++) {
        if (slot == 100)
            rig->now += 300 * NSEC_PER_MSEC;
        rig_step(rig, INPUT_EXITED, slot, EXIT_1);
        rig_step(rig, INPUT_EMPTIED, slot, 0);
        at_once += spawns(rig);
    }
    assert_int_equal(at_once, 130);
    rig_free(rig);
}

// The boot of a program that was missing is paid for once, when it is tried again.
static void one_boot_is_paid_once(void **state)
{
    (void)state;
    enum { CROWD = 60 };
    struct rig *rig = rig_new(CROWD, 0);
    rig_step(rig, INPUT_PLAN, 0, 0);
    for (unsigned slot = 0; slot < CROWD; slot++)
        rig_step(rig, INPUT_SPAWN_FAILED, slot, ENOENT);
    (void)rig_wait(rig);
    assert_int_equal(spawns(rig), CROWD);
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_restart_is_at_once_then_pauses_double),
        cmocka_unit_test(pauses_are_spread),
        cmocka_unit_test(crashes_are_forgotten_after_a_long_life),
        cmocka_unit_test(only_a_ready_life_counts),
        cmocka_unit_test(a_refused_spawn_is_no_crash),
        cmocka_unit_test(a_program_that_is_missing_crashes),
        cmocka_unit_test(many_crashes_share_a_budget),
        cmocka_unit_test(the_budget_comes_back),
        cmocka_unit_test(one_boot_is_paid_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
