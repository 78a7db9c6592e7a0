// SPDX-License-Identifier: MIT
// Columns, their alignment, and what becomes of texts that are too long, wide, broken or hostile.
#include "view/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct table_column columns[] = {
    {"NAME", false}, {"PID", true}, {"NOTE", false}, {"COMMAND", false}};

// Takes the cells, NULL-terminated.
static void expect(const char *const *cells, unsigned width, const char *wanted)
{
    struct table table = {.columns = columns, .column_count = 4};
    struct buffer out = {0};
    for (; *cells; cells++)
        table_add(&table, str_of(*cells));
    table_append(&table, width, &out);
    buffer_append_char(&out, '\0');
    assert_false(out.failed);
    assert_string_equal(out.bytes, wanted);
    buffer_fini(&out);
    table_fini(&table);
}

static void test_columns(void **state)
{
    (void)state;
    static const char *const cells[] = {"web.1",     "7", "x",    "sleep 60", "worker.10",
                                        "123456789", "",  "true", NULL};
    expect(cells, 0,
           "NAME             PID  NOTE  COMMAND\n"
           "web.1              7  x     sleep 60\n"
           "worker.10  123456789        true\n");
}

static void test_a_column_without_texts_is_left_out(void **state)
{
    (void)state;
    static const char *const cells[] = {"web.1", "", "", "true", "web.2", "", "", "", NULL};
    expect(cells, 0, "NAME   COMMAND\nweb.1  true\nweb.2\n");
    static const char *const none[] = {NULL};
    expect(none, 0, "\n");
}

static void test_a_row_that_is_not_complete_is_left_out(void **state)
{
    (void)state;
    static const char *const cells[] = {"web.1", "1", "", "true", "web.2", NULL};
    expect(cells, 0, "NAME   PID  COMMAND\nweb.1    1  true\n");
}

static void test_cut_to_width(void **state)
{
    (void)state;
    static const char *const cells[] = {"a-long-name.1", "123456", "note", "a command that is long",
                                        NULL};
    expect(cells, 50,
           "NAME              PID  NOTE  COMMAND\n"
           "a-long-name.1  123456  note  a command that is lo\xe2\x80\xa6\n");
    expect(cells, 36,
           "NAME              PID  NOTE  COMMAND\n"
           "a-long-name.1  123456  note  a comm\xe2\x80\xa6\n");
    expect(cells, 30,
           "NAME        PID  NOTE  COMMAND\n"
           "a-long\xe2\x80\xa6  123456  note  a comm\xe2\x80\xa6\n");
    expect(cells, 9, "NAME    \xe2\x80\xa6\na-l\xe2\x80\xa6  12\xe2\x80\xa6\n");
}

static void test_width_of_characters(void **state)
{
    static const struct {
        const char *text;
        size_t width;
    } cases[] = {
        {"", 0},
        {"abc", 3},
        {"caf\xc3\xa9", 4},
        {"\xe2\x82\xac", 1},
        {"\xe6\x97\xa5\xe6\x9c\xac", 4},
        {"\xf0\x9f\x98\x80!", 3},
        {"e\xcc\x81", 1},
        {"\xe9t\xe9", 3},
        {"\xe2\x82", 2},
        {"\xff\xfe", 2},
        {"\xc3(", 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(table_text_width(str_of(cases[i].text)), cases[i].width);
}

static void test_cut_between_characters(void **state)
{
    static const struct {
        const char *text;
        size_t width;
        const char *cut;
    } cases[] = {
        {"abc", 3, "abc"},
        {"abc", 2, "a\xe2\x80\xa6"},
        {"abc", 1, "\xe2\x80\xa6"},
        {"abc", 0, ""},
        {"caf\xc3\xa9s", 4, "caf\xe2\x80\xa6"},
        {"\xe6\x97\xa5\xe6\x9c\xac", 3, "\xe6\x97\xa5\xe2\x80\xa6"},
        {"\xe6\x97\xa5\xe6\x9c\xac", 2, "\xe2\x80\xa6"},
        {"e\xcc\x81", 1, "e\xcc\x81"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer out = {0};
        table_append_cut(&out, str_of(cases[i].text), cases[i].width);
        buffer_append_char(&out, '\0');
        assert_string_equal(out.bytes, cases[i].cut);
        buffer_fini(&out);
    }
}

static void test_cells_are_harmless(void **state)
{
    (void)state;
    static const char *const cells[] = {"a", "1", "\033[31mred\033[0m\033[2J",
                                        "one\ntwo\tthree\033", NULL};
    expect(cells, 0, "NAME  PID  NOTE  COMMAND\na       1  red   one^Jtwo three^[\n");
}

static void test_format(void **state)
{
    (void)state;
    struct table table = {.columns = columns, .column_count = 2};
    struct buffer out = {0};
    table_add(&table, str_from("a\0b", 3)); // a NUL is no end of a cell
    table_add_format(&table, "%d", 12);
    table_append(&table, 0, &out);
    buffer_append_char(&out, '\0');
    assert_string_equal(out.bytes, "NAME  PID\na^@b   12\n");
    buffer_fini(&out);
    table_fini(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_a_column_without_texts_is_left_out),
        cmocka_unit_test(test_a_row_that_is_not_complete_is_left_out),
        cmocka_unit_test(test_cut_to_width),
        cmocka_unit_test(test_width_of_characters),
        cmocka_unit_test(test_cut_between_characters),
        cmocka_unit_test(test_cells_are_harmless),
        cmocka_unit_test(test_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
