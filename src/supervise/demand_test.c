// SPDX-License-Identifier: MIT
// What is wanted and why, step by step. How good it is beside others is shown by test/sim/demand.c.
#include "supervise/demand.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SEC NSEC_PER_SEC
#define EIGHT 8000 // connections, in thousandths

// All that is wanted is there at once.
struct bench {
    struct plan_scale scale;
    struct demand_state state;
    struct demand_observation seen;
    struct demand_decision decision;
    char text[DEMAND_TEXT_BYTES];
};

static struct bench bench_of(enum scale_signal signal, unsigned min, unsigned max, uint64_t target)
{
    struct bench bench = {.scale = plan_default_scale(signal)};
    bench.scale.min = min;
    bench.scale.max = max;
    bench.scale.target = target;
    bench.seen.now = 100 * SEC;
    bench.seen.ready = bench.seen.least = min;
    bench.seen.backlog = DEMAND_UNKNOWN;
    demand_begin(&bench.state, &bench.scale, bench.seen.now, min);
    return bench;
}

static unsigned see(struct bench *bench, uint64_t value)
{
    bench->seen.value = value;
    demand_decide(&bench->state, &bench->scale, &bench->seen, &bench->decision);
    bench->seen.ready = bench->decision.wanted;
    (void)demand_text(&bench->scale, &bench->decision, bench->text);
    return bench->decision.wanted;
}

static unsigned see_later(struct bench *bench, nsec_t time, uint64_t value)
{
    bench->seen.now += time;
    return see(bench, value);
}

static void more_come_at_once(void **state)
{
    (void)state;
    struct bench bench = bench_of(SCALE_CONNECTIONS, 1, 20, EIGHT);
    assert_int_equal(see(&bench, 3000), 1);
    assert_string_equal(bench.text, "connections 3, 8 each");
    assert_int_equal(see(&bench, 34000), 5);
    assert_string_equal(bench.text, "connections 34, 8 each");
    assert_int_equal(see(&bench, 40000), 5);
    assert_int_equal(see(&bench, 40001), 6);
    assert_int_equal(see(&bench, 1000000), 20);
    assert_string_equal(bench.text, "max");
    assert_int_equal(see(&bench, UINT64_MAX - 1), 20);
}

static void fewer_wait_for_the_window(void **state)
{
    (void)state;
    struct bench bench = bench_of(SCALE_CONNECTIONS, 1, 20, EIGHT);
    assert_int_equal(see(&bench, 80000), 10);
    assert_int_equal(see_later(&bench, SEC, 8000), 10);
    assert_string_equal(bench.text, "connections 8, 8 each: held");
    assert_true(bench.decision.wake_at == 160 * SEC);
    assert_int_equal(see_later(&bench, 30 * SEC, 40000), 10);
    assert_int_equal(see_later(&bench, 29 * SEC - 1, 8000), 10);
    assert_int_equal(see_later(&bench, 1, 8000), 5); // the 40 are the most of the last minute
    assert_int_equal(see_later(&bench, 31 * SEC - 1, 8000), 5);
    assert_int_equal(see_later(&bench, 1, 8000), 1);
    assert_string_equal(bench.text, "connections 8, 8 each");
    assert_true(bench.decision.wake_at == NSEC_NEVER);
}

static void a_rise_soon_after_a_fall_makes_patient(void **state)
{
    (void)state;
    struct bench bench = bench_of(SCALE_CONNECTIONS, 1, 20, EIGHT);
    see(&bench, 80000);
    see_later(&bench, SEC, 8000);
    assert_int_equal(see_later(&bench, 60 * SEC, 8000), 1);
    assert_int_equal(see_later(&bench, 30 * SEC, 80000), 10);
    see_later(&bench, SEC, 8000);
    assert_int_equal(see_later(&bench, 118 * SEC, 8000), 10);
    assert_int_equal(see_later(&bench, SEC, 8000), 1);
    // Nothing came of that fall, nor of the next.
    assert_int_equal(see_later(&bench, 300 * SEC, 80000), 10);
    see_later(&bench, SEC, 8000);
    assert_int_equal(see_later(&bench, 120 * SEC, 8000), 1);
    assert_int_equal(see_later(&bench, 300 * SEC, 80000), 10);
    see_later(&bench, SEC, 8000);
    assert_int_equal(see_later(&bench, 60 * SEC, 8000), 1);
}

