// SPDX-License-Identifier: MIT
// Colours and text pass; nothing that moves, clears, titles or forges does.
#include "view/tame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

struct example {
    const char *text;
    const char *expected;
    bool is_colored;
};

static void assert_tamed(const struct example *example)
{
    struct buffer out = {0};
    bool is_colored = false;
    struct str text = str_of(example->text);
    assert_int_equal(tame_append(&out, text, true, &is_colored), text.size);
    buffer_append_char(&out, '\0');
    assert_string_equal(out.bytes, example->expected);
    assert_int_equal(is_colored, example->is_colored);
    buffer_fini(&out);
}

static void test_examples(void **state)
{
    (void)state;
    static const struct example examples[] = {
        // text
        {"", "", false},
        {"plain\ttext", "plain\ttext", false},
        {"caf\xc3\xa9 \xe2\x80\xa6 \xf0\x9f\x90\x98", "caf\xc3\xa9 \xe2\x80\xa6 \xf0\x9f\x90\x98",
         false},
        {"latin \xe9t\xe9", "latin \xe9t\xe9", false},
        // colours
        {"\033[1;31mred", "\033[1;31mred", true},
        {"\033[31mred\033[0m", "\033[31mred\033[0m", false},
        {"\033[31mred\033[m.", "\033[31mred\033[m.", false},
        {"\033[38:2::1:2:3mx\033[0;1m", "\033[38:2::1:2:3mx\033[0;1m", true},
        // sequences that nobody wants to read
        {"a\033[Kb\033[2J\033[H\033[?25lc", "abc", false},
        {"\033[>4;2mkeyboard", "keyboard", false},
        {"\033(B\033[mtput", "\033[mtput", false},
        {"\033c\0337\0338x", "x", false},
        {"\033]0;title\007a\033]8;;http://x\033\\link\033]8;;\033\\", "alink", false},
        {"\033Pq#0\033\\x", "x", false},
        // single bytes
        {"50%\r100%", "50%^M100%", false},
        {"a\bb\ac\033", "a^Hb^Gc^[", false},
        {"\177", "^?", false},
        // broken sequences
        {"\033[12\001m", "^[[12^Am", false},
        {"\033[31", "^[[31", false},
        {"\033[1 m", "", false},
        {"\033]0;title", "^[]0;title", false},
        {"\033]0;a\033[31mb", "^[]0;a\033[31mb", true},
        {"\033(", "^[(", false},
        {"\033\033[31m", "^[\033[31m", true},
        {"\033\xc3\xa9", "^[\xc3\xa9", false},
        // controls of eight bits, also where they hide in bad UTF-8
        {"\x9bK", "\\x9bK", false},
        {"\xc2\x9bK", "\xc2\\x9bK", false},
        {"\xe0\x80\x9b", "\xe0\\x80\\x9b", false},
        {"\xc0\x9b", "\xc0\\x9b", false},
        {"\xe2\x80", "\xe2\\x80", false},
        {"\xe2\x80x", "\xe2\\x80x", false},
        {"\xf4\x90\x80\x80", "\xf4\\x90\\x80\\x80", false},
    };
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
        assert_tamed(&examples[i]);
}

static void test_unfinished_text_stops_between_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t used;
    } examples[] = {
        {"abc", 3},         {"abc\033", 3},         {"abc\033[3", 3},
        {"abc\033]0;t", 3}, {"abc\033]0;t\033", 3}, {"abc\xe2\x80", 3},
        {"abc\r", 3},       {"abc\rd", 5},          {"abc\033(", 3},
        {"a\033[31m", 6},   {"abc\xf0", 3},
    };
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        struct buffer out = {0};
        bool is_colored = false;
        assert_int_equal(tame_append(&out, str_of(examples[i].text), false, &is_colored),
                         examples[i].used);
        buffer_fini(&out);
    }
}

// Every byte at every place of a word and of its tail.
static void test_plain(void **state)
{
    (void)state;
    char text[21];
    for (int byte = 0; byte < 256; byte++)
        for (size_t at = 0; at < sizeof(text); at++) {
            memset(text, at % 2 ? ' ' : '~', sizeof(text));
            text[at] = (char)byte;
            assert_int_equal(tame_is_plain(str_from(text, sizeof(text))),
                             byte >= 0x20 && byte <= 0x7e);
            assert_int_equal(tame_is_plain(str_from(text, at + 1)), byte >= 0x20 && byte <= 0x7e);
            assert_true(tame_is_plain(str_from(text, at)));
        }
}

// No time that grows with the square of a line: a thousand times more would not end.
static void test_hostile_line_is_linear(void **state)
{
    (void)state;
    static const char *const patterns[] = {"\033]", "\033[", "\033[1", "\033",   "\033P\033",
                                           "\033(", "\r",    "a\r",    "\033[1G"};
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        struct buffer text = {0};
        struct buffer out = {0};
        bool is_colored = false;
        while (text.size < 4 * 1024 * 1024)
            buffer_append_text(&text, patterns[i]);
        tame_append(&out, buffer_str(&text), true, &is_colored);
        assert_true(tame_last_state(buffer_str(&text)).size <= text.size);
        assert_true(out.size == 0 || !memchr(out.bytes, '\033', out.size));
        buffer_fini(&text);
        buffer_fini(&out);
    }
}

static void test_last_state(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *expected;
    } examples[] = {
        {"", ""},
        {"plain", "plain"},
        {"10%\r20%", "20%"},
        {"\r10%\r20%\r", "20%"},
        {"10%\r\r\r", "10%"},
        {"\r\r", ""},
        {"a\033[1G\033[0Kb\033[0Gc\033[Gd", "d"}, // npm
        {"\033[2GG", "\033[2GG"},
        {"\r\033[2K 90% \r\033[2K 100%\033[?25h", "\033[2K 100%\033[?25h"}, // pip
        {"99%|###\r          \r", "99%|###"},                               // tqdm
        {"spin\r\033[K\033[0m\t", "spin"},
        {"a\r\b", "\b"},
    };
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
        assert_true(str_is(tame_last_state(str_of(examples[i].text)), examples[i].expected));
}

static void test_strip(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *expected;
    } examples[] = {
        {"plain \r \b \x9b", "plain \r \b \x9b"},
        {"\033[31mred\033[0m", "red"},
        {"a\033[2Jb\033]0;title\ac", "abc"},
        {"\033", "\033"},
        {"\033[3", "\033[3"},
        {"\033[3\1m", "\033[3\1m"},
    };
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        struct buffer out = {0};
        tame_strip(&out, str_of(examples[i].text));
        assert_true(str_is(buffer_str(&out), examples[i].expected));
        buffer_fini(&out);
    }
}

static void test_without_colors(void **state)
{
    (void)state;
    struct buffer out = {0};
    struct str text = str_of("\033[31mred\033[0m \033[1mbold\a");
    assert_int_equal(tame_append(&out, text, true, NULL), text.size);
    assert_true(str_is(buffer_str(&out), "red bold^G"));
    buffer_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_unfinished_text_stops_between_units),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_hostile_line_is_linear),
        cmocka_unit_test(test_last_state),
        cmocka_unit_test(test_strip),
        cmocka_unit_test(test_without_colors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
