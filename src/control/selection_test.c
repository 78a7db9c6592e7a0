// SPDX-License-Identifier: MIT
#include "control/selection.h"

#include "control/expect.h"

#include <errno.h>

static const struct process_id processes[] = {
    {TYPE_WEB, 1}, {TYPE_WEB, 2}, {TYPE_WEB, 10}, {TYPE_WORKER, 1}, {TYPE_CLOCK, 1},
};
enum { PROCESS_COUNT = sizeof(processes) / sizeof(processes[0]), MOST_PATTERNS = 4 };

static int parse(const char *text, struct process_type *types, struct arena *arena,
                 struct selection *out, struct refusal *refusal)
{
    static struct str items[MOST_PATTERNS];
    struct plan plan = expect_plan(types);
    struct str_list list = {.items = items};
    struct str rest = *text ? str_of(text) : (struct str){0};
    while (list.count < MOST_PATTERNS && str_next(&rest, ' ', &items[list.count]))
        list.count++;
    return selection_parse(&plan, list, processes, PROCESS_COUNT, arena, out, refusal);
}

// The names of those that `text` selects, as one text.
static void expect_selected(const char *text, const char *wanted)
{
    struct process_type types[TYPE_COUNT];
    struct plan plan = expect_plan(types);
    struct arena arena = {0};
    struct selection selection;
    struct refusal refusal;
    struct buffer out = {0};
    if (parse(text, types, &arena, &selection, &refusal) != 0)
        fail_msg("%s: %s", text, refusal.subject);
    for (size_t i = 0; i < PROCESS_COUNT; i++) {
        char name[PROCESS_NAME_BYTES];
        if (selection_has(&selection, processes[i]))
            buffer_append_format(&out, "%s%s", out.size ? " " : "",
                                 plan_process_name(&plan, processes[i], name));
    }
    expect_written(&out, wanted);
    buffer_fini(&out);
    arena_fini(&arena);
}

static void selects(void **state)
{
    (void)state;
    expect_selected("", "web.1 web.2 web.10 worker.1 clock.1");
    expect_selected("*", "web.1 web.2 web.10 worker.1 clock.1");
    expect_selected("web", "web.1 web.2 web.10");
    expect_selected("web.2", "web.2");
    expect_selected("web.1 clock", "web.1 clock.1");
    expect_selected("web.1 web", "web.1 web.2 web.10");
    expect_selected("w*", "web.1 web.2 web.10 worker.1");
    expect_selected("w?b", "web.1 web.2 web.10");
    expect_selected("*.1", "web.1 worker.1 clock.1");
    expect_selected("*r.1", "worker.1");
    expect_selected("web.?", "web.1 web.2");
    expect_selected("web.1*", "web.1 web.10");
    expect_selected("web.*0", "web.10");
    expect_selected("web-1", ""); // known, without processes
    expect_selected("web-1.*", "");
    expect_selected("web.??? worker", "worker.1");
}

static void names_what_is_unknown(void **state)
{
    (void)state;
    static const struct {
        const char *patterns;
        const char *sentence;
    } examples[] = {
        {"wob", "nothing is called 'wob': did you mean 'web'?"},
        {"web wroker", "nothing is called 'wroker': did you mean 'worker'?"},
        {"wob.2", "nothing is called 'wob.2': did you mean 'web.2'?"},
        {"wob.7", "nothing is called 'wob.7': did you mean 'web'?"},
        {"web.7", "nothing is called 'web.7'"},
        {"web.01", "nothing is called 'web.01'"},
        {"web.0", "nothing is called 'web.0'"},
        {"web.65537", "nothing is called 'web.65537'"}, // 16 bits
        {"web.", "nothing is called 'web.'"},
        {"web.x", "nothing is called 'web.x'"},
        {"web.1.1", "nothing is called 'web.1.1'"},
        {".1", "nothing is called '.1'"},
        {"x*", "nothing is called 'x*'"},
        {"*.7", "nothing is called '*.7'"},
        {"database", "nothing is called 'database'"},
        {" ", "nothing is called ''"},
    };
    for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
        struct process_type types[TYPE_COUNT];
        struct arena arena = {0};
        struct selection selection;
        struct refusal refusal;
        assert_int_equal(parse(examples[i].patterns, types, &arena, &selection, &refusal), -EINVAL);
        expect_refusal(&refusal, examples[i].sentence);
        arena_fini(&arena);
    }
}

static void knows_gone_types_as_long_as_they_have_processes(void **state)
{
    (void)state;
    struct process_type types[TYPE_COUNT];
    struct plan plan = expect_plan(types);
    struct str pattern = str_of("w*");
    struct str_list list = {&pattern, 1};
    struct arena arena = {0};
    struct selection selection;
    struct refusal refusal;
    types[TYPE_WEB].is_gone = types[TYPE_WORKER].is_gone = true;
    assert_int_equal(selection_parse(&plan, list, processes, 1, &arena, &selection, &refusal), 0);
    assert_true(selection_has(&selection, (struct process_id){TYPE_WEB, 9}));
    assert_true(selection_has(&selection, (struct process_id){TYPE_WEB_1, 1}));
    assert_false(selection_has(&selection, (struct process_id){TYPE_WORKER, 1}));
    pattern = str_of("clock.300"); // any number, with nothing to look at
    assert_int_equal(selection_parse(&plan, list, NULL, 0, &arena, &selection, &refusal), 0);
    assert_true(selection_has(&selection, (struct process_id){TYPE_CLOCK, 300}));
    pattern = str_of("web");
    assert_int_equal(selection_parse(&plan, list, NULL, 0, &arena, &selection, &refusal), -EINVAL);
    expect_refusal(&refusal, "nothing is called 'web': did you mean 'web-1'?");
    arena_fini(&arena);
}

static void limits_wildcards_only(void **state)
{
    (void)state;
    struct process_type types[TYPE_COUNT];
    struct plan plan = expect_plan(types);
    static struct str patterns[LIMIT_PATTERNS];
    struct arena arena = {0};
    struct selection selection;
    struct refusal refusal;
    for (size_t i = 0; i < LIMIT_PATTERNS; i++)
        patterns[i] = str_of(i < LIMIT_WILDCARDS ? "w*.1" : i % 2 ? "web.10" : "web.1");
    struct str_list list = {patterns, LIMIT_PATTERNS};
    assert_int_equal(
        selection_parse(&plan, list, processes, PROCESS_COUNT, &arena, &selection, &refusal), 0);
    assert_true(selection_has(&selection, (struct process_id){TYPE_WEB, 10}));
    assert_false(selection_has(&selection, (struct process_id){TYPE_WEB, 2}));
    patterns[LIMIT_WILDCARDS] = str_of("?eb");
    assert_int_equal(
        selection_parse(&plan, list, processes, PROCESS_COUNT, &arena, &selection, &refusal),
        -EINVAL);
    expect_refusal(&refusal, "more than 64 patterns are not possible");
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selects),
        cmocka_unit_test(names_what_is_unknown),
        cmocka_unit_test(knows_gone_types_as_long_as_they_have_processes),
        cmocka_unit_test(limits_wildcards_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
