// SPDX-License-Identifier: MIT
// The sequence is found wherever a read tears it, and nothing else that is typed is lost.
#include "cli/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect_keys(const char *text, const char *bytes, size_t count)
{
    struct keys keys;
    assert_true(keys_parse(text, &keys));
    assert_int_equal(keys.count, count);
    assert_memory_equal(keys.bytes, bytes, count);
}

static void reads_names(void **state)
{
    (void)state;
    struct keys keys;
    static const char *const bad[] = {"",        ",",       "ctrl-",   "ctrl-P", "ctrl-1",
                                      "ctrl-p,", "shift-p", "ctrl-ab", "ab"};
    expect_keys("ctrl-p,ctrl-q", "\x10\x11", 2);
    expect_keys("ctrl-@", "\0", 1);
    expect_keys("ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_", "\x1b\x1c\x1d\x1e\x1f", 5);
    expect_keys("a,b,c", "abc", 3);
    expect_keys("a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a", "aaaaaaaaaaaaaaaa", KEYS_MOST);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (keys_parse(bad[i], &keys))
            fail_msg("'%s' is taken", bad[i]);
    assert_false(keys_parse("a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a", &keys));
}

// Types `typed` in pieces of every size.
static void expect_passed(const char *names, const char *typed, const char *passed, bool leaves)
{
    size_t all = strlen(typed);
    for (size_t piece = 1; piece <= all; piece++) {
        struct keys keys;
        char out[256];
        size_t size = 0;
        bool has_left = false;
        assert_true(keys_parse(names, &keys));
        for (size_t at = 0; at < all && !has_left; at += piece) {
            size_t count;
            struct str part = str_slice(str_of(typed), at, at + piece);
            has_left = keys_filter(&keys, part, out + size, &count);
            assert_true(count <= part.size + KEYS_MOST);
            size += count;
        }
        assert_int_equal(has_left, leaves);
        assert_int_equal(size, strlen(passed));
        assert_memory_equal(out, passed, size);
    }
}

static void passes_on_all_but_the_keys(void **state)
{
    (void)state;
    expect_passed("ctrl-p,ctrl-q", "ls\r\x10\x11rest", "ls\r", true);
    expect_passed("ctrl-p,ctrl-q", "a\x10z\x10\x10\x11", "a\x10z\x10", true);
    expect_passed("ctrl-p,ctrl-q", "\x11\x11 x", "\x11\x11 x", false);
    expect_passed("ctrl-p,ctrl-q", "x\x10", "x", false); // held back
    expect_passed("a,a,b", "aaab", "a", true);
    expect_passed("a,b,a,c", "ababac", "ab", true);
    expect_passed("a,b,a,c", "abababx", "abababx", false);
    expect_passed("q", "typed", "typed", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_names),
        cmocka_unit_test(passes_on_all_but_the_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
