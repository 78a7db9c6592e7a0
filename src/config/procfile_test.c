// SPDX-License-Identifier: MIT
// The grammar itself is in cases_test.c; here is what is said about lines that are not in it.
#include "config/procfile.h"

#include "base/buffer.h"
#include "config/expect.h"

struct fixture {
    struct arena arena;
    struct diagnostics diagnostics;
    struct procfile procfile;
};

static void parse(struct fixture *fixture, struct str text, bool foreman)
{
    *fixture = (struct fixture){0};
    assert_int_equal(procfile_parse(text, "Procfile", foreman, &fixture->arena, &fixture->procfile,
                                    &fixture->diagnostics),
                     0);
}

static void finish(struct fixture *fixture)
{
    diagnostics_fini(&fixture->diagnostics);
    arena_fini(&fixture->arena);
}

static void knows_the_place_of_everything(void **state)
{
    (void)state;
    struct fixture fixture;
    parse(&fixture, str_of("# a shop\r\nweb:  run it \r\n\r\nworker:job"), false);
    assert_int_equal(fixture.procfile.count, 2);
    const struct procfile_entry *web = &fixture.procfile.entries[0];
    assert_true(str_is(web->name, "web") && str_is(web->command, "run it "));
    assert_true(str_is(web->origin.file, "Procfile"));
    assert_int_equal(web->origin.line, 2);
    assert_int_equal(web->origin.column, 1);
    assert_int_equal(web->command_column, 7);
    assert_int_equal(fixture.procfile.entries[1].origin.line, 4);
    assert_int_equal(fixture.procfile.entries[1].command_column, 8);
    finish(&fixture);
}

static void explains_each_line_that_foreman_ignores(void **state)
{
    (void)state;
    struct fixture fixture;
    parse(&fixture,
          str_of("web : a\n"
                 "  job: b\n"
                 "my.app: c\n"
                 "nothing here\n"
                 ": d\n"
                 "empty:\n"
                 "blank: \t \n"
                 "ok: e\n"),
          false);
    assert_int_equal(fixture.procfile.count, 1);
    EXPECT_FINDINGS(&fixture.diagnostics, "Procfile:1:4: blanks before the colon: write 'web:'",
                    "Procfile:2:1: blanks before the name: write 'job:' at the start of the line",
                    "Procfile:3:3: a name has only letters, digits, '-' and '_': 'my.app' cannot",
                    "Procfile:4:1: no colon in this line: write NAME: COMMAND",
                    "Procfile:5:1: no name before the colon",
                    "Procfile:6:7: 'empty' has no command", "Procfile:7:7: 'blank' has no command");
    finish(&fixture);
}

static void is_silent_as_foreman(void **state)
{
    (void)state;
    struct fixture fixture;
    parse(&fixture, str_of("web : a\n job: b\nno\nweb: 1\nweb: 2\nblank: \t \n"), true);
    assert_int_equal(fixture.procfile.count, 3);
    assert_true(str_is(fixture.procfile.entries[0].command, "1"));
    assert_true(str_is(fixture.procfile.entries[1].command, "2"));
    assert_true(str_is(fixture.procfile.entries[2].command, " "));
    EXPECT_FINDINGS(&fixture.diagnostics);
    finish(&fixture);
}

static void names_both_lines_of_a_duplicate(void **state)
{
    (void)state;
    struct fixture fixture;
    parse(&fixture, str_of("web: a\n\njob: b\nweb: c\n"), false);
    EXPECT_FINDINGS(&fixture.diagnostics, "Procfile:4:1: 'web' is already declared in line 1");
    finish(&fixture);
}

static void wants_at_least_one_process(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "\n\n", "# only this", " \t \r\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct fixture fixture;
        parse(&fixture, str_of(texts[i]), i % 2);
        EXPECT_FINDINGS(&fixture.diagnostics, "Procfile: no processes defined");
        finish(&fixture);
    }
}

static void refuses_nul_bytes(void **state)
{
    (void)state;
    struct fixture fixture;
    parse(&fixture, str_from("ok: a\nweb: x\0y\n", 15), true);
    assert_int_equal(fixture.procfile.count, 1);
    EXPECT_FINDINGS(&fixture.diagnostics, "Procfile:2:7: a NUL byte");
    finish(&fixture);
}

static void has_limits(void **state)
{
    (void)state;
    struct fixture fixture;
    struct buffer text = {0};
    for (int i = 0; i <= LIMIT_NAME_BYTES; i++)
        buffer_append_char(&text, 'n');
    buffer_append_text(&text, ": x\nlong: ");
    for (int i = 0; i < LIMIT_ARGUMENT_BYTES; i++)
        buffer_append_char(&text, 'c');
    buffer_append_char(&text, '\n');
    for (int i = 0; i <= LIMIT_TYPES + 5; i++)
        buffer_append_format(&text, "t%d: x\n", i);
    parse(&fixture, buffer_str(&text), false);
    assert_int_equal(fixture.procfile.count, LIMIT_TYPES);
    EXPECT_FINDINGS(&fixture.diagnostics, "Procfile:1:1: a name of 101 bytes",
                    "Procfile:2:7: the command of 'long' has 131072 bytes",
                    "Procfile:259:1: more than 256 process types");
    finish(&fixture);
    buffer_fini(&text);
}

static void tells_names_from_others(void **state)
{
    (void)state;
    assert_true(procfile_is_name(str_of("web-2_B")));
    assert_false(procfile_is_name(str_of("")));
    assert_false(procfile_is_name(str_of("a b")));
    assert_false(procfile_is_name(str_of("é")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_place_of_everything),
        cmocka_unit_test(explains_each_line_that_foreman_ignores),
        cmocka_unit_test(is_silent_as_foreman),
        cmocka_unit_test(names_both_lines_of_a_duplicate),
        cmocka_unit_test(wants_at_least_one_process),
        cmocka_unit_test(refuses_nul_bytes),
        cmocka_unit_test(has_limits),
        cmocka_unit_test(tells_names_from_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
