// SPDX-License-Identifier: MIT
#include "config/declaration_limits.h"

#include "config/declaration.h"
#include "config/expect.h"

#include <stdio.h>

static struct tree_limits parse(const char *value, struct diagnostics *diagnostics)
{
    char text[256];
    struct arena arena = {0};
    struct declaration declaration;
    (void)snprintf(text, sizeof(text), "processes:\n  web:\n    limits: %s\n", value);
    assert_int_equal(
        declaration_parse(str_of(text), "formation.yaml", &arena, &declaration, diagnostics), 0);
    assert_int_equal(declaration.type_count, 1);
    struct tree_limits limits = declaration.types[0].tree;
    limits.origin.file = str_of(""); // was in the arena
    arena_fini(&arena);
    return limits;
}

static void reads_every_key(void **state)
{
    (void)state;
    struct diagnostics diagnostics = {0};
    struct tree_limits limits = parse("{memory: 512M, cpu: 1.5, processes: 100}", &diagnostics);
    assert_int_equal(limits.memory_bytes, 512 << 20);
    assert_int_equal(limits.cpu_thousandths, 1500);
    assert_int_equal(limits.processes, 100);
    assert_int_equal(limits.origin.line, 3);
    assert_int_equal(limits.origin.column, 5);
    limits = parse("{memory: 1048576}", &diagnostics);
    assert_int_equal(limits.memory_bytes, 1 << 20);
    assert_int_equal(limits.cpu_thousandths, 0);
    assert_int_equal(limits.processes, 0);
    EXPECT_FINDINGS(&diagnostics);
}

static void reads_processors(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t thousandths;
    } cases[] = {
        {"{cpu: 1}", 1000},         {"{cpu: 0.5}", 500},   {"{cpu: .25}", 250},
        {"{cpu: 0.01}", 10},        {"{cpu: 2.50}", 2500}, {"{cpu: 1.2345}", 1234},
        {"{cpu: 10000}", 10000000},
    };
    struct diagnostics diagnostics = {0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_int_equal(parse(cases[i].text, &diagnostics).cpu_thousandths, cases[i].thousandths);
    EXPECT_FINDINGS(&diagnostics);
}

#define CPU "'cpu' takes a number of processors from 0.01 to 10000, as 1.5, not "
#define MEMORY "'memory' takes a size as 512K, 10M or 1G, not "
#define LEAST "'memory' takes at least 1M, not "
#define PROCESSES "'processes' takes a number from 1 to 4194304, not "

static void refuses_what_is_no_limit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *finding;
    } cases[] = {
        {"{cpu: 0}", "formation.yaml:3:19: " CPU "'0'"},
        {"{cpu: 0.009}", "formation.yaml:3:19: " CPU "'0.009'"},
        {"{cpu: -1}", "formation.yaml:3:19: " CPU "'-1'"},
        {"{cpu: 10000.1}", "formation.yaml:3:19: " CPU "'10000.1'"},
        {"{cpu: 99999999999999999999}", "formation.yaml:3:19: " CPU "'99999999999999999999'"},
        {"{cpu: 150%}", "formation.yaml:3:19: " CPU "'150%'"},
        {"{cpu: 1.}", "formation.yaml:3:19: " CPU "'1.'"},
        {"{cpu: .}", "formation.yaml:3:19: " CPU "'.'"},
        {"{cpu: 1.5.1}", "formation.yaml:3:19: " CPU "'1.5.1'"},
        {"{cpu: 1e3}", "formation.yaml:3:19: " CPU "'1e3'"},
        {"{cpu: [1]}", "formation.yaml:3:19: 'cpu' takes one value, not a list"},
        {"{cpu: }", "formation.yaml:3:14: 'cpu' has no value"},
        {"{memory: 0}", "formation.yaml:3:22: " LEAST "'0'"},
        {"{memory: 512}", "formation.yaml:3:22: " LEAST "'512': a number without K, M or G"},
        {"{memory: -1G}", "formation.yaml:3:22: " MEMORY "'-1G'"},
        {"{memory: 512MB}", "formation.yaml:3:22: " MEMORY "'512MB'"},
        {"{memory: 9000T}", "formation.yaml:3:22: " MEMORY "'9000T'"},
        {"{memory: 50%}", "formation.yaml:3:22: " MEMORY "'50%'"},
        {"{processes: 0}", "formation.yaml:3:25: " PROCESSES "'0'"},
        {"{processes: -5}", "formation.yaml:3:25: " PROCESSES "'-5'"},
        {"{processes: 4194305}", "formation.yaml:3:25: " PROCESSES "'4194305'"},
        {"{processes: 10M}", "formation.yaml:3:25: " PROCESSES "'10M'"},
        {"512M", "formation.yaml:3:13: 'limits' takes a map of keys and values, not one value"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct diagnostics diagnostics = {0};
        struct tree_limits limits = parse(cases[i].text, &diagnostics);
        assert_int_equal(limits.memory_bytes + limits.cpu_thousandths + limits.processes, 0);
        EXPECT_FINDINGS(&diagnostics, cases[i].finding);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_key),
        cmocka_unit_test(reads_processors),
        cmocka_unit_test(refuses_what_is_no_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
