// SPDX-License-Identifier: MIT
// Words bare, all else in quotes, no control byte left.
#include "view/format_fixture.h"

static void test_examples(void **state)
{
    (void)state;
    struct format_line line = fixture_line();
    assert_format(LOG_FORMAT_LOGFMT, &line, str_of("hi"),
                  "time=2026-11-25T23:00:00.123456Z process=web.1 stream=stdout pid=123 "
                  "msg=\"hi\"\n");
    assert_format(LOG_FORMAT_LOGFMT, &line, str_of("a=\"b\" \\ \033[1m\t\x7f\xc2\x9b\xff"),
                  "time=2026-11-25T23:00:00.123456Z process=web.1 stream=stdout pid=123 "
                  "msg=\"a=\\\"b\\\" \\\\ \\u001b[1m\\t\\u007f\\u009b\xef\xbf\xbd\"\n");
    line = fixture_note();
    assert_format(LOG_FORMAT_LOGFMT, &line, str_of(""),
                  "time=2026-11-25T23:00:00.123456Z process=system stream=formation msg=\"\"\n");
}

static void test_names_are_quoted_where_needed(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"", "\"\""},          {"we b", "\"we b\""},      {"a=b", "\"a=b\""},
        {"a\"", "\"a\\\"\""},  {"a\\", "\"a\\\\\""},      {"\xc3\xa9", "\"\xc3\xa9\""},
        {"a\nb", "\"a\\nb\""}, {"a\x7f", "\"a\\u007f\""}, {"web-1_x.2", "web-1_x.2"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct format_line line = fixture_note();
        struct buffer expected = {0};
        line.process = str_of(names[i][0]);
        buffer_append_format(&expected,
                             "time=2026-11-25T23:00:00.123456Z process=%s stream=formation "
                             "msg=\"hi\"\n",
                             names[i][1]);
        buffer_append_char(&expected, '\0');
        assert_format(LOG_FORMAT_LOGFMT, &line, str_of("hi"), expected.bytes);
        buffer_fini(&expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_names_are_quoted_where_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
