// SPDX-License-Identifier: MIT
// The journal outlives a writer that is killed at any instruction, and readers that are slow.
#include "event/journal.h"

#include "base/random.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct journal *new_journal(void)
{
    struct journal *journal = calloc(1, sizeof(*journal));
    assert_non_null(journal);
    assert_int_equal(journal_open(journal), 0);
    return journal;
}

// The `number`th event of a test; every tenth is of the formation.
static struct event make_event(uint64_t number)
{
    struct event event = {.at = (nsec_t)number, .kind = EVENT_STARTED, .detail = (int)number};
    if (number % 10 == 0) {
        event.kind = EVENT_FORMATION_WAITING;
        event.formation = (struct formation_record){.since = (nsec_t)number};
        return event;
    }
    event.slot = (uint16_t)(number % 7);
    event.process = (struct process_record){
        .state = PROCESS_READY,
        .token = (uint32_t)number,
        .pid = (int32_t)number,
        .since = (nsec_t)(number * UINT64_C(0x0101010101)),
        .pause = (nsec_t)(number * UINT64_C(0x0101010101)),
    };
    return event;
}

// So many at once.
static void append_batch(struct journal *journal, size_t count)
{
    struct event *events = calloc(count, sizeof(*events));
    assert_non_null(events);
    for (size_t i = 0; i < count; i++)
        events[i] = make_event(journal->newest + 1 + i);
    journal_append(journal, events, count);
    free(events);
}

static void append(struct journal *journal, uint64_t count)
{
    while (count-- > 0)
        append_batch(journal, 1);
}

static void expect_next(const struct journal *journal, struct journal_cursor *cursor,
                        uint64_t sequence, uint64_t lost)
{
    struct event event, wanted = make_event(sequence);
    uint64_t missed = 0;
    wanted.sequence = sequence;
    assert_true(journal_next(journal, cursor, &event, &missed));
    assert_int_equal(missed, lost);
    assert_memory_equal(&event, &wanted, sizeof(event));
}

static void numbers_and_adds_up(void **state)
{
    (void)state;
    struct journal *journal = new_journal();
    append(journal, 3);
    assert_int_equal(journal->newest, 3);
    assert_int_equal(journal->snapshot.applied, 3);
    assert_int_equal(journal->snapshot.slot_count, 4);
    assert_int_equal(journal->snapshot.processes[2].pid, 2);
    append(journal, 7);
    assert_int_equal(journal->snapshot.processes[2].pid, 9);
    assert_true(journal->snapshot.formation.since == 10);
    free(journal);
}

static void the_same_event_twice_is_the_same_as_once(void **state)
{
    (void)state;
    struct snapshot *once = calloc(1, sizeof(*once)), *twice = calloc(1, sizeof(*twice));
    assert_true(once && twice);
    for (uint64_t number = 1; number <= 20; number++) {
        struct event event = make_event(number);
        event.sequence = number;
        snapshot_apply(once, &event);
        snapshot_apply(twice, &event);
        snapshot_apply(twice, &event);
    }
    assert_memory_equal(once, twice, sizeof(*once));
    free(once);
    free(twice);
}

static void readers_get_every_event_once(void **state)
{
    (void)state;
    struct journal *journal = new_journal();
    struct journal_cursor cursor = {1};
    struct event event;
    uint64_t lost;
    assert_false(journal_next(journal, &cursor, &event, &lost));
    for (uint64_t number = 1; number <= 3 * LIMIT_JOURNAL_EVENTS; number++) {
        append(journal, 1);
        expect_next(journal, &cursor, number, 0);
        assert_false(journal_next(journal, &cursor, &event, &lost));
        assert_int_equal(lost, 0);
    }
    free(journal);
}

static void slow_readers_are_told_what_they_lost(void **state)
{
    (void)state;
    enum { KEPT = LIMIT_JOURNAL_EVENTS };
    struct journal *journal = new_journal();
    struct journal_cursor cursor = {1}, late = {1};
    append(journal, KEPT);
    expect_next(journal, &cursor, 1, 0);
    append(journal, 1);
    expect_next(journal, &cursor, 2, 0);
    expect_next(journal, &late, 2, 1);
    append(journal, KEPT + 5);
    expect_next(journal, &cursor, KEPT + 7, KEPT + 4);
    for (uint64_t number = 1; number < KEPT; number++)
        expect_next(journal, &cursor, KEPT + 7 + number, 0);
    struct event event;
    uint64_t lost;
    assert_false(journal_next(journal, &cursor, &event, &lost));
    free(journal);
}

