// SPDX-License-Identifier: MIT
// Fields byte for byte as journald takes them.
#include "view/format_fixture.h"

static void assert_entry(const struct format_line *line, struct str text, struct str expected)
{
    struct buffer out = {0};
    fixture_append(&out, LOG_FORMAT_JOURNAL, line, text);
    assert_int_equal(out.size, expected.size);
    assert_memory_equal(out.bytes, expected.bytes, expected.size);
    buffer_fini(&out);
}

#define BYTES(text) str_from(text, sizeof(text) - 1)

static void test_examples(void **state)
{
    (void)state;
    struct format_line line = fixture_line();
    assert_entry(&line, BYTES("h\0\ni"),
                 BYTES("PRIORITY=6\nSYSLOG_FACILITY=1\nSYSLOG_IDENTIFIER=shop/web.1\n"
                       "FORMATION_APP=shop\nFORMATION_TYPE=web\nFORMATION_PROCESS=web.1\n"
                       "FORMATION_NUMBER=1\nFORMATION_STREAM=stdout\nFORMATION_PID=123\n"
                       "MESSAGE\n\4\0\0\0\0\0\0\0h\0\ni\n"));
    line = fixture_note();
    assert_entry(&line, BYTES(""),
                 BYTES("PRIORITY=5\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=shop/system\n"
                       "FORMATION_APP=shop\nFORMATION_PROCESS=system\nFORMATION_STREAM=formation\n"
                       "MESSAGE\n\0\0\0\0\0\0\0\0\n"));
}

static void test_no_name_forges_a_field(void **state)
{
    (void)state;
    struct format_line line = fixture_note();
    line.app = BYTES("a\nMESSAGE=b");
    assert_entry(&line, BYTES("hi"),
                 BYTES("PRIORITY=5\nSYSLOG_FACILITY=3\n"
                       "SYSLOG_IDENTIFIER\n\x12\0\0\0\0\0\0\0a\nMESSAGE=b/system\n"
                       "FORMATION_APP\n\x0b\0\0\0\0\0\0\0a\nMESSAGE=b\n"
                       "FORMATION_PROCESS=system\nFORMATION_STREAM=formation\n"
                       "MESSAGE\n\2\0\0\0\0\0\0\0hi\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_no_name_forges_a_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
