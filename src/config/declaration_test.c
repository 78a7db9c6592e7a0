// SPDX-License-Identifier: MIT
#include "config/declaration.h"

#include "base/buffer.h"
#include "config/expect.h"

#include <signal.h>

struct fixture {
    struct arena arena;
    struct diagnostics diagnostics;
    struct declaration declaration;
};

static void parse(struct fixture *fixture, struct str text)
{
    *fixture = (struct fixture){0};
    assert_int_equal(declaration_parse(text, "formation.yaml", &fixture->arena,
                                       &fixture->declaration, &fixture->diagnostics),
                     0);
}

static void finish(struct fixture *fixture)
{
    diagnostics_fini(&fixture->diagnostics);
    arena_fini(&fixture->arena);
}

static void expect_readiness_and_order(const struct declared_type *web)
{
    assert_int_equal(web->after_count, 2);
    assert_true(str_is(web->after[1].name, "plain"));
    assert_int_equal(web->after[1].origin.line, 13);
    assert_int_equal(web->after[1].origin.column, 20);
    assert_int_equal(web->ready.probe.kind, PROBE_NOTIFY);
    assert_int_equal(web->alive.probe.failures, 5);
    assert_true(web->policy.waits_for_ready);
    assert_int_equal(web->policy.boot_limit, 120 * NSEC_PER_SEC);
    assert_int_equal(web->policy.watchdog, 30 * NSEC_PER_SEC);
    assert_int_equal(web->policy.roll_surge, 2);
    assert_int_equal(web->policy.roll_max_unavailable, 0);
}

static void reads_every_key(void **state)
{
    (void)state;
    struct fixture fixture;
    parse(&fixture, str_of("app: shop\n"
                           "port: 7000\n"
                           "env: [.env, .env.local]\n"
                           "processes:\n"
                           "  web:\n"
                           "    quantity: 2\n"
                           "    restart: on-failure\n"
                           "    backoff: {base: 100ms, max: 1m, reset: 20s}\n"
                           "    stop: {signal: INT, grace: 1.5s}\n"
                           "    tty: true\n"
                           "    directory: ./app\n"
                           "    env: {RACK_ENV: production, DEBUG: 1, NOTHING: }\n"
                           "    after: [extra, plain]\n"
                           "    ready: {notify: true}\n"
                           "    alive: {exec: check, failures: 5}\n"
                           "    boot: 2m\n"
                           "    watchdog: 30s\n"
                           "    roll: {surge: 2, max_unavailable: 0}\n"
                           "  extra:\n"
                           "    command: sleep 1\n"
                           "  plain:\n"));
    EXPECT_FINDINGS(&fixture.diagnostics);
    const struct declaration *declaration = &fixture.declaration;
    assert_true(str_is(declaration->app, "shop"));
    assert_true(declaration->has_port);
    assert_int_equal(declaration->port, 7000);
    assert_int_equal(declaration->port_origin.line, 2);
    assert_int_equal(declaration->port_origin.column, 7);
    assert_int_equal(declaration->env_file_count, 2);
    assert_string_equal(declaration->env_files[1].bytes, ".env.local");
    assert_int_equal(declaration->type_count, 3);
    const struct declared_type *web = &declaration->types[0];
    assert_true(web->has_quantity && web->quantity == 2);
    assert_int_equal(web->policy.restart, RESTART_ON_FAILURE);
    assert_int_equal(web->policy.backoff_base, 100 * NSEC_PER_MSEC);
    assert_int_equal(web->policy.backoff_max, 60 * NSEC_PER_SEC);
    assert_int_equal(web->policy.backoff_reset, 20 * NSEC_PER_SEC);
    assert_int_equal(web->policy.stop_signal, SIGINT);
    assert_int_equal(web->policy.stop_grace, 1500 * NSEC_PER_MSEC);
    assert_true(web->tty);
    assert_true(str_is(web->directory, "./app"));
    assert_int_equal(web->environment.count, 3);
    assert_true(str_is(web->environment.variables[1].name, "DEBUG"));
    assert_true(str_is(web->environment.variables[1].value, "1"));
    assert_true(str_is(web->environment.variables[2].value, ""));
    assert_int_equal(web->origin.line, 5);
    expect_readiness_and_order(web);
    assert_true(str_is(declaration->types[1].command, "sleep 1"));
    assert_int_equal(declaration->types[2].policy.backoff_base, 50 * NSEC_PER_MSEC);
    assert_false(declaration->types[2].has_quantity);
    assert_int_equal(declaration->types[2].ready.probe.kind, PROBE_NONE);
    assert_int_equal(declaration->types[2].alive.probe.kind, PROBE_NONE);
    assert_int_equal(declaration->types[2].after_count, 0);
    assert_false(declaration->types[2].policy.waits_for_ready);
    assert_int_equal(declaration->types[2].policy.roll_max_unavailable, 1);
    finish(&fixture);
}

