// SPDX-License-Identifier: MIT
#include "config/declaration_scale.h"

#include "base/limits.h"
#include "config/declaration.h"
#include "config/expect.h"

#include <stdio.h>

struct reading {
    struct arena arena;
    struct plan_scale scale;
};

static struct reading parse(const char *value, struct diagnostics *diagnostics)
{
    char text[4096];
    struct reading reading = {0};
    struct declaration declaration;
    (void)snprintf(text, sizeof(text), "processes:\n  web:\n    scale: %s\n", value);
    assert_int_equal(declaration_parse(str_of(text), "formation.yaml", &reading.arena, &declaration,
                                       diagnostics),
                     0);
    assert_int_equal(declaration.type_count, 1);
    reading.scale = declaration.types[0].scale;
    return reading;
}

#define NOBODY "nobody counts the connections of a type yet"

static void reads_every_key(void **state)
{
    (void)state;
    struct diagnostics diagnostics = {0};
    struct reading reading =
        parse("{min: 0, max: 20, on: connections, target: 8, idle: 10m, window: 30s, rate: 4, "
              "tolerance: 5%}",
              &diagnostics);
    EXPECT_FINDINGS(&diagnostics, "formation.yaml:3:34: " NOBODY);
    assert_true(reading.scale.is_set);
    assert_int_equal(reading.scale.signal, SCALE_CONNECTIONS);
    assert_int_equal(reading.scale.min, 0);
    assert_int_equal(reading.scale.max, 20);
    assert_int_equal(reading.scale.target, 8000);
    assert_true(reading.scale.idle == 600 * NSEC_PER_SEC);
    assert_true(reading.scale.window == 30 * NSEC_PER_SEC);
    assert_int_equal(reading.scale.rate, 4);
    assert_int_equal(reading.scale.tolerance_percent, 5);
    assert_int_equal(reading.scale.origin.line, 3);
    arena_fini(&reading.arena);
}

static void has_defaults(void **state)
{
    (void)state;
    struct diagnostics diagnostics = {0};
    struct reading reading = parse("{max: 3, on: cpu, target: 0.7}", &diagnostics);
    EXPECT_FINDINGS(&diagnostics);
    assert_int_equal(reading.scale.min, 1);
    assert_int_equal(reading.scale.tolerance_percent, 10);
    assert_int_equal(reading.scale.rate, 32);
    assert_true(reading.scale.idle == 300 * NSEC_PER_SEC);
    assert_true(reading.scale.window == 60 * NSEC_PER_SEC);
    arena_fini(&reading.arena);
}

static void reads_a_command(void **state)
{
    (void)state;
    struct diagnostics diagnostics = {0};
    struct reading reading =
        parse("{min: 0, max: 9, on: {command: redis-cli llen jobs, every: 5s, timeout: 2s, "
              "target: 100}}",
              &diagnostics);
    EXPECT_FINDINGS(&diagnostics);
    assert_int_equal(reading.scale.signal, SCALE_COMMAND);
    assert_true(str_is(reading.scale.command, "redis-cli llen jobs"));
    assert_true(reading.scale.interval == 5 * NSEC_PER_SEC);
    assert_true(reading.scale.timeout == 2 * NSEC_PER_SEC);
    assert_int_equal(reading.scale.target, 100000);
    assert_int_equal(reading.scale.tolerance_percent, 0);
    arena_fini(&reading.arena);
}

static void reads_targets(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t target;
    } cases[] = {
        {"{max: 2, on: cpu, target: 1.5}", 1500},
        {"{max: 2, on: cpu, target: 70%}", 700},
        {"{max: 2, on: cpu, target: 62.5%}", 625},
        {"{max: 2, on: memory, target: 400M}", 400 << 20},
        {"{max: 2, target: 3, on: {command: depth}}", 3000},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct diagnostics diagnostics = {0};
        struct reading reading = parse(cases[i].text, &diagnostics);
        EXPECT_FINDINGS(&diagnostics);
        assert_int_equal(reading.scale.target, cases[i].target);
        arena_fini(&reading.arena);
    }
}

static void tells_that_nobody_counts(void **state)
{
    (void)state;
    struct diagnostics diagnostics = {0};
    struct reading reading = parse("{max: 2, on: connections, target: 0.8}", &diagnostics);
    EXPECT_FINDINGS(&diagnostics, "formation.yaml:3:25: " NOBODY);
    assert_int_equal(reading.scale.target, 800);
    arena_fini(&reading.arena);
    reading = parse("{max: 2, on: backlog, target: 1}", &diagnostics);
    EXPECT_FINDINGS(&diagnostics,
                    "formation.yaml:3:25: nobody counts the waiting connections of a type yet");
    assert_int_equal(reading.scale.target, 1000);
    arena_fini(&reading.arena);
}