static void the_rate_is_bounded(void **state)
{
    (void)state;
    struct bench bench = bench_of(SCALE_CONNECTIONS, 1, 100, 1000);
    assert_int_equal(see(&bench, 90000), 33);
    assert_string_equal(bench.text, "rate 32 a second");
    assert_true(bench.decision.wake_at == 100 * SEC + SEC / 32);
    assert_int_equal(see_later(&bench, SEC / 2, 90000), 49);
    assert_int_equal(see_later(&bench, 10 * SEC, 90000), 81); // no more than a second's is saved up
    assert_int_equal(see_later(&bench, SEC, 90000), 90);
    see_later(&bench, SEC, 1000);
    assert_int_equal(see_later(&bench, 60 * SEC, 1000), 58);
    assert_string_equal(bench.text, "rate 32 a second");
    assert_int_equal(see_later(&bench, SEC, 1000), 26);
    assert_int_equal(see_later(&bench, SEC, 1000), 1);
}

static void none_until_somebody_comes(void **state)
{
    (void)state;
    struct bench bench = bench_of(SCALE_CONNECTIONS, 0, 20, EIGHT);
    assert_int_equal(see(&bench, 0), 0);
    assert_string_equal(bench.text, "idle 5m");
    bench.seen.backlog = 1;
    assert_int_equal(see_later(&bench, SEC, 0), 1);
    assert_string_equal(bench.text, "waiting 1");
    bench.seen.backlog = 0;
    assert_int_equal(see_later(&bench, SEC, 1000), 1);
    assert_int_equal(see_later(&bench, 100 * SEC, 0), 1);
    assert_string_equal(bench.text, "idle, none after 5m");
    assert_true(bench.decision.wake_at == bench.seen.now + 300 * SEC);
    assert_int_equal(see_later(&bench, 299 * SEC, 0), 1);
    assert_int_equal(see_later(&bench, SEC, 0), 0);
    assert_string_equal(bench.text, "idle 5m");
    assert_int_equal(see_later(&bench, 1, 1000), 1);
}

static void the_last_one_stays_while_there_is_work(void **state)
{
    (void)state;
    struct bench bench = bench_of(SCALE_CONNECTIONS, 0, 20, EIGHT);
    bench.scale.idle = 2 * SEC; // shorter than the window
    assert_int_equal(see(&bench, 80000), 10);
    assert_int_equal(see_later(&bench, 30 * SEC, 0), 10);
    assert_int_equal(see_later(&bench, 30 * SEC, 0), 0);
    assert_string_equal(bench.text, "idle 2s");
    assert_int_equal(see_later(&bench, SEC, 1), 1);
    assert_int_equal(see_later(&bench, 200 * SEC, 1), 1);
}

static void what_is_unknown_changes_nothing(void **state)
{
    (void)state;
    struct bench bench = bench_of(SCALE_COMMAND, 0, 20, 100000);
    assert_int_equal(see(&bench, DEMAND_UNKNOWN), 0);
    assert_string_equal(bench.text, "unknown: kept");
    assert_int_equal(see(&bench, 450000), 5);
    assert_int_equal(see_later(&bench, 1000 * SEC, DEMAND_UNKNOWN), 5);
    assert_string_equal(bench.text, "unknown: kept");
    // It may have been as many until now, so the window begins now.
    assert_int_equal(see_later(&bench, 59 * SEC, 0), 5);
    assert_int_equal(see_later(&bench, SEC, 0), 1);
    assert_int_equal(see_later(&bench, 239 * SEC, DEMAND_UNKNOWN), 1);
    assert_int_equal(see_later(&bench, 299 * SEC, 0), 1);
    assert_int_equal(see_later(&bench, 299 * SEC, 0), 1);
    assert_int_equal(see_later(&bench, SEC, 0), 0);
}

static void a_queue_that_stays_is_answered(void **state)
{
    (void)state;
    struct bench bench = bench_of(SCALE_CONNECTIONS, 1, 20, EIGHT);
    bench.seen.ready = 2;
    demand_begin(&bench.state, &bench.scale, bench.seen.now, 2);
    bench.seen.backlog = 3; // each can take fewer than was declared
    assert_int_equal(see(&bench, 10000), 2);
    assert_true(bench.decision.wake_at == bench.seen.now + 5 * NSEC_PER_MSEC);
    bench.seen.backlog = 0; // somebody has accepted them
    assert_int_equal(see_later(&bench, 5 * NSEC_PER_MSEC, 10000), 2);
    bench.seen.backlog = 3;
    assert_int_equal(see_later(&bench, SEC, 10000), 2);
    assert_int_equal(see_later(&bench, 5 * NSEC_PER_MSEC, 10000), 3);
    assert_string_equal(bench.text, "waiting 3");
    bench.seen.ready = 2; // the third starts, and is for them
    bench.seen.starting = 1;
    assert_int_equal(see_later(&bench, 5 * NSEC_PER_MSEC, 10000), 3);
    bench.seen.ready = 2;
    bench.seen.backlog = 9; // which one alone cannot take
    assert_int_equal(see_later(&bench, 5 * NSEC_PER_MSEC, 10000), 4);
}