static void another_layout_is_refused_and_left_alone(void **state)
{
    (void)state;
    struct journal *journal = new_journal();
    struct journal *copy = new_journal();
    append(journal, 5);
    journal->version = JOURNAL_VERSION + 1;
    memcpy(copy, journal, sizeof(*copy));
    assert_int_equal(journal_open(journal), -EPROTO);
    assert_memory_equal(copy, journal, sizeof(*copy));
    journal->version = JOURNAL_VERSION;
    assert_int_equal(journal_open(journal), 0);
    assert_int_equal(journal->newest, 5);
    free(copy);
    free(journal);
}

// All of a journal that any event of these tests was ever in.
enum { BATCH = 9, USED = offsetof(struct journal, batch) + BATCH * sizeof(struct event) };

static bool is_same(const struct journal *a, const struct journal *b)
{
    return memcmp(a, b, USED) == 0;
}

// Opens what a writer left. It is as before its last batch or as after it, to the byte; readers see
// whole events; and the next batch is written as if nothing had been.
static void expect_recovery(struct journal *torn, const struct journal *before,
                            const struct journal *after)
{
    assert_int_equal(journal_open(torn), 0);
    assert_true(torn->newest == before->newest || torn->newest == after->newest);
    const struct journal *whole = torn->newest == after->newest ? after : before;
    if (memcmp(&torn->snapshot, &whole->snapshot, sizeof(torn->snapshot)) != 0)
        fail_msg("the snapshot at event %u is torn", (unsigned)torn->newest);
    struct journal_cursor cursor = {1};
    struct event event;
    uint64_t lost;
    assert_true(journal_next(torn, &cursor, &event, &lost)); // the oldest …
    cursor.next = lost + 1;
    expect_next(torn, &cursor, lost + 1, 0);
    cursor.next = torn->newest; // … and the newest
    expect_next(torn, &cursor, torn->newest, 0);
    if (whole == before)
        append_batch(torn, (size_t)(after->newest - before->newest));
    if (!is_same(torn, after))
        fail_msg("event %u cannot be written again", (unsigned)after->newest);
}

static void tear(struct journal *torn, const struct journal *after, size_t from, size_t size,
                 struct random *random, unsigned likely)
{
    for (size_t at = from; at < from + size; at += sizeof(uint32_t))
        if (random_chance(random, likely))
            memcpy((char *)torn + at, (const char *)after + at, sizeof(uint32_t));
}

#define PART(member) offsetof(struct journal, member), sizeof(((struct journal *)NULL)->member)

// Any part of a stage may have been stored when the writer is killed, in any order: the compiler
// may order what is between two fences as it likes.
static void expect_recovery_from_any_part(uint64_t events, size_t count)
{
    struct journal *before = new_journal(), *after = new_journal(), *torn = new_journal();
    struct random random = {.state = events};
    append(before, events);
    memcpy(after, before, USED);
    append_batch(after, count);
    for (unsigned stage = 0; stage < 2; stage++)
        for (unsigned trial = 0; trial < 100; trial++) {
            unsigned likely = (unsigned)random_below(&random, 1001);
            memcpy(torn, before, USED);
            // The batch, which is then made to count …
            tear(torn, after, offsetof(struct journal, batch), count * sizeof(struct event),
                 &random, stage == 0 ? likely : 1000);
            tear(torn, after, PART(batch_count), &random, stage == 0 ? likely : 1000);
            tear(torn, after, PART(newest), &random, stage == 0 ? 0 : 1000);
            // … and is applied, one event after the other; that it is, is stored last.
            uint64_t applied = before->snapshot.applied + random_below(&random, count + 1);
            for (uint64_t at = before->newest + 1; stage == 1 && at <= after->newest; at++) {
                const struct event event = after->ring[at % LIMIT_JOURNAL_EVENTS];
                if (at > applied + 1)
                    break;
                tear(torn, after,
                     offsetof(struct journal, ring) + at % LIMIT_JOURNAL_EVENTS * sizeof(event),
                     sizeof(event), &random, at <= applied ? 1000 : likely);
                if (at <= applied)
                    snapshot_apply(&torn->snapshot, &event);
            }
            expect_recovery(torn, before, after);
        }
    free(torn);
    free(after);
    free(before);
}

