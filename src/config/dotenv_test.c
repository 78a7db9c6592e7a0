// SPDX-License-Identifier: MIT
// The grammar itself is in cases_test.c; here are the explanations, the warnings and the limits.
#include "config/dotenv.h"

#include "base/buffer.h"
#include "config/expect.h"

struct fixture {
    struct arena arena;
    struct diagnostics diagnostics;
    struct dotenv dotenv;
};

static void parse(struct fixture *fixture, struct str text, bool foreman)
{
    *fixture = (struct fixture){0};
    assert_int_equal(dotenv_parse(text, ".env", foreman, &fixture->arena, &fixture->dotenv,
                                  &fixture->diagnostics),
                     0);
}

static void finish(struct fixture *fixture)
{
    diagnostics_fini(&fixture->diagnostics);
    arena_fini(&fixture->arena);
}

static const char *value_of(const struct fixture *fixture, const char *name)
{
    const char *value = NULL;
    for (size_t i = 0; i < fixture->dotenv.count; i++)
        if (str_is(fixture->dotenv.entries[i].variable.name, name))
            value = fixture->dotenv.entries[i].variable.value.bytes;
    return value;
}

static void takes_what_the_others_agree_on(void **state)
{
    (void)state;
    struct fixture fixture;
    parse(&fixture,
          str_of("export A=1\n\t B\t=  two words  \nexport\tC='x # y'\n export D = \"a\\nb\"\n"
                 "export = e\n"),
          false);
    assert_string_equal(value_of(&fixture, "A"), "1");
    assert_string_equal(value_of(&fixture, "B"), "two words");
    assert_string_equal(value_of(&fixture, "C"), "x # y");
    assert_string_equal(value_of(&fixture, "D"), "a\nb");
    assert_string_equal(value_of(&fixture, "export"), "e");
    assert_int_equal(fixture.dotenv.entries[1].origin.line, 2);
    assert_int_equal(fixture.dotenv.entries[1].origin.column, 3);
    EXPECT_FINDINGS(&fixture.diagnostics);
    finish(&fixture);
}

static void explains_what_nobody_agrees_on(void **state)
{
    (void)state;
    struct fixture fixture;
    parse(&fixture,
          str_of("export A\nno equals\nA: 1\na-b=1\n=x\nexport B=1 # one\nexport C='1' # one\n"
                 "export D='1\n"),
          false);
    assert_int_equal(fixture.dotenv.count, 0);
    EXPECT_FINDINGS(&fixture.diagnostics, ".env:1:1: 'export' without a value sets nothing",
                    ".env:2:1: no '=' in this line",
                    ".env:3:2: a colon where '=' belongs: write A=value",
                    ".env:4:2: a name has only letters, digits and '_': 'a-b' cannot be one",
                    ".env:5:1: no name before '='", ".env:6:10: is '#' a comment here?",
                    ".env:7:10: text after the closing quote",
                    ".env:8:10: the quote is not closed in this line");
    finish(&fixture);
}

static void explains_values_of_several_lines_and_json(void **state)
{
    (void)state;
    struct fixture fixture;
    parse(&fixture, str_of("KEY=\"-----BEGIN\nAbC\n-----END\"\n"), false);
    assert_string_equal(value_of(&fixture, "KEY"), "\"-----BEGIN");
    EXPECT_FINDINGS(&fixture.diagnostics,
                    ".env:2:1: a value ends with its line, and line 1 opens a quote",
                    ".env:3:1: a value ends with its line");
    finish(&fixture);
    parse(&fixture, str_of("\n{\n\"port\": 80\n}\n"), false);
    EXPECT_FINDINGS(&fixture.diagnostics, ".env:2:1: this looks like JSON");
    finish(&fixture);
}

static void names_both_lines_of_a_duplicate(void **state)
{
    (void)state;
    struct fixture fixture;
    parse(&fixture, str_of("A=1\nB=2\nexport A=3\n"), false);
    assert_string_equal(value_of(&fixture, "A"), "3");
    EXPECT_FINDINGS(&fixture.diagnostics,
                    ".env:3:8: 'A' is already set in line 1, which does not count");
    finish(&fixture);
    parse(&fixture, str_of("A=1\nB=2\nA=3\nexport A=4\n"), true);
    assert_string_equal(value_of(&fixture, "A"), "3");
    EXPECT_FINDINGS(&fixture.diagnostics);
    finish(&fixture);
}

