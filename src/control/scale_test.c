// SPDX-License-Identifier: MIT
#include "control/scale.h"

#include "base/limits.h"
#include "control/expect.h"

#include <errno.h>

enum { MOST_CHANGES = 4 };

// Changes in one text, separated by blanks.
static struct str_list list_of(const char *text, struct str items[MOST_CHANGES])
{
    struct str_list list = {.items = items};
    struct str rest = str_of(*text ? text : NULL);
    if (!*text)
        return list;
    while (list.count < MOST_CHANGES && str_next(&rest, ' ', &items[list.count]))
        list.count++;
    return list;
}

static int apply(const char *text, bool reset, struct scaled *out, struct refusal *refusal)
{
    struct process_type types[TYPE_COUNT];
    struct str items[MOST_CHANGES];
    struct plan plan = expect_plan(types);
    for (unsigned i = 0; i < TYPE_COUNT; i++)
        types[i].declared = 5 + i;
    struct scale scale = {list_of(text, items), reset};
    return scale_apply(&plan, &scale, out, refusal);
}

static void expect_quantities(const char *text, bool reset, unsigned web, unsigned worker,
                              unsigned web_1, unsigned clock)
{
    struct scaled quantities[TYPE_COUNT];
    struct refusal refusal;
    if (apply(text, reset, quantities, &refusal) != 0)
        fail_msg("%s: %s: %s", text, refusal.subject, refusal.detail);
    assert_int_equal(quantities[TYPE_WEB].quantity, web);
    assert_int_equal(quantities[TYPE_WORKER].quantity, worker);
    assert_int_equal(quantities[TYPE_WEB_1].quantity, web_1);
    assert_int_equal(quantities[TYPE_CLOCK].quantity, clock);
}

static void applies_changes(void **state)
{
    (void)state;
    expect_quantities("web=3", false, 3, 1, 0, 1);
    expect_quantities("web=3 worker+2 clock-1", false, 3, 3, 0, 0);
    expect_quantities("web=0 worker=0 clock=0", false, 0, 0, 0, 0);
    expect_quantities("web+0", false, 2, 1, 0, 1);
    expect_quantities("web-1=4", false, 2, 1, 4, 1); // a type's name
    expect_quantities("web-1+4", false, 2, 1, 4, 1);
    expect_quantities("web-1", false, 1, 1, 0, 1); // web is there, too: one less of it
    expect_quantities("web-1-0", false, 2, 1, 0, 1);
    expect_quantities("web=007", false, 7, 1, 0, 1);
    expect_quantities("worker=8189", false, 2, 8189, 0, 1); // as many as there can be
    expect_quantities("worker=8192 web=0 clock=0", false, 0, 8192, 0, 0);
}

static void resets(void **state)
{
    (void)state;
    expect_quantities("", true, 5, 6, 7, 8);
    expect_quantities("worker", true, 2, 6, 0, 1);
    expect_quantities("web-1 clock", true, 2, 1, 7, 8);
}

static void expect_refused(const char *text, bool reset, const char *sentence)
{
    struct scaled quantities[TYPE_COUNT] = {{91, true}, {92, true}, {93, true}, {94, true}};
    struct refusal refusal;
    assert_int_equal(apply(text, reset, quantities, &refusal), -EINVAL);
    expect_refusal(&refusal, sentence);
    for (unsigned i = 0; i < TYPE_COUNT; i++) // none of it
        assert_int_equal(quantities[i].quantity, 91 + i);
}

static void refuses_all_for_one_mistake(void **state)
{
    (void)state;
    static const struct {
        const char *changes;
        const char *sentence;
    } examples[] = {
        {"web=-1", "web=-1: there cannot be fewer than 0 processes"},
        {"web=1000000000", "web=1000000000: there can be at most 8192 processes"},
        {"web=99999999999999999999", "web=99999999999999999999: there can be at most 8192 "
                                     "processes"},
        {"web+1000000000", "web+1000000000: there can be at most 8192 processes"},
        {"web=10^9", "web=10^9: '10^9' is no number"},
        {"web=x", "web=x: 'x' is no number"},
        {"web=auto", "web=auto: 'web' has no 'scale' in formation.yaml, so nothing says how many"},
        {"web+auto", "web+auto: 'auto' is no number"},
        {"web=1.5", "web=1.5: '1.5' is no number"},
        {"web=+1", "web=+1: '+1' is no number"},
        {"web==1", "web==1: '=1' is no number"},
        {"web=", "web=: how many? Write web=1"},
        {"web", "web: how many? Write web=1"},
        {"clock", "clock: how many? Write clock=1"},
        {"web+", "web+: how many? Write web=1"},
        {"web-", "web-: how many? Write web=1"},
        {"web-3", "web-3: there cannot be fewer than 0 processes; 'web' has 2"},
        {"wob=1", "nothing is called 'wob': did you mean 'web'?"},
        {"wroker+1", "nothing is called 'wroker': did you mean 'worker'?"},
        {"web--1", "nothing is called 'web-': did you mean 'web'?"},
        {"web.1=1", "web.1=1: 'web.1' is one process: how many there are is said of 'web'"},
        {"wob.1=1", "nothing is called 'wob.1': did you mean 'web-1'?"},
        {"database=1", "nothing is called 'database'"},
        {"=1", "nothing is called ''"},
        {"-1", "nothing is called ''"},
        {"web=1 web=2", "web=2: 'web' is changed twice"},
        {"web=1 clock=2 web+1", "web+1: 'web' is changed twice"},
        {"web=1 clock=x", "clock=x: 'x' is no number"},
        {"worker=8190", "more than 8192 processes are not possible"},
        {"web=8192 worker=8192 clock=8192", "more than 8192 processes are not possible"},
    };
    for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++)
        expect_refused(examples[i].changes, false, examples[i].sentence);
    expect_refused("web=3", true,
                   "web=3: a reset takes names only, their numbers stand in the files");
    expect_refused("web clokc", true, "nothing is called 'clokc': did you mean 'clock'?");
}

