// SPDX-License-Identifier: MIT
#include "config/defaults.h"

#include "config/expect.h"

struct fixture {
    struct arena arena;
    struct diagnostics diagnostics;
};

static void merge(struct fixture *fixture, const char *text, struct options *options)
{
    *fixture = (struct fixture){0};
    assert_int_equal(
        defaults_merge(str_of(text), ".foreman", &fixture->arena, options, &fixture->diagnostics),
        0);
}

static void finish(struct fixture *fixture)
{
    diagnostics_fini(&fixture->diagnostics);
    arena_fini(&fixture->arena);
}

static void fills_what_is_unsaid(void **state)
{
    (void)state;
    struct fixture fixture;
    struct options options = {0};
    merge(&fixture,
          "procfile: Procfile.dev\nroot: app\nenv: .env,.env.local\nformation: release=0,web=1\n"
          "except: [clock, job]\nport: 7000\ntimeout: 10\ncolor: yes\ntimestamp: false\ntty: true\n"
          "prefix: off\n",
          &options);
    EXPECT_FINDINGS(&fixture.diagnostics);
    assert_string_equal(options.procfile, "Procfile.dev");
    assert_string_equal(options.root, "app");
    assert_string_equal(options.env_files, ".env,.env.local");
    assert_string_equal(options.formation, "release=0,web=1");
    assert_string_equal(options.except, "clock,job");
    assert_true(options.has_port && options.port == 7000);
    assert_true(options.has_timeout && options.timeout == 10 * NSEC_PER_SEC);
    assert_int_equal(options.color, COLOR_ALWAYS);
    assert_true(options.no_timestamp && options.tty && options.no_prefix);
    finish(&fixture);
}

static void stays_under_the_command_line(void **state)
{
    (void)state;
    struct fixture fixture;
    struct options options = {.procfile = "P",
                              .formation = "web=2",
                              .port = 1,
                              .has_port = true,
                              .timeout = 1,
                              .has_timeout = true,
                              .color = COLOR_NEVER,
                              .timestamp = true};
    merge(&fixture,
          "{procfile: x, formation: x, port: 2, timeout: 2, color: true, timestamp: false, "
          "no-port: true}",
          &options);
    EXPECT_FINDINGS(&fixture.diagnostics);
    assert_string_equal(options.procfile, "P");
    assert_string_equal(options.formation, "web=2");
    assert_int_equal(options.port, 1);
    assert_int_equal(options.timeout, 1);
    assert_int_equal(options.color, COLOR_NEVER);
    assert_false(options.no_timestamp || options.no_port);
    finish(&fixture);
}

static void passes_over_the_options_of_export(void **state)
{
    (void)state;
    struct fixture fixture;
    struct options options = {0};
    merge(&fixture, "app: a\nlog: /var/log\nrun: r\nuser: u\ntemplate: t\nconcurrency: web=1\n",
          &options);
    EXPECT_FINDINGS(&fixture.diagnostics);
    finish(&fixture);
}

static void reports_unknown_keys_unless_like_foreman(void **state)
{
    (void)state;
    struct fixture fixture;
    struct options options = {0};
    struct options like_foreman = {.foreman = true};
    merge(&fixture, "prot: 1\nport: x\n", &options);
    EXPECT_FINDINGS(&fixture.diagnostics, ".foreman:1:1: unknown key 'prot': did you mean 'port'?",
                    ".foreman:2:7: 'port' takes a number from 1 to 65535, not 'x'");
    finish(&fixture);
    merge(&fixture, "prot: 1\nport: 7000\nother: [1]\n", &like_foreman);
    EXPECT_FINDINGS(&fixture.diagnostics);
    assert_int_equal(like_foreman.port, 7000);
    finish(&fixture);
}

static void knows_time_formats(void **state)
{
    (void)state;
    struct fixture fixture;
    struct options options = {0};
    merge(&fixture, "timestamp: '%H:%M'\n", &options);
    EXPECT_FINDINGS(&fixture.diagnostics);
    assert_string_equal(options.timestamp_format, "%H:%M");
    assert_false(options.no_timestamp);
    finish(&fixture);
}

static void leaves_the_format_to_the_file_when_only_time_is_asked_for(void **state)
{
    (void)state;
    struct fixture fixture;
    struct options bare = {.timestamp = true};
    merge(&fixture, "timestamp: '%H:%M'\n", &bare);
    assert_string_equal(bare.timestamp_format, "%H:%M");
    assert_false(bare.no_timestamp);
    finish(&fixture);
    struct options format = {.timestamp = true, .timestamp_format = "%T"};
    merge(&fixture, "timestamp: '%H:%M'\n", &format);
    assert_string_equal(format.timestamp_format, "%T");
    finish(&fixture);
    struct options none = {.no_timestamp = true};
    merge(&fixture, "timestamp: '%H:%M'\n", &none);
    assert_true(none.no_timestamp);
    finish(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_what_is_unsaid),
        cmocka_unit_test(stays_under_the_command_line),
        cmocka_unit_test(passes_over_the_options_of_export),
        cmocka_unit_test(reports_unknown_keys_unless_like_foreman),
        cmocka_unit_test(knows_time_formats),
        cmocka_unit_test(leaves_the_format_to_the_file_when_only_time_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