static void a_backlog_alone_finds_the_number(void **state)
{
    (void)state;
    struct bench bench = bench_of(SCALE_BACKLOG, 1, 20, 1000);
    bench.seen.backlog = 7;
    assert_int_equal(see(&bench, 7000), 1);
    assert_int_equal(see_later(&bench, 5 * NSEC_PER_MSEC, 7000), 8);
    bench.seen.backlog = 0;
    assert_int_equal(see_later(&bench, SEC, 0), 8);
    assert_int_equal(see_later(&bench, 60 * SEC, 0), 6); // a quarter fewer
    assert_int_equal(see_later(&bench, 30 * SEC, 0), 6);
    assert_int_equal(see_later(&bench, 30 * SEC, 0), 4);
    bench.seen.backlog = 1; // too few
    see_later(&bench, SEC, 1000);
    assert_int_equal(see_later(&bench, 5 * NSEC_PER_MSEC, 1000), 5);
    bench.seen.backlog = 0;
    see_later(&bench, 60 * SEC, 0);
    assert_int_equal(see_later(&bench, 59 * SEC, 0), 5);
    assert_int_equal(see_later(&bench, SEC, 0), 3);
}

static void a_backlog_alone_goes_down_to_none(void **state)
{
    (void)state;
    struct bench bench = bench_of(SCALE_BACKLOG, 0, 20, 1000);
    bench.seen.backlog = 2;
    assert_int_equal(see(&bench, 2000), 2);
    bench.seen.backlog = 0;
    unsigned wanted = 2;
    for (int i = 0; i < 100 && wanted > 0; i++)
        wanted = see_later(&bench, 10 * SEC, 0);
    assert_int_equal(wanted, 0);
    assert_true(bench.seen.now >= 400 * SEC);
}

static void near_the_target_is_near_enough(void **state)
{
    (void)state;
    struct bench bench = bench_of(SCALE_CPU, 1, 20, 700);
    assert_int_equal(see(&bench, 2100), 3);
    assert_int_equal(see(&bench, 2310), 3); // ten percent more
    assert_string_equal(bench.text, "cpu 2.31, 0.7 each: near enough");
    assert_int_equal(see(&bench, 2311), 4);
    assert_int_equal(see_later(&bench, 60 * SEC, 2520), 4); // ten percent less
    assert_int_equal(see_later(&bench, 60 * SEC, 2520), 4);
    see_later(&bench, SEC, 2100);
    assert_int_equal(see_later(&bench, 60 * SEC, 2100), 3);
}

static void those_that_start_will_take_their_part(void **state)
{
    (void)state;
    struct bench bench = bench_of(SCALE_CPU, 1, 20, 700);
    demand_begin(&bench.state, &bench.scale, bench.seen.now, 6);
    bench.scale.window = 0;
    bench.seen.ready = 3;
    bench.seen.starting = 3;
    see(&bench, 1400);
    bench.seen.ready = 3;
    assert_int_equal(see(&bench, 1400), 5);
}

static void the_schedule_lifts_the_least(void **state)
{
    (void)state;
    struct bench bench = bench_of(SCALE_CONNECTIONS, 0, 20, EIGHT);
    bench.seen.least = 4;
    assert_int_equal(see(&bench, 0), 4);
    assert_string_equal(bench.text, "schedule");
    assert_int_equal(see(&bench, 80000), 10);
    bench.seen.least = 0;
    see_later(&bench, SEC, 8000);
    assert_int_equal(see_later(&bench, 60 * SEC, 8000), 1);
    bench.scale = plan_default_scale(SCALE_NONE);
    bench.scale.max = 20;
    bench.seen.least = 7;
    assert_int_equal(see(&bench, DEMAND_UNKNOWN), 7);
    bench.seen.least = 0; // the clock alone decides: at once
    assert_int_equal(see_later(&bench, SEC, DEMAND_UNKNOWN), 0);
    assert_string_equal(bench.text, "schedule");
}

