// SPDX-License-Identifier: MIT
// Walks the table of cases.inc through both parsers in both modes. A case that Foreman and the
// default mode see differently says so in its own line, with the reason.
#include "config/dotenv.h"
#include "config/procfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_PAIRS = 16 };

struct pair {
    const char *name;
    const char *value;
};

enum difference { IS_SAME, IS_REPORTED, IS_WIDER, IS_WIDER_IN_ALL_MODES, IS_REFUSED };

struct parsing_case {
    bool is_procfile;
    const char *id;
    const char *input;
    struct pair foreman[MOST_PAIRS];
    enum difference difference;
    const char *why;
    struct pair ours[MOST_PAIRS];
};

#define BOM "\xef\xbb\xbf"
#define TEN(s) s s s s s s s s s s
#define LONG TEN(TEN(TEN(TEN("xxxxxxx"))))

#define ENV(name, text, values, ...) {false, name, text, values, __VA_ARGS__},
#define PROCFILE(name, text, values, ...) {true, name, text, values, __VA_ARGS__},
#define GIVES(...)                                                                                 \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define NOTHING                                                                                    \
    {                                                                                              \
        {                                                                                          \
            NULL, NULL                                                                             \
        }                                                                                          \
    }
#define SAME IS_SAME, NULL, NOTHING
#define REPORTED IS_REPORTED, NULL, NOTHING
#define WIDER(why, values) IS_WIDER, why, values
#define WIDER_IN_ALL_MODES(why, values) IS_WIDER_IN_ALL_MODES, why, values
#define REFUSED(why) IS_REFUSED, why, NOTHING

static const struct parsing_case cases[] = {
#include "config/cases.inc"
};
enum { CASE_COUNT = sizeof(cases) / sizeof(*cases) };

struct parsed {
    struct arena arena;
    struct diagnostics diagnostics;
    struct variable pairs[MOST_PAIRS]; // the last value of each name in a .env
    size_t count;
};

static void add_pair(struct parsed *parsed, struct str name, struct str value, bool is_procfile)
{
    size_t at = is_procfile ? parsed->count : 0;
    while (at < parsed->count && !str_equal(parsed->pairs[at].name, name))
        at++;
    assert_true(at < MOST_PAIRS);
    parsed->pairs[at] = (struct variable){name, value};
    if (at == parsed->count)
        parsed->count++;
}

static void parse(const struct parsing_case *test, bool foreman, struct parsed *out)
{
    *out = (struct parsed){0};
    struct str text = str_of(test->input);
    if (test->is_procfile) {
        struct procfile procfile;
        assert_int_equal(
            procfile_parse(text, "Procfile", foreman, &out->arena, &procfile, &out->diagnostics),
            0);
        for (size_t i = 0; i < procfile.count; i++)
            add_pair(out, procfile.entries[i].name, procfile.entries[i].command, true);
    } else {
        struct dotenv dotenv;
        assert_int_equal(
            dotenv_parse(text, ".env", foreman, &out->arena, &dotenv, &out->diagnostics), 0);
        for (size_t i = 0; i < dotenv.count; i++)
            add_pair(out, dotenv.entries[i].variable.name, dotenv.entries[i].variable.value, false);
    }
}

static void parsed_fini(struct parsed *parsed)
{
    diagnostics_fini(&parsed->diagnostics);
    arena_fini(&parsed->arena);
}

static void expect_pairs(const struct parsing_case *test, const struct parsed *parsed,
                         const struct pair wanted[MOST_PAIRS])
{
    size_t count = 0;
    while (count < MOST_PAIRS && wanted[count].name)
        count++;
    if (parsed->count != count)
        fail_msg("%s: %zu values, %zu are wanted", test->id, parsed->count, count);
    for (size_t i = 0; i < count; i++)
        if (!str_is(parsed->pairs[i].name, wanted[i].name) ||
            !str_is(parsed->pairs[i].value, wanted[i].value))
            fail_msg("%s: %.*s is '%.*s'", test->id, STR_ARGS(parsed->pairs[i].name),
                     STR_ARGS(parsed->pairs[i].value));
}

// A Procfile without any process is an error in every mode.
static size_t unavoidable_errors(const struct parsing_case *test, const struct parsed *parsed)
{
    if (!test->is_procfile || parsed->count > 0)
        return 0;
    const struct diagnostics *diagnostics = &parsed->diagnostics;
    assert_true(diagnostics->count > 0);
    assert_true(str_is(diagnostics->items[diagnostics->count - 1].text, "no processes defined"));
    return 1;
}

static void gives_what_foreman_gives(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASE_COUNT; i++) {
        bool is_wider = cases[i].difference == IS_WIDER_IN_ALL_MODES;
        struct parsed parsed;
        parse(&cases[i], true, &parsed);
        expect_pairs(&cases[i], &parsed, is_wider ? cases[i].ours : cases[i].foreman);
        if (parsed.diagnostics.error_count != unavoidable_errors(&cases[i], &parsed))
            fail_msg("%s: an error in Foreman's mode", cases[i].id);
        parsed_fini(&parsed);
    }
}

static void differs_by_default_only_where_the_table_says_so(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASE_COUNT; i++) {
        const struct parsing_case *test = &cases[i];
        struct parsed parsed;
        parse(test, false, &parsed);
        size_t errors = parsed.diagnostics.error_count - unavoidable_errors(test, &parsed);
        switch (test->difference) {
        case IS_SAME:
        case IS_REPORTED:
            expect_pairs(test, &parsed, test->foreman);
            break;
        case IS_WIDER:
        case IS_WIDER_IN_ALL_MODES:
            expect_pairs(test, &parsed, test->ours);
            break;
        case IS_REFUSED:
            break;
        }
        bool is_error = test->difference == IS_REPORTED || test->difference == IS_REFUSED;
        if (is_error != (errors > 0))
            fail_msg("%s: %zu errors", test->id, errors);
        parsed_fini(&parsed);
    }
}

static void has_all_cases(void **state)
{
    (void)state;
    assert_int_equal(CASE_COUNT, 113);
    for (size_t i = 0; i < CASE_COUNT; i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(cases[i].id, cases[j].id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_what_foreman_gives),
        cmocka_unit_test(differs_by_default_only_where_the_table_says_so),
        cmocka_unit_test(has_all_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