static void any_part_of_an_append_is_recovered(void **state)
{
    (void)state;
    for (size_t count = 1; count <= BATCH; count += 4) {
        expect_recovery_from_any_part(1, count);                        // the next uses a new slot
        expect_recovery_from_any_part(9, count);                        // is of the formation
        expect_recovery_from_any_part(LIMIT_JOURNAL_EVENTS - 1, count); // wraps
        expect_recovery_from_any_part(LIMIT_JOURNAL_EVENTS, count);     // overwrites
        expect_recovery_from_any_part(3 * LIMIT_JOURNAL_EVENTS + 11, count);
    }
}

// More than the ring keeps.
static void the_largest_batch_fits(void **state)
{
    (void)state;
    struct journal *journal = new_journal();
    struct journal_cursor cursor = {1};
    append_batch(journal, JOURNAL_BATCH);
    expect_next(journal, &cursor, JOURNAL_BATCH - LIMIT_JOURNAL_EVENTS + 1,
                JOURNAL_BATCH - LIMIT_JOURNAL_EVENTS);
    assert_int_equal(journal->snapshot.applied, JOURNAL_BATCH);
    append_batch(journal, 0);
    assert_int_equal(journal->newest, JOURNAL_BATCH);
    free(journal);
}

// The writer for the next test: stops itself, appends, stops again.
static void write_some(struct journal *journal, struct event *events, size_t count)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
        _exit(1);
    (void)raise(SIGSTOP);
    journal_append(journal, events, count);
    (void)raise(SIGSTOP);
    _exit(0);
}

// One instruction further; false: the writer has stopped itself, it is done.
static bool step(pid_t writer)
{
    int status;
    if (ptrace(PTRACE_SINGLESTEP, writer, NULL, NULL) < 0 || waitpid(writer, &status, 0) < 0)
        return false;
    return WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
}

// The real thing: after every single instruction of an append the memory is looked at as it is.
static void a_writer_can_be_killed_at_any_instruction(void **state)
{
    (void)state;
    struct journal *before = new_journal(), *after = new_journal(), *torn = new_journal();
    struct journal *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    int status = 0;
    unsigned states = 0, steps = 0;
    struct event events[3];
    append(before, LIMIT_JOURNAL_EVENTS + 3);
    memcpy(after, before, USED);
    append_batch(after, 3);
    memcpy(shared, before, USED);
    memcpy(torn, before, USED);
    for (size_t i = 0; i < 3; i++)
        events[i] = make_event(before->newest + 1 + i);
    pid_t writer = fork();
    if (writer == 0)
        write_some(shared, events, 3);
    assert_true(writer > 0 && waitpid(writer, &status, 0) == writer);
    bool is_traced = WIFSTOPPED(status);
    while (is_traced && step(writer)) {
        steps++;
        if (steps > 1 && is_same(torn, shared))
            continue;
        memcpy(torn, shared, USED);
        expect_recovery(torn, before, after);
        memcpy(torn, shared, USED);
        states++;
    }
    (void)kill(writer, SIGKILL);
    (void)waitpid(writer, &status, 0);
    if (is_traced) {
        assert_true(is_same(torn, after));
        assert_true(states >= 12); // batch, count, newest; of each: ring, record, applied
    }
    (void)munmap(shared, sizeof(*shared));
    free(torn);
    free(after);
    free(before);
    if (!is_traced)
        skip(); // nobody may trace here
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_adds_up),
        cmocka_unit_test(the_same_event_twice_is_the_same_as_once),
        cmocka_unit_test(readers_get_every_event_once),
        cmocka_unit_test(slow_readers_are_told_what_they_lost),
        cmocka_unit_test(another_layout_is_refused_and_left_alone),
        cmocka_unit_test(any_part_of_an_append_is_recovered),
        cmocka_unit_test(the_largest_batch_fits),
        cmocka_unit_test(a_writer_can_be_killed_at_any_instruction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
