// SPDX-License-Identifier: MIT
// Every byte in every place of a word; UTF-8 as Unicode counts what is none; whatever comes, JSON
// that a parser reads.
#include "view/escape.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define FFFD "\xef\xbf\xbd"

static void assert_escaped(enum escape_style style, struct str text, const char *expected)
{
    struct buffer out = {0};
    escape_append(&out, text, style);
    assert_false(out.failed);
    buffer_append_char(&out, '\0');
    assert_string_equal(out.bytes, expected);
    buffer_fini(&out);
}

struct example {
    const char *text, *json, *logfmt, *syslog;
};

static void test_examples(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"", "", "", ""},
        {"plain text, 16 of", "plain text, 16 of", "plain text, 16 of", "plain text, 16 of"},
        {"a \"b\" \\ c/", "a \\\"b\\\" \\\\ c/", "a \\\"b\\\" \\\\ c/", "a \"b\" \\ c/"},
        {"\b\f\n\r\t", "\\b\\f\\n\\r\\t", "\\b\\f\\n\\r\\t", "#010#014#012#015\t"},
        {"\033[31m", "\\u001b[31m", "\\u001b[31m", "#033[31m"},
        {"\x7f", "\x7f", "\\u007f", "#177"},
        {"\xc2\x9b \xc2\xa0", "\xc2\x9b \xc2\xa0", "\\u009b \xc2\xa0", "\xc2\x9b \xc2\xa0"},
        {"caf\xc3\xa9 \xe2\x80\xa6 \xf0\x9f\x90\x98", "caf\xc3\xa9 \xe2\x80\xa6 \xf0\x9f\x90\x98",
         "caf\xc3\xa9 \xe2\x80\xa6 \xf0\x9f\x90\x98", "caf\xc3\xa9 \xe2\x80\xa6 \xf0\x9f\x90\x98"},
        {"\xe9t\xe9", FFFD "t" FFFD, FFFD "t" FFFD, "\xe9t\xe9"},
    };
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        assert_escaped(ESCAPE_JSON, str_of(examples[i].text), examples[i].json);
        assert_escaped(ESCAPE_LOGFMT, str_of(examples[i].text), examples[i].logfmt);
        assert_escaped(ESCAPE_SYSLOG, str_of(examples[i].text), examples[i].syslog);
    }
    assert_escaped(ESCAPE_JSON, str_from("a\0b", 3), "a\\u0000b");
    assert_escaped(ESCAPE_LOGFMT, str_from("a\0b", 3), "a\\u0000b");
    assert_escaped(ESCAPE_SYSLOG, str_from("a\0b", 3), "a#000b");
}

// The tables 3-8 to 3-11 of Unicode 15, 3.9, and the borders between forms.
static void test_what_is_not_utf8(void **state)
{
    (void)state;
    static const char *const examples[][2] = {
        {"\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41", FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "\x41"},
        {"\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41", FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "\x41"},
        {"\xf4\x91\x92\x93\xff\x41\x80\xbf\x42", FFFD FFFD FFFD FFFD FFFD "\x41" FFFD FFFD "\x42"},
        {"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", FFFD FFFD FFFD FFFD "\x41"},
        {"\xf0\x9f\x90", FFFD},
        {"\xe2\x80", FFFD},
        {"\xc3", FFFD},
        {"\xc3\"", FFFD "\\\""},
        {"\xf4\x8f\xbf\xbf\xf4\x90\x80\x80", "\xf4\x8f\xbf\xbf" FFFD FFFD FFFD FFFD},
        {"\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80"},
        {"\xc2\x80\xdf\xbf\xe0\xa0\x80\xf0\x90\x80\x80",
         "\xc2\x80\xdf\xbf\xe0\xa0\x80\xf0\x90\x80\x80"},
    };
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
        assert_escaped(ESCAPE_JSON, str_of(examples[i][0]), examples[i][1]);
}

