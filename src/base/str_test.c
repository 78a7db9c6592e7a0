// SPDX-License-Identifier: MIT
#include "base/str.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void slices_are_clamped(void **state)
{
    (void)state;
    struct str s = str_of("abcdef");
    assert_true(str_is(str_slice(s, 1, 3), "bc"));
    assert_true(str_is(str_slice(s, 4, 99), "ef"));
    assert_int_equal(str_slice(s, 99, 100).size, 0);
    assert_int_equal(str_slice(s, 3, 1).size, 0);
    assert_int_equal(str_of(NULL).size, 0);
    assert_int_equal(str_from(NULL, 3).size, 0);
}

static void compares_bytes(void **state)
{
    (void)state;
    assert_true(str_equal(str_from("a\0b", 3), str_from("a\0b", 3)));
    assert_false(str_equal(str_from("a\0b", 3), str_from("a\0c", 3)));
    assert_true(str_equal(str_of(""), str_of(NULL)));
    assert_true(str_starts_with(str_of("abc"), "ab") && !str_starts_with(str_of("a"), "ab"));
    assert_true(str_ends_with(str_of("abc"), "bc") && !str_ends_with(str_of("c"), "bc"));
    assert_true(str_contains(str_of("abc"), "b") && str_contains(str_of("abc"), ""));
    assert_false(str_contains(str_of("abc"), "abcd"));
}

static void trims_and_finds(void **state)
{
    (void)state;
    assert_true(str_is(str_trim(str_of(" \t a b\t ")), "a b"));
    assert_int_equal(str_trim(str_of(" \t ")).size, 0);
    assert_int_equal(str_find_char(str_of("abc"), 'c'), 2);
    assert_int_equal(str_find_char(str_of("abc"), 'x'), 3);
    assert_int_equal(str_find_char(str_of(""), 'x'), 0);
}

static void cuts_at_separators(void **state)
{
    (void)state;
    static const char *const wanted[] = {"a", "b", "", "c", ""};
    struct str rest = str_of("a,b,,c,");
    struct str part;
    for (size_t i = 0; i < 5; i++) {
        assert_true(str_next(&rest, ',', &part));
        assert_true(str_is(part, wanted[i]));
    }
    assert_false(str_next(&rest, ',', &part));
    rest = str_of("");
    assert_true(str_next(&rest, ',', &part));
    assert_int_equal(part.size, 0);
    assert_false(str_next(&rest, ',', &part));
}

static void reads_digits_only(void **state)
{
    (void)state;
    unsigned long number = 42;
    assert_true(str_to_unsigned(str_of("18446744073709551615"), &number));
    assert_true(number == ULONG_MAX);
    assert_true(str_to_unsigned(str_of("007"), &number));
    assert_int_equal(number, 7);
    static const char *const texts[] = {"", "-1", "+1", " 1", "1 ", "0x1", "18446744073709551616"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        assert_false(str_to_unsigned(str_of(texts[i]), &number));
    assert_int_equal(number, 7);
}

static void measures_distances(void **state)
{
    (void)state;
    assert_int_equal(str_distance(str_of("kitten"), str_of("sitting")), 3);
    assert_int_equal(str_distance(str_of(""), str_of("abc")), 3);
    assert_int_equal(str_distance(str_of("abc"), str_of("")), 3);
    assert_int_equal(str_distance(str_of("same"), str_of("same")), 0);
    char text[65];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = 'x';
    assert_int_equal(str_distance(str_from(text, 65), str_of("x")), UINT_MAX);
    assert_int_equal(str_distance(str_from(text, 64), str_of("x")), 63);
}

static void finds_the_nearest(void **state)
{
    (void)state;
    const struct str names[] = {str_of("web"), str_of("worker"), str_of("clock")};
    assert_true(str_is(str_nearest(str_of("wob"), names, 3), "web"));
    assert_true(str_is(str_nearest(str_of("workers"), names, 3), "worker"));
    assert_true(str_is(str_nearest(str_of("wroker"), names, 3), "worker"));
    assert_int_equal(str_nearest(str_of("database"), names, 3).size, 0);
    assert_int_equal(str_nearest(str_of(""), names, 3).size, 0);
}

static void excerpts_end_between_characters(void **state)
{
    (void)state;
    char text[81] = "x";
    for (size_t i = 1; i + 1 < sizeof(text); i += sizeof("é") - 1)
        memcpy(text + i, "é", sizeof("é") - 1);
    struct str excerpt = str_excerpt(str_from(text, sizeof(text)));
    assert_int_equal(excerpt.size % 2, 1);
    assert_true(excerpt.size <= 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_are_clamped),
        cmocka_unit_test(compares_bytes),
        cmocka_unit_test(trims_and_finds),
        cmocka_unit_test(cuts_at_separators),
        cmocka_unit_test(reads_digits_only),
        cmocka_unit_test(measures_distances),
        cmocka_unit_test(finds_the_nearest),
        cmocka_unit_test(excerpts_end_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