// "processes: {web: {…}}" and the only finding.
static void finds(const char *text, const char *finding)
{
    struct fixture fixture;
    struct buffer file = {0};
    buffer_append_text(&file, "processes: {web: {");
    buffer_append_text(&file, text);
    buffer_append_text(&file, "}}\n");
    parse(&fixture, buffer_str(&file));
    expect_findings(&fixture.diagnostics, (const char *const[]){finding, NULL});
    finish(&fixture);
    buffer_fini(&file);
}

static void checks_rolls_and_times(void **state)
{
    (void)state;
    finds("roll: {surge: 1}", NULL);
    finds("roll: {max_unavailable: 8192}", NULL);
    finds("roll: {surge: 0, max_unavailable: 0}",
          "formation.yaml:1:25: 'surge' and 'max_unavailable' are both 0");
    finds("roll: {max_unavailable: 0}", "formation.yaml:1:25: 'surge' and 'max_unavailable' are");
    finds("roll: {surge: 25%}", "formation.yaml:1:33: 'surge' takes a number from 0 to 8192, not "
                                "'25%'");
    finds("roll: {surge: -1}", "formation.yaml:1:33: 'surge' takes a number from 0 to 8192");
    finds("roll: {max_surge: 1}", "formation.yaml:1:26: unknown key 'max_surge'");
    finds("roll: 1", "formation.yaml:1:25: 'roll' takes a map of keys and values, not one value");
    finds("ready: {tcp: 80}, boot: 0", "formation.yaml:1:43: 'boot' takes at least 10ms, not '0'");
    finds("boot: 5s, ready: {tcp: 80}", NULL);
    finds("boot: 5s", "formation.yaml:1:19: 'boot' means nothing without 'ready'");
    finds("boot: 5s, alive: {tcp: 80}", "formation.yaml:1:19: 'boot' means nothing without");
    finds("boot: 5s, ready: {}", "formation.yaml:1:36: 'ready' does not say by what");
    finds("watchdog: 30s", NULL);
    finds("watchdog: 30s, ready: {notify: true}", NULL);
    finds("watchdog: 30s, ready: {tcp: 80}, alive: {tcp: 80}", NULL);
    finds("watchdog: 0", "formation.yaml:1:29: 'watchdog' takes at least 10ms, not '0'");
    finds("watchdog: often", "formation.yaml:1:29: 'watchdog' takes a time as 50ms");
    finds("wachdog: 30s", "formation.yaml:1:19: unknown key 'wachdog': did you mean 'watchdog'?");
}

static void may_be_empty(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "# nothing\n", "---\n", "{}", "~"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct fixture fixture;
        parse(&fixture, str_of(texts[i]));
        assert_int_equal(fixture.declaration.type_count, 0);
        assert_false(fixture.declaration.has_port || fixture.declaration.has_env_files);
        EXPECT_FINDINGS(&fixture.diagnostics);
        finish(&fixture);
    }
}

