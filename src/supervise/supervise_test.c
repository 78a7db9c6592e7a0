// SPDX-License-Identifier: MIT
// The entrance: the same inputs give the same outcome, time is asked for, and a supervisor that is
// restored from a journal goes on where the last one died, between any two events.
#include "supervise/expect.h"

static void same_inputs_give_the_same_outcome(void **state)
{
    (void)state;
    struct rig *one = rig_new(3, 2), *other = rig_new(3, 2);
    struct random random = {.state = 5};
    rig_step(one, INPUT_PLAN, 0, 0);
    rig_step(other, INPUT_PLAN, 0, 0);
    for (unsigned i = 0; i < 2000; i++) {
        enum input_kind kind = INPUT_SPAWNED + (enum input_kind)random_below(&random, 8);
        unsigned slot = (unsigned)random_below(&random, 6);
        int value = 1 + (int)random_below(&random, 300);
        one->now = other->now = one->now + (nsec_t)random_below(&random, 2 * NSEC_PER_SEC);
        rig_step(one, INPUT_TIME, 0, 0);
        rig_step(other, INPUT_TIME, 0, 0);
        rig_step(one, kind, slot, value);
        rig_step(other, kind, slot, value);
        assert_string_equal(one->text, other->text);
        assert_true(one->outcome.wake_at == other->outcome.wake_at);
    }
    for (unsigned slot = 0; slot < supervisor_slot_count(one->supervisor); slot++)
        assert_memory_equal(process_of(one, slot), process_of(other, slot),
                            sizeof(struct process_record));
    rig_free(one);
    rig_free(other);
}

static void a_reset_supervisor_is_a_new_one(void **state)
{
    (void)state;
    struct rig *rig = rig_new(3, 0);
    rig_run(rig);
    rig_step(rig, INPUT_STOP, 0, SIGTERM);
    supervisor_reset(rig->supervisor, 1);
    assert_int_equal(supervisor_slot_count(rig->supervisor), 0);
    rig->types[0].quantity = 1;
    EXPECT(rig, INPUT_PLAN, 0, 0, "placed 0, starting 0 > spawn 0");
    assert_int_equal(process_of(rig, 0)->token, 1);
    rig_free(rig);
}

static void waking_is_never_late_and_early_does_no_harm(void **state)
{
    (void)state;
    struct rig *rig = rig_new(2, 0);
    rig->types[0].policy.waits_for_ready = true;
    rig->types[0].policy.boot_limit = 10 * NSEC_PER_SEC;
    rig_step(rig, INPUT_PLAN, 0, 0);
    assert_true(rig->outcome.wake_at == NSEC_NEVER);
    rig_step(rig, INPUT_SPAWNED, 0, 100);
    nsec_t first = rig->now + 10 * NSEC_PER_SEC;
    rig->now += NSEC_PER_SEC;
    rig_step(rig, INPUT_SPAWNED, 1, 101);
    assert_true(rig->outcome.wake_at == first);
    EXPECT(rig, INPUT_TIME, 0, 0, "");
    assert_true(rig->outcome.wake_at == first);
    rig_step(rig, INPUT_READY, 0, 0);
    EXPECT(rig, INPUT_TIME, 0, 0, "");
    assert_true(rig->outcome.wake_at == first + NSEC_PER_SEC); // that of the other one
    rig_free(rig);
}

// A life with every kind of step in it, up to a stop. Each step is one input; the world around it
// is only what a test needs: the answers are made up as the supervisor wants them.
static const struct {
    enum input_kind kind;
    unsigned slot;
    int value;
} life[] = {
    {INPUT_PLAN, 0, 0},      {INPUT_SPAWNED, 0, 100},   {INPUT_SPAWNED, 1, 101},
    {INPUT_SPAWNED, 2, 102}, {INPUT_EXITED, 0, EXIT_1}, {INPUT_EMPTIED, 0, 0},
    {INPUT_SPAWNED, 0, 103}, {INPUT_RESTART, 1, 0},     {INPUT_EXITED, 1, SIGTERM},
    {INPUT_LEFT, 1, 2},      {INPUT_EMPTIED, 1, 0},     {INPUT_STOP, 0, SIGTERM},
    {INPUT_SPAWNED, 1, 104}, {INPUT_EXITED, 0, EXIT_0}, {INPUT_EMPTIED, 0, 0},
};
enum { LIFE_STEPS = sizeof(life) / sizeof(life[0]) };

// Ends whatever lives or is still to come. Nothing may be started by that.
static void end_all(struct rig *rig)
{
    static const enum input_kind ends[] = {INPUT_SPAWNED, INPUT_EXITED, INPUT_EMPTIED};
    rig_step(rig, INPUT_STOP, 0, SIGTERM);
    for (unsigned slot = 0; slot < supervisor_slot_count(rig->supervisor); slot++)
        for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
            rig_step(rig, ends[i], slot, ends[i] == INPUT_SPAWNED ? 200 : EXIT_0);
            assert_null(strstr(rig->text, "spawn"));
        }
    assert_int_equal(supervisor_formation(rig->supervisor)->phase, FORMATION_ENDED);
    assert_int_equal(supervisor_formation(rig->supervisor)->exit_status, 0);
}