static void what_is_declared_anew_holds_at_once(void **state)
{
    (void)state;
    struct bench bench = bench_of(SCALE_CONNECTIONS, 2, 20, EIGHT);
    assert_int_equal(see(&bench, 160000), 20);
    bench.scale.max = 5;
    assert_int_equal(see_later(&bench, SEC, 160000), 5);
    assert_string_equal(bench.text, "max");
    bench.scale.min = bench.seen.least = 3;
    see_later(&bench, SEC, 0);
    assert_int_equal(see_later(&bench, 60 * SEC, 0), 3);
    assert_string_equal(bench.text, "min");
    bench.scale.max = 9;
    demand_begin(&bench.state, &bench.scale, bench.seen.now, 100);
    assert_int_equal(see(&bench, DEMAND_UNKNOWN), 9);
}

static void a_clock_that_goes_back_stands(void **state)
{
    (void)state;
    struct bench bench = bench_of(SCALE_CONNECTIONS, 1, 20, EIGHT);
    see(&bench, 80000);
    bench.seen.now = 1;
    assert_int_equal(see(&bench, 8000), 10);
    bench.seen.now = 160 * SEC;
    assert_int_equal(see(&bench, 8000), 1);
}

static void values_are_written_for_people(void **state)
{
    (void)state;
    static const struct {
        enum scale_signal signal;
        uint64_t value;
        const char *text;
    } cases[] = {
        {SCALE_CPU, 0, "0"},
        {SCALE_CPU, 250, "0.25"},
        {SCALE_CONNECTIONS, 34000, "34"},
        {SCALE_CONNECTIONS, 100000, "100"},
        {SCALE_COMMAND, 12345, "12.345"},
        {SCALE_COMMAND, DEMAND_UNKNOWN, "unknown"},
        {SCALE_COMMAND, DEMAND_UNKNOWN - 1, "18446744073709551.614"},
        {SCALE_MEMORY, 0, "0"},
        {SCALE_MEMORY, 1023, "1023"},
        {SCALE_MEMORY, 1024, "1K"},
        {SCALE_MEMORY, 400 << 20, "400M"},
        {SCALE_MEMORY, UINT64_C(1288490189), "1.2G"},
        {SCALE_MEMORY, UINT64_MAX - 1, "15E"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct plan_scale scale = plan_default_scale(cases[i].signal);
        char text[DEMAND_TEXT_BYTES];
        assert_string_equal(demand_value_text(&scale, cases[i].value, text), cases[i].text);
    }
}

// Whatever comes: within the bounds, and a fall is a window or more after the last rise.
static void nothing_makes_it_flap(void **state)
{
    (void)state;
    static const enum scale_signal signals[] = {SCALE_CONNECTIONS, SCALE_BACKLOG, SCALE_CPU,
                                                SCALE_MEMORY, SCALE_COMMAND};
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct random random = {seed};
        unsigned min = (unsigned)random_below(&random, 3);
        struct bench bench = bench_of(signals[seed % 5], min, min + 60, 1000);
        unsigned before = min;
        nsec_t rose_at = 0;
        for (int step = 0; step < 300; step++) {
            uint64_t level = random_below(&random, 80000);
            bench.seen.starting = (unsigned)random_below(&random, 4);
            bench.seen.backlog = random_below(&random, 3) ? 0 : random_below(&random, 9);
            nsec_t pause = (nsec_t)random_below(&random, 5000) * NSEC_PER_MSEC;
            unsigned wanted =
                see_later(&bench, pause,
                          random_chance(&random, 50)    ? DEMAND_UNKNOWN
                          : random_chance(&random, 300) ? 0
                                                        : level >> random_below(&random, 9));
            assert_in_range(wanted, min, min + 60);
            if (wanted > before)
                rose_at = bench.seen.now;
            else if (wanted < before)
                assert_true(bench.seen.now - rose_at >= bench.scale.window);
            before = wanted;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_come_at_once),
        cmocka_unit_test(fewer_wait_for_the_window),
        cmocka_unit_test(a_rise_soon_after_a_fall_makes_patient),
        cmocka_unit_test(the_rate_is_bounded),
        cmocka_unit_test(none_until_somebody_comes),
        cmocka_unit_test(the_last_one_stays_while_there_is_work),
        cmocka_unit_test(what_is_unknown_changes_nothing),
        cmocka_unit_test(a_queue_that_stays_is_answered),
        cmocka_unit_test(a_backlog_alone_finds_the_number),
        cmocka_unit_test(a_backlog_alone_goes_down_to_none),
        cmocka_unit_test(near_the_target_is_near_enough),
        cmocka_unit_test(those_that_start_will_take_their_part),
        cmocka_unit_test(the_schedule_lifts_the_least),
        cmocka_unit_test(what_is_declared_anew_holds_at_once),
        cmocka_unit_test(a_clock_that_goes_back_stands),
        cmocka_unit_test(values_are_written_for_people),
        cmocka_unit_test(nothing_makes_it_flap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
