// SPDX-License-Identifier: MIT
#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

// The sanitizer ends a program that asks for too much memory, unless it is told to say no.
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void grows(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    for (int i = 0; i < 10000; i++)
        buffer_append_char(&buffer, (char)('a' + i % 26));
    assert_false(buffer.failed);
    assert_int_equal(buffer.size, 10000);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(buffer.bytes[i], 'a' + i % 26);
    buffer_fini(&buffer);
    assert_int_equal(buffer.size, 0);
}

static void appends_all_kinds(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    buffer_append(&buffer, "ab", 2);
    buffer_append_str(&buffer, str_of("cd"));
    buffer_append_text(&buffer, "ef");
    buffer_append_format(&buffer, "%d-%s", 12, "x");
    buffer_append(&buffer, NULL, 0);
    assert_true(str_is(buffer_str(&buffer), "abcdef12-x"));
    buffer_clear(&buffer);
    assert_int_equal(buffer_str(&buffer).size, 0);
    buffer_append_format(&buffer, "%*d", 5000, 1);
    assert_int_equal(buffer.size, 5000);
    buffer_fini(&buffer);
}

static void remembers_its_first_failure(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    buffer_append_text(&buffer, "a");
    assert_false(buffer_reserve(&buffer, SIZE_MAX / 4));
    assert_true(buffer.failed);
    buffer_append_text(&buffer, "b");
    assert_int_equal(buffer.size, 1);
    buffer_clear(&buffer);
    buffer_append_text(&buffer, "c");
    assert_true(str_is(buffer_str(&buffer), "c"));
    buffer_fini(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows),
        cmocka_unit_test(appends_all_kinds),
        cmocka_unit_test(remembers_its_first_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