static void reads_a_schedule(void **state)
{
    (void)state;
    struct diagnostics diagnostics = {0};
    struct reading reading = parse("\n"
                                   "      min: 0\n"
                                   "      schedule:\n"
                                   "        Mon-Fri 08:00-18:00: 4\n"
                                   "        Sat,Sun: 2\n"
                                   "        22:00-6:00: 1\n"
                                   "        Fri-Mon,Wed 00:00-24:00: 3",
                                   &diagnostics);
    static const struct scale_span wanted[] = {
        {0x3e, 480, 1080, 4}, {0x41, 0, 1440, 2}, {0x7f, 1320, 360, 1}, {0x6b, 0, 1440, 3}};
    EXPECT_FINDINGS(&diagnostics);
    assert_int_equal(reading.scale.signal, SCALE_NONE);
    assert_int_equal(reading.scale.max, 4); // what it asks for is the most
    assert_int_equal(reading.scale.span_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(reading.scale.spans[i].days, wanted[i].days);
        assert_int_equal(reading.scale.spans[i].from, wanted[i].from);
        assert_int_equal(reading.scale.spans[i].to, wanted[i].to);
        assert_int_equal(reading.scale.spans[i].quantity, wanted[i].quantity);
    }
    arena_fini(&reading.arena);
}

#define AT "formation.yaml:3:"
#define TIMES "'schedule' takes times as 'Mon-Fri 08:00-18:00', 'Sat,Sun' or '22:00-06:00', not "

static const struct {
    const char *text;
    const char *finding;
} mistakes[] = {
    {"{min: 5, max: 3, on: connections, target: 8}", AT "18: 'min' is more than 'max' (5 and 3)"},
    {"{max: 0, on: connections, target: 8}", AT "18: 'max' takes a number from 1 to 8192, not '0'"},
    {"{max: -1, on: connections, target: 8}",
     AT "18: 'max' takes a number from 1 to 8192, not '-1'"},
    {"{on: connections, target: 8}", AT "12: 'scale' needs 'max'"},
    {"{max: 3}", AT "12: 'scale' does not say by what: it needs 'on' or 'schedule'"},
    {"{max: 3, on: conections, target: 8}",
     AT "25: 'on' takes connections, backlog, cpu, memory or {command: \"…\"}, not "
        "'conections': did you mean 'connections'?"},
    {"{max: 3, on: 42, target: 8}",
     AT "25: 'on' takes connections, backlog, cpu, memory or {command: \"…\"}, not '42'"},
    {"{max: 3, on: command, target: 8}", AT "25: 'on' does not say which command"},
    {"{max: 3, on: {every: 5s}, target: 8}", AT "25: 'on' needs 'command'"},
    {"{max: 3, on: {comand: x}, target: 8}",
     AT "26: unknown key 'comand': did you mean 'command'?"},
    {"{max: 3, on: {command: }, target: 8}", AT "26: 'command' has no value"},
    {"{max: 3, on: [cpu], target: 8}", AT "25: 'on' takes one value, not a list"},
    {"{max: 3, on: connections}",
     AT "12: 'scale' needs 'target': connections for one process, as 8"},
    {"{max: 3, on: connections, target: 0}",
     AT "46: 'target' takes connections for one process, as 8, not '0'"},
    {"{max: 3, on: connections, target: many}",
     AT "46: 'target' takes connections for one process, as 8, not 'many'"},
    {"{max: 3, on: connections, target: 1000000001}", AT "46: 'target' takes connections"},
    {"{max: 3, on: cpu, target: 0%}",
     AT "38: 'target' takes processors that one process shall use, as 0.7 or 70%, not '0%'"},
    {"{max: 3, on: memory, target: 400MB}",
     AT "41: 'target' takes bytes that one process shall use, as 400M, not '400MB'"},
    {"{max: 3, on: {command: x, target: 1}, target: 2}",
     AT "50: 'target' stands here and in 'on': remove one of them"},
    {"{min: 0, max: 3, on: cpu, target: 0.7}", AT "18: 'min' takes at least 1 with on: cpu"},
    {"{max: 3, on: cpu, target: 0.7, tolerance: 10}",
     AT "54: 'tolerance' takes a share from 0% to 99%, not '10'"},
    {"{max: 3, on: cpu, target: 0.7, tolerance: 100%}",
     AT "54: 'tolerance' takes a share from 0% to 99%, not '100%'"},
    {"{max: 3, on: cpu, target: 0.7, rate: 0}", AT "49: 'rate' takes a number from 1 to 8192"},
    {"{max: 3, on: cpu, target: 0.7, window: 0}",
     AT "51: 'window' takes a time from 1s to 1d, not '0'"},
    {"{max: 3, on: cpu, target: 0.7, window: 25h}",
     AT "51: 'window' takes a time from 1s to 1d, not '25h'"},
    {"{max: 3, on: {command: x, timeout: 2h}, target: 1}",
     AT "47: 'timeout' takes a time from 10ms to 1h, not '2h'"},
    {"{max: 3, on: {command: x, every: 0}, target: 1}", AT "45: 'every' takes at least 10ms"},
    {"{schedule: {Mun: 3}}", AT "24: " TIMES "'Mun'"},
    {"{schedule: {Mon-: 3}}", AT "24: " TIMES "'Mon-'"},
    {"{schedule: {Mon 25:00-26:00: 3}}", AT "24: " TIMES "'Mon 25:00-26:00'"},
    {"{schedule: {Mon 08:60-09:00: 3}}", AT "24: " TIMES "'Mon 08:60-09:00'"},
    {"{schedule: {Mon 8-18: 3}}", AT "24: " TIMES "'Mon 8-18'"},
    {"{schedule: {08:00-08:00: 3}}", AT "24: " TIMES "'08:00-08:00'"},
    {"{schedule: {24:00-08:00: 3}}", AT "24: " TIMES "'24:00-08:00'"},
    {"{schedule: {Mon 08:00-18:00 x: 3}}", AT "24: " TIMES "'Mon 08:00-18:00 x'"},
    {"{schedule: {Mon: many}}", AT "29: 'Mon' takes a number from 0 to 8192, not 'many'"},
    {"{schedule: [Mon]}", AT "23: 'schedule' takes a map of keys and values, not a list"},
    {"{max: 3, on: cpu, target: 1, schedule: {Mon: 4}}",
     AT "51: 'schedule' asks for 4, and 'max' is 3"},
    {"auto", AT "12: 'scale' takes a map of keys and values, not one value"},
    {"", AT "5: 'scale' has no value"},
};