static void takes_any_byte_but_nul(void **state)
{
    (void)state;
    char text[2 + 255 + 1] = "A=";
    size_t size = 2;
    struct fixture fixture;
    for (int c = 1; c < 256; c++)
        if (c != '\n')
            text[size++] = (char)c;
    parse(&fixture, str_from(text, size), false);
    assert_int_equal(fixture.dotenv.count, 1);
    assert_int_equal(fixture.dotenv.entries[0].variable.value.size, size - 2);
    assert_memory_equal(fixture.dotenv.entries[0].variable.value.bytes, text + 2, size - 2);
    EXPECT_FINDINGS(&fixture.diagnostics);
    finish(&fixture);
    parse(&fixture, str_from("B=1\nA=x\0y\n", 10), true);
    assert_int_equal(fixture.dotenv.count, 1);
    EXPECT_FINDINGS(&fixture.diagnostics, ".env:2:4: a NUL byte");
    finish(&fixture);
}

static void has_limits(void **state)
{
    (void)state;
    struct fixture fixture;
    struct buffer text = {0};
    buffer_append_text(&text, "LONG=");
    for (int i = 0; i < LIMIT_ARGUMENT_BYTES; i++)
        buffer_append_char(&text, 'x');
    for (int i = 0; i < LIMIT_LAUNCH_STRINGS + 2; i++)
        buffer_append_format(&text, "\nV%d=", i);
    parse(&fixture, buffer_str(&text), false);
    assert_int_equal(fixture.dotenv.count, LIMIT_LAUNCH_STRINGS);
    EXPECT_FINDINGS(&fixture.diagnostics, ".env:1:1: 'LONG' has 131072 bytes",
                    ".env:16386:1: more than 16384 variables");
    finish(&fixture);
    buffer_fini(&text);
}

static void warns_of(const char *line, const char *finding)
{
    struct diagnostics diagnostics = {0};
    dotenv_lint(str_of(line), ".env", &diagnostics);
    assert_int_equal(diagnostics.error_count, 0);
    if (finding)
        EXPECT_FINDINGS(&diagnostics, finding);
    else
        EXPECT_FINDINGS(&diagnostics);
}

static void warns_of_lines_that_tools_read_differently(void **state)
{
    (void)state;
    warns_of("A=x # y", ".env:1:4: '#' is part of the value here");
    warns_of("A=#x", ".env:1:3: '#' is part of the value here");
    warns_of("A=$B", ".env:1:3: nothing is put in the place of '$'");
    warns_of("A=\"x ${B}\"", ".env:1:6: nothing is put in the place of '$'");
    warns_of("A=`date`", ".env:1:3: nothing is put in the place of '$'");
    warns_of("A=\"x\" y", ".env:1:6: text after the closing quote");
    warns_of("A=\"x", ".env:1:3: the quote is not closed");
    warns_of("A=\"x\\ty\"", ".env:1:5: only \\n, \\\" and \\\\ mean the same everywhere");
    warns_of("A=x\\", ".env:1:4: a backslash outside of quotes");
    warns_of("A=it's", ".env:1:5: a quote inside a value");
    warns_of("A=x  ", ".env:1:4: blanks at the ends");
    warns_of("A= x", ".env:1:3: blanks at the ends");
    warns_of("A=x y", ".env:1:4: a shell ends the value at the blank");
    warns_of("export A=1", ".env:1:8: Foreman ignores this line");
    warns_of("1A=1", ".env:1:1: a shell cannot use a name that starts with a digit");
    warns_of("NOTIFY_SOCKET=/run/x y", ".env:1:1: the formation itself sets this variable");
    warns_of("export WATCHDOG_USEC=1", ".env:1:8: the formation itself sets this variable");
    warns_of("WATCHDOG_PID=", ".env:1:1: the formation itself sets this variable");
    warns_of("\xef\xbb\xbf"
             "A=1",
             ".env: the file starts with a byte order mark");
}

static void is_silent_about_lines_that_all_read_alike(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "A=1",
        "A=",
        "# A=x # y",
        "A='$B'",
        "A=\"x y\"",
        "A='x # y'",
        "A=\"a\\nb\"",
        "A=\"a\\\\b\"",
        "A=\"\\$B\"",
        "A=cost$5",
        "A=a$",
        "A=http://x/#y",
        "A=x=y",
        "  # z",
        "NOTIFY_SOCKETS=1",
        "A=NOTIFY_SOCKET",
        "not a variable",
        "\r\n",
        "",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
        warns_of(lines[i], NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_the_others_agree_on),
        cmocka_unit_test(explains_what_nobody_agrees_on),
        cmocka_unit_test(explains_values_of_several_lines_and_json),
        cmocka_unit_test(names_both_lines_of_a_duplicate),
        cmocka_unit_test(takes_any_byte_but_nul),
        cmocka_unit_test(has_limits),
        cmocka_unit_test(warns_of_lines_that_tools_read_differently),
        cmocka_unit_test(is_silent_about_lines_that_all_read_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
