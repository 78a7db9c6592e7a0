// SPDX-License-Identifier: MIT
// What holds for all formats, and text and raw.
#include "view/format.h"

#include "view/format_fixture.h"

#include <stdio.h>
#include <string.h>

static void test_names(void **state)
{
    (void)state;
    static const char *const names[] = {"text", "raw", "json", "logfmt", "heroku"};
    enum log_format format;
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_true(format_find(str_of(names[i]), &format));
        assert_int_equal(format, i);
    }
    assert_false(format_find(str_of("syslog"), &format));
    assert_false(format_find(str_of(""), &format));
}

static void test_text_and_raw(void **state)
{
    (void)state;
    struct format_line line = fixture_line();
    assert_format(LOG_FORMAT_TEXT, &line, str_of("hi"), "web.1 | hi\n");
    line.clock = str_of("23:00:00");
    line.width = 8;
    assert_format(LOG_FORMAT_TEXT, &line, str_of("\033[1mhi\r."),
                  "23:00:00 web.1    | \033[1mhi\r.\n");
    assert_format(LOG_FORMAT_TEXT, &line, str_of(""), "23:00:00 web.1    | \n");
    assert_format(LOG_FORMAT_RAW, &line, str_of("\033[1mhi\r."), "\033[1mhi\r.\n");
    assert_format(LOG_FORMAT_RAW, &line, str_of(""), "\n");
}

static void test_worst_prefixes_fit(void **state)
{
    (void)state;
    static const char worst[] = {'\0', '\n', '\033', '"', '\x7f', '\xc2', '\xff', 'x'};
    for (unsigned format = 0; format < LOG_FORMAT_COUNT; format++)
        for (size_t i = 0; i < sizeof(worst); i++) {
            char bytes[1000];
            struct format_line line = fixture_worst(bytes, worst[i]);
            struct format_prefix prefix;
            format_prefix_build(&prefix, format, &line);
        }
}

// At every size that memory may have: all of a line, or nothing.
static void test_little_memory(void **state)
{
    (void)state;
    static char text[6000];
    static char bytes[65536];
    memset(text, '\033', sizeof(text));
    struct format_line line = fixture_line();
    for (unsigned format = 0; format < LOG_FORMAT_COUNT; format++) {
        struct format_prefix prefix;
        format_prefix_build(&prefix, format, &line);
        unsigned failed = 0;
        for (size_t capacity = 1; capacity <= sizeof(bytes); capacity += 101) {
            struct buffer out = {.bytes = bytes, .capacity = capacity, .size = 1, .is_fixed = true};
            format_append(&out, format, &prefix, str_from(text, sizeof(text)));
            assert_true(out.failed ? out.size == 1 : out.size > sizeof(text));
            failed += out.failed;
        }
        assert_in_range(failed, 60, 600);
    }
}

static void test_pieces(void **state)
{
    (void)state;
    struct format_line line = fixture_line();
    struct format_prefix prefix;
    format_prefix_build(&prefix, LOG_FORMAT_SYSLOG, &line);
    static const char *const patterns[] = {
        "x", "\033", "caf\xc3\xa9", "\xe2\x80\xa6", "\x80", "x\033\xf0\x9f\x90\x98"};
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        struct buffer text = {0};
        struct buffer seen = {0};
        while (text.size < 50000)
            buffer_append_text(&text, patterns[i]);
        struct str rest = buffer_str(&text);
        do {
            struct buffer out = {0};
            struct str piece = format_piece(LOG_FORMAT_SYSLOG, prefix.size, &rest);
            format_append(&out, LOG_FORMAT_SYSLOG, &prefix, piece);
            assert_in_range(out.size, 1, FORMAT_SYSLOG_BYTES);
            if (rest.size > 0) {
                assert_in_range(out.size, FORMAT_SYSLOG_BYTES - 8, FORMAT_SYSLOG_BYTES);
                if (patterns[i][0] != '\x80')
                    assert_int_not_equal(rest.bytes[0] & 0xc0, 0x80);
            }
            buffer_append_str(&seen, piece);
            buffer_fini(&out);
        } while (rest.size > 0);
        assert_true(str_equal(buffer_str(&seen), buffer_str(&text)));
        rest = buffer_str(&text);
        assert_int_equal(format_piece(LOG_FORMAT_JSON, 100, &rest).size, text.size);
        assert_int_equal(rest.size, 0);
        buffer_fini(&text);
        buffer_fini(&seen);
    }
    struct str empty = str_of("");
    assert_int_equal(format_piece(LOG_FORMAT_SYSLOG, prefix.size, &empty).size, 0);
    assert_int_equal(empty.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_text_and_raw),
        cmocka_unit_test(test_worst_prefixes_fit),
        cmocka_unit_test(test_little_memory),
        cmocka_unit_test(test_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