static void note(struct journal *journal, struct rig *rig)
{
    journal_append(journal, rig->outcome.events, rig->outcome.event_count);
}

static void restore(struct rig *rig, const struct journal *journal)
{
    supervisor_reset(rig->supervisor, 2);
    supervisor_restore(rig->supervisor, &journal->snapshot, &rig->plan);
}

// The manager dies before or after step `last` is in the journal.
static void die_and_restore(struct journal *journal, size_t last, bool is_written)
{
    struct rig *rig = rig_new(2, 1);
    memset(journal, 0, sizeof(*journal));
    assert_int_equal(journal_open(journal), 0);
    for (size_t i = 0; i <= last; i++) {
        rig_step(rig, life[i].kind, life[i].slot, life[i].value);
        if (i < last || is_written)
            note(journal, rig);
    }
    restore(rig, journal);
    for (unsigned slot = 0; slot < supervisor_slot_count(rig->supervisor); slot++)
        assert_memory_equal(process_of(rig, slot), &journal->snapshot.processes[slot],
                            sizeof(struct process_record));
    bool was_running = supervisor_formation(rig->supervisor)->phase == FORMATION_RUNNING;
    rig_step(rig, INPUT_PLAN, 0, 0);
    assert_int_equal(rig->outcome.event_count != 0, last == 0 && !is_written);
    if (was_running)
        assert_int_equal(supervisor_slot_count(rig->supervisor), 3);
    end_all(rig);
    rig_free(rig);
}

static void goes_on_after_any_step(void **state)
{
    (void)state;
    struct journal *journal = calloc(1, sizeof(*journal));
    assert_non_null(journal);
    for (size_t last = 0; last < LIFE_STEPS; last++) {
        die_and_restore(journal, last, false);
        die_and_restore(journal, last, true);
    }
    free(journal);
}

static void a_restored_stop_is_carried_on(void **state)
{
    (void)state;
    struct journal *journal = calloc(1, sizeof(*journal));
    assert_non_null(journal);
    struct rig *rig = rig_new(2, 0);
    assert_int_equal(journal_open(journal), 0);
    rig_step(rig, INPUT_PLAN, 0, 0);
    note(journal, rig);
    for (unsigned slot = 0; slot < 2; slot++) {
        rig_step(rig, INPUT_SPAWNED, slot, 100 + (int)slot);
        note(journal, rig);
    }
    rig_step(rig, INPUT_STOP, 0, SIGTERM);
    note(journal, rig);
    restore(rig, journal);
    EXPECT(rig, INPUT_PLAN, 0, 0, "");
    rig->now += 5 * NSEC_PER_SEC; // the grace goes on as well
    rig_step(rig, INPUT_TIME, 0, 0);
    assert_non_null(strstr(rig->text, "killing 0, killing 1 > kill tree 0, kill tree 1"));
    rig_free(rig);
    free(journal);
}

// All events of what is asked for of several come before any that follows from it.
static void what_is_asked_of_several_is_one_step(void **state)
{
    (void)state;
    static const uint16_t slots[] = {2, 0, 700};
    struct rig *rig = rig_new(2, 1);
    rig_run(rig);
    rig_feed(rig, (struct input){.kind = INPUT_HALT, .slots = slots, .slot_count = 3});
    assert_string_equal(rig->text, "stopping 2, stopping 0 > signal 2 with 15, signal 0 with 15");
    rig_leave(rig, 0, SIGTERM);
    rig_feed(rig, (struct input){.kind = INPUT_START, .slots = slots, .slot_count = 3});
    assert_string_equal(rig->text, "asked 2, starting 0 > spawn 0");
    rig_feed(rig, (struct input){.kind = INPUT_HALT, .slots = slots, .slot_count = 0});
    assert_string_equal(rig->text, "");
    rig_free(rig);
}

static void an_empty_journal_restores_nothing(void **state)
{
    (void)state;
    struct journal *journal = calloc(1, sizeof(*journal));
    assert_non_null(journal);
    struct rig *rig = rig_new(1, 0);
    assert_int_equal(journal_open(journal), 0);
    supervisor_restore(rig->supervisor, &journal->snapshot, &rig->plan);
    EXPECT(rig, INPUT_PLAN, 0, 0, "placed 0, starting 0 > spawn 0");
    rig_free(rig);
    free(journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_inputs_give_the_same_outcome),
        cmocka_unit_test(a_reset_supervisor_is_a_new_one),
        cmocka_unit_test(waking_is_never_late_and_early_does_no_harm),
        cmocka_unit_test(goes_on_after_any_step),
        cmocka_unit_test(a_restored_stop_is_carried_on),
        cmocka_unit_test(an_empty_journal_restores_nothing),
        cmocka_unit_test(what_is_asked_of_several_is_one_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