static void refuses_what_makes_no_sense(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++) {
        struct diagnostics diagnostics = {0};
        struct reading reading = parse(mistakes[i].text, &diagnostics);
        assert_false(reading.scale.is_set);
        EXPECT_FINDINGS(&diagnostics, mistakes[i].finding);
        arena_fini(&reading.arena);
    }
}

static void warns_of_what_means_nothing(void **state)
{
    (void)state;
    struct diagnostics diagnostics = {0};
    struct reading reading =
        parse("{max: 3, on: connections, target: 8, idle: 5m}\n    quantity: 2", &diagnostics);
    EXPECT_FINDINGS(&diagnostics, "formation.yaml:3:49: 'idle' means nothing without min: 0",
                    "formation.yaml:3:25: " NOBODY,
                    "formation.yaml:3:5: 'quantity' and 'scale': only one of them can decide");
    arena_fini(&reading.arena);
}

static void bounds_the_schedule(void **state)
{
    (void)state;
    char text[4096] = "\n      schedule:\n";
    size_t size = strlen(text);
    for (unsigned i = 0; i <= LIMIT_SCALE_SPANS; i++)
        size += (size_t)snprintf(text + size, sizeof(text) - size, "        %02u:%02u-23:59: 1\n",
                                 i / 60, i % 60);
    struct diagnostics diagnostics = {0};
    struct reading reading = parse(text, &diagnostics);
    EXPECT_FINDINGS(&diagnostics, "formation.yaml:5:9: more than 64 times");
    arena_fini(&reading.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_key),
        cmocka_unit_test(has_defaults),
        cmocka_unit_test(reads_a_command),
        cmocka_unit_test(reads_targets),
        cmocka_unit_test(tells_that_nobody_counts),
        cmocka_unit_test(reads_a_schedule),
        cmocka_unit_test(refuses_what_makes_no_sense),
        cmocka_unit_test(warns_of_what_means_nothing),
        cmocka_unit_test(bounds_the_schedule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
