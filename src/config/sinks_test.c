// SPDX-License-Identifier: MIT
#include "config/sinks.h"

#include "base/buffer.h"
#include "base/limits.h"
#include "config/assemble.h"
#include "config/expect.h"

// A formation of two web, one worker and no clock, with what `logs` says; NULL if it is refused.
// The caller frees it by plan_free.
static struct plan *assemble(const char *app, const char *logs, const char *finding)
{
    struct arena arena = {0};
    struct diagnostics diagnostics = {0};
    struct declaration declaration;
    struct options options = {0};
    struct buffer text = {0};
    struct plan *plan;
    struct plan_sources sources = {
        .declaration = &declaration, .options = &options, .app = app, .root = "/srv"};
    buffer_append_format(&text,
                         "logs:\n%s\n"
                         "processes:\n"
                         "  web: {command: web, quantity: 2}\n"
                         "  worker: {command: worker}\n"
                         "  clock: {command: clock, quantity: 0}\n",
                         logs);
    assert_int_equal(
        declaration_parse(buffer_str(&text), "formation.yaml", &arena, &declaration, &diagnostics),
        0);
    (void)plan_assemble(&sources, &plan, &diagnostics);
    expect_findings(&diagnostics, (const char *const[]){finding, NULL});
    buffer_fini(&text);
    diagnostics_fini(&diagnostics);
    arena_fini(&arena);
    return plan;
}

static void copies_all(void **state)
{
    (void)state;
    struct plan *plan = assemble("shop",
                                 "- {file: \"l/{type}\", processes: [web, \"*.1\"], mode: 0600}\n"
                                 "- syslog: udp://[::1]\n",
                                 NULL);
    assert_int_equal(plan->sink_count, 2);
    assert_string_equal(plan->sinks[0].target.bytes, "l/{type}");
    assert_int_equal(plan->sinks[0].origin.line, 2);
    assert_string_equal(plan->sinks[0].origin.file.bytes, "formation.yaml");
    assert_int_equal(plan->sinks[0].pattern_count, 2);
    assert_string_equal(plan->sinks[0].patterns[1].bytes, "*.1");
    assert_int_equal(plan->sinks[0].file_mode, 0600);
    assert_string_equal(plan->sinks[1].target.bytes, "::1");
    assert_int_equal(plan->sinks[1].port, 514);
    plan_free(plan);
}

static void finds(const char *logs, const char *finding)
{
    struct plan *plan = assemble("shop", logs, finding);
    assert_true(!plan == (finding != NULL));
    plan_free(plan);
}

static void looks_patterns_up(void **state)
{
    (void)state;
    finds("- {file: a, processes: [web.9, clock, 'c*', '*.7']}", NULL);
    finds("- {file: a, processes: [wbe]}",
          "formation.yaml:2:25: there is no process type 'wbe': did you mean 'web'?");
    finds("- {file: a, processes: [web, wbe.2]}",
          "formation.yaml:2:30: there is no process type 'wbe': did you mean 'web'?");
    finds("- {file: a, processes: [database]}",
          "formation.yaml:2:25: there is no process type 'database'");
    finds("- {syslog: true, processes: ['x*.1']}",
          "formation.yaml:2:30: no process type fits 'x*.1'");
}

static void keeps_files_apart(void **state)
{
    (void)state;
    finds("- file: a\n- file: b\n", NULL);
    finds("- syslog: true\n- syslog: true\n- journald: true\n- journald: true\n", NULL);
    finds("- file: a\n- file: ./a\n",
          "formation.yaml:3:9: 'web.1' would be written to /srv/a twice: line 2 does so already");
    finds("- file: a\n- file: /srv//a\n", "formation.yaml:3:9: 'web.1' would be written to /srv/a");
    finds("- file: \"{type}\"\n- {file: worker, processes: clock}\n",
          "formation.yaml:3:10: 'clock.1' would be written to /srv/worker twice");
    finds("- {file: web.2}\n- file: \"{process}\"\n",
          "formation.yaml:3:9: 'web.2' would be written to /srv/web.2 twice: line 2");
    finds("- file: \"{app}\"\n- file: shop\n", "formation.yaml:3:9: 'web.1' would be written to");
    // Each has its own of them.
    finds("- {file: \"{type}\", processes: web}\n- {file: \"{type}\", processes: worker}\n", NULL);
    finds("- {file: \"{process}\", processes: web.1}\n- {file: \"{process}\", processes: web.2}\n",
          NULL);
    finds("- {file: \"{type}\", processes: web.1}\n- {file: \"{type}\", processes: web.2}\n",
          "formation.yaml:3:10: 'web.2' would be written to /srv/web twice: line 2");
}

static void warns_of_lines_without_names(void **state)
{
    (void)state;
    static const char warning[] = "formation.yaml:2:10: raw lines of several process types";
    struct plan *plan = assemble("shop", "- {file: a, format: raw}", warning);
    assert_non_null(plan);
    plan_free(plan);
    finds("- {file: a, format: json}", NULL);
    finds("- {file: a, format: raw, processes: [web, clock]}", NULL);
    finds("- {file: \"{type}\", format: raw}", NULL);
}

static void refuses_long_paths(void **state)
{
    (void)state;
    struct buffer logs = {0};
    char app[LIMIT_NAME_BYTES + 1];
    memset(app, 'a', sizeof(app) - 1);
    app[sizeof(app) - 1] = '\0';
    struct plan *plan = assemble(app, "- file: \"{app}-{app}\"", NULL);
    assert_non_null(plan);
    plan_free(plan);
    assert_null(assemble(app, "- file: \"{app}-{app}-{app}\"",
                         "formation.yaml:2:9: the path would be too long for 'web.1'"));
    buffer_append_text(&logs, "- file: \"{app}");
    for (int i = 0; i < 50; i++)
        buffer_append_text(&logs, "/{app}");
    buffer_append_format(&logs, "\"%c", 0);
    assert_null(assemble(app, logs.bytes, "formation.yaml:2:9: the path would be too long for"));
    buffer_fini(&logs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_all),
        cmocka_unit_test(looks_patterns_up),
        cmocka_unit_test(keeps_files_apart),
        cmocka_unit_test(warns_of_lines_without_names),
        cmocka_unit_test(refuses_long_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