// What one byte becomes does not depend on where in a word it stands.
static void test_every_byte_at_every_place(void **state)
{
    (void)state;
    for (unsigned style = ESCAPE_JSON; style <= ESCAPE_SYSLOG; style++)
        for (int byte = 0; byte < 256; byte++) {
            struct buffer alone = {0};
            escape_append(&alone, str_from(&(char){(char)byte}, 1), style);
            if (style == ESCAPE_SYSLOG)
                assert_int_equal(alone.size, escape_syslog_size((unsigned char)byte));
            for (size_t at = 0; at < 20; at++) {
                char text[21];
                char expected[64];
                memset(text, 'x', sizeof(text));
                text[at] = (char)byte;
                size_t tail = sizeof(text) - at - 1;
                (void)snprintf(expected, sizeof(expected), "%.*s%.*s%.*s", (int)at,
                               "xxxxxxxxxxxxxxxxxxxxx", STR_ARGS(buffer_str(&alone)), (int)tail,
                               "xxxxxxxxxxxxxxxxxxxxx");
                assert_escaped(style, str_from(text, sizeof(text)), expected);
            }
            buffer_fini(&alone);
        }
}

// Wherever a long text is cut for the sake of memory, it does not show.
static void test_character_at_every_place_of_a_long_text(void **state)
{
    (void)state;
    static const char elephant[] = "\xf0\x9f\x90\x98";
    for (size_t at = 4080; at < 4110; at++) {
        struct buffer text = {0};
        struct buffer out = {0};
        for (size_t i = 0; i < at; i++)
            buffer_append_char(&text, 'x');
        buffer_append_text(&text, elephant);
        for (size_t i = 0; i < at; i++)
            buffer_append_char(&text, 'y');
        escape_append(&out, buffer_str(&text), ESCAPE_JSON);
        assert_true(str_equal(buffer_str(&out), buffer_str(&text)));
        buffer_clear(&out);
        escape_append(&out, str_slice(buffer_str(&text), 0, at + 3), ESCAPE_JSON);
        assert_int_equal(out.size, at + 3);
        assert_memory_equal(out.bytes + at, FFFD, 3);
        buffer_fini(&text);
        buffer_fini(&out);
    }
}

static struct str random_text(struct random *random, char *text, size_t capacity)
{
    static const char *const parts[] = {"\"",       "\\",       "\033[1m",      "\xc3\xa9",
                                        "\xe2\x80", "\xf0\x9f", "\xed\xa0\x80", "\x7f",
                                        "\xc2\x9b", "word "};
    size_t size = 0;
    size_t wanted = random_below(random, capacity);
    unsigned kind = (unsigned)random_below(random, 3);
    while (size < wanted) {
        const char *part = parts[random_below(random, sizeof(parts) / sizeof(parts[0]))];
        if (kind == 0 || size + strlen(part) > wanted)
            text[size++] = (char)random_below(random, 256);
        else if (kind == 1)
            text[size++] = (char)(' ' + random_below(random, 90));
        else
            for (; *part; part++)
                text[size++] = *part;
    }
    return str_from(text, size);
}

static void test_random_bytes_are_json(void **state)
{
    (void)state;
    static char bytes[3 * 4096];
    struct random random = {1};
    for (unsigned round = 0; round < 3000; round++) {
        struct str text = random_text(&random, bytes, round % 50 ? 200 : sizeof(bytes));
        struct buffer out = {0};
        buffer_append_char(&out, '"');
        escape_append(&out, text, round % 2 ? ESCAPE_JSON : ESCAPE_LOGFMT);
        buffer_append_char(&out, '"');
        json_t *read = json_loadb(out.bytes, out.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        json_t *same = json_stringn(text.bytes, text.size); // NULL: not UTF-8
        assert_non_null(read);
        if (same)
            assert_true(json_equal(read, same));
        json_decref(same);
        json_decref(read);
        buffer_fini(&out);
    }
}

static void test_little_memory(void **state)
{
    (void)state;
    char bytes[64];
    struct buffer out = {.bytes = bytes, .capacity = sizeof(bytes), .is_fixed = true};
    escape_append(&out, str_of("0123456789"), ESCAPE_JSON);
    assert_int_equal(out.size, 10);
    escape_append(&out, str_of("0123456789"), ESCAPE_JSON);
    assert_true(out.failed);
    assert_int_equal(out.size, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_what_is_not_utf8),
        cmocka_unit_test(test_every_byte_at_every_place),
        cmocka_unit_test(test_character_at_every_place_of_a_long_text),
        cmocka_unit_test(test_random_bytes_are_json),
        cmocka_unit_test(test_little_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