static void finds_everything_wrong_at_once(void **state)
{
    (void)state;
    struct fixture fixture;
    parse(&fixture, str_of("prot: 1\n"
                           "port: 70000\n"
                           "env: {a: b}\n"
                           "processes:\n"
                           "  web:\n"
                           "    quantity: -1\n"
                           "    restart: sometimes\n"
                           "    backoff: {base: 0s}\n"
                           "    stop: {signal: TREM, grace: soon}\n"
                           "    tty: maybe\n"
                           "    directory: ''\n"
                           "    env: {A-B: 1, C: [1]}\n"
                           "    budget: {}\n"
                           "  web:\n"
                           "  a b:\n"
                           "  job: [x]\n"));
    EXPECT_FINDINGS(
        &fixture.diagnostics, "formation.yaml:14:3: 'web' is already in line 5",
        "formation.yaml:1:1: unknown key 'prot': did you mean 'port'?",
        "formation.yaml:2:7: 'port' takes a number from 1 to 65535, not '70000'",
        "formation.yaml:3:6: 'env' takes one value, not a map",
        "formation.yaml:6:15: 'quantity' takes a number from 0 to 8192, not '-1'",
        "formation.yaml:7:14: 'restart' takes always, on-failure or never, not 'sometimes'",
        "formation.yaml:8:14: 'base' is less than 1ms", "formation.yaml:9:20: 'TREM' is no signal",
        "formation.yaml:9:33: 'grace' takes a time as 50ms, 10s or 2m, not 'soon'",
        "formation.yaml:10:10: 'tty' takes true or false, not 'maybe'",
        "formation.yaml:11:16: 'directory' takes a text, not ''",
        "formation.yaml:12:11: a variable's name has only letters, digits and '_': 'A-B'",
        "formation.yaml:12:22: 'C' takes one value, not a list",
        "formation.yaml:13:5: unknown key 'budget'",
        "formation.yaml:15:3: a process type's name has 1 to 100 letters",
        "formation.yaml:16:8: 'job' takes a map of keys and values, not a list");
    finish(&fixture);
}

static void reports_what_is_no_yaml(const char *text, const char *finding)
{
    struct fixture fixture;
    parse(&fixture, str_of(text));
    assert_int_equal(fixture.declaration.type_count, 0);
    EXPECT_FINDINGS(&fixture.diagnostics, finding);
    finish(&fixture);
}

static void has_a_place_for_syntax_errors(void **state)
{
    (void)state;
    reports_what_is_no_yaml("app: [x\nport: 1\n", "formation.yaml:3:1: flow sequence");
    reports_what_is_no_yaml("a:\n\tb: 1\n", "formation.yaml:2:");
    reports_what_is_no_yaml("app: \xff\n", "formation.yaml:1:6: a byte that is no text in UTF-8");
    reports_what_is_no_yaml("app: x\n---\napp: y\n", "formation.yaml:2:1: a second document");
    reports_what_is_no_yaml("just text", "formation.yaml:1:1: this takes a map");
    reports_what_is_no_yaml("app: \"a\\0b\"\n", "formation.yaml:1:6: a NUL byte");
    reports_what_is_no_yaml("? [a]\n: b\n", "formation.yaml:1:3: a key must be a plain text");
}

static void refuses_what_makes_bombs(void **state)
{
    (void)state;
    reports_what_is_no_yaml("a: &a [x, x]\nb: [*a, *a]\n", "formation.yaml:1:");
    reports_what_is_no_yaml("app: *x\n", "formation.yaml:1:6: an alias ('*') is not supported");
    reports_what_is_no_yaml("app: !!str 5\n", "formation.yaml:1:12: a tag ('!') is not supported");
    reports_what_is_no_yaml("a: [[[[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]]]]\n", "formation.yaml:1:");

    struct fixture fixture;
    struct buffer text = {0};
    buffer_append_text(&text, "env: [");
    for (int i = 0; i < 200 * 1000; i++)
        buffer_append_text(&text, "a,");
    buffer_append_text(&text, "a]\n");
    parse(&fixture, buffer_str(&text));
    EXPECT_FINDINGS(&fixture.diagnostics, "formation.yaml:1:200001: more than 100000 values");
    finish(&fixture);
    buffer_fini(&text);
}

static void warns_of_variables_that_never_arrive(void **state)
{
    (void)state;
    struct fixture fixture;
    parse(&fixture, str_of("processes: {web: {env: {PORT: 80}}}\n"));
    assert_int_equal(fixture.diagnostics.error_count, 0);
    EXPECT_FINDINGS(&fixture.diagnostics, "formation.yaml:1:25: 'PORT' is set for each process");
    finish(&fixture);
    finds("env: {NOTIFY_SOCKET: x}",
          "formation.yaml:1:25: 'NOTIFY_SOCKET' is set by the formation");
    finds("env: {WATCHDOG_USEC: 1}",
          "formation.yaml:1:25: 'WATCHDOG_USEC' is set by the formation");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_key),
        cmocka_unit_test(checks_rolls_and_times),
        cmocka_unit_test(may_be_empty),
        cmocka_unit_test(finds_everything_wrong_at_once),
        cmocka_unit_test(has_a_place_for_syntax_errors),
        cmocka_unit_test(refuses_what_makes_bombs),
        cmocka_unit_test(warns_of_variables_that_never_arrive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