static void knows_no_types_that_are_gone(void **state)
{
    (void)state;
    struct process_type types[TYPE_COUNT];
    struct plan plan = expect_plan(types);
    struct str change = str_of("web=1");
    struct scale scale = {.changes = {&change, 1}};
    struct scaled quantities[TYPE_COUNT];
    struct refusal refusal;
    types[TYPE_WEB].is_gone = true;
    assert_int_equal(scale_apply(&plan, &scale, quantities, &refusal), -EINVAL);
    expect_refusal(&refusal, "nothing is called 'web': did you mean 'web-1'?");
}

static void keeps_ports_in_bounds(void **state)
{
    (void)state;
    struct process_type types[TYPE_COUNT];
    struct plan plan = expect_plan(types);
    struct str change = str_of("web=10");
    struct scale scale = {.changes = {&change, 1}};
    struct scaled quantities[TYPE_COUNT];
    struct refusal refusal;
    plan.port_base = 65526; // web.10 gets 65535
    assert_int_equal(scale_apply(&plan, &scale, quantities, &refusal), 0);
    plan.port_base = 65527;
    assert_int_equal(scale_apply(&plan, &scale, quantities, &refusal), -EINVAL);
    expect_refusal(&refusal,
                   "web: with 10 processes 'web' would reach port 65536; the highest is 65535");
    plan.has_port = false;
    assert_int_equal(scale_apply(&plan, &scale, quantities, &refusal), 0);
}

static void lets_the_demand_decide(void **state)
{
    (void)state;
    static const struct {
        const char *change;
        bool reset;
        bool was_fixed;
        struct scaled then;
    } cases[] = {
        {"web=3", false, false, {3, true}},     {"web=2", false, false, {2, true}},
        {"web+1", false, false, {3, true}},     {"web=auto", false, true, {2, false}},
        {"web=auto", false, false, {2, false}}, {"web", true, true, {2, false}},
        {"clock=3", false, true, {2, true}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct process_type types[TYPE_COUNT];
        struct plan plan = expect_plan(types);
        struct str change = str_of(cases[i].change);
        struct scale scale = {{&change, 1}, cases[i].reset};
        struct scaled after[TYPE_COUNT];
        struct refusal refusal;
        types[TYPE_WEB].scale.is_set = true;
        types[TYPE_WEB].declared = 1;
        types[TYPE_WEB].is_fixed = cases[i].was_fixed;
        assert_int_equal(scale_apply(&plan, &scale, after, &refusal), 0);
        assert_int_equal(after[TYPE_WEB].quantity, cases[i].then.quantity);
        assert_int_equal(after[TYPE_WEB].is_fixed, cases[i].then.is_fixed);
        assert_false(after[TYPE_CLOCK].is_fixed); // it has no demand
    }
}

static void what_the_command_line_fixed_is_reset_to_that(void **state)
{
    (void)state;
    struct process_type types[TYPE_COUNT];
    struct plan plan = expect_plan(types);
    struct scale scale = {.reset = true};
    struct scaled after[TYPE_COUNT];
    struct refusal refusal;
    types[TYPE_WEB].scale.is_set = types[TYPE_WEB].declared_is_fixed = true;
    types[TYPE_WEB].declared = 7;
    assert_int_equal(scale_apply(&plan, &scale, after, &refusal), 0);
    assert_int_equal(after[TYPE_WEB].quantity, 7);
    assert_true(after[TYPE_WEB].is_fixed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(applies_changes),
        cmocka_unit_test(resets),
        cmocka_unit_test(refuses_all_for_one_mistake),
        cmocka_unit_test(knows_no_types_that_are_gone),
        cmocka_unit_test(keeps_ports_in_bounds),
        cmocka_unit_test(lets_the_demand_decide),
        cmocka_unit_test(what_the_command_line_fixed_is_reset_to_that),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
