// SPDX-License-Identifier: MIT
// The same as the C library says, for every day that a clock of nanoseconds can name.
#include "view/stamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void assert_stamp(nsec_t wall, const char *expected)
{
    char text[STAMP_BYTES + 1] = {0};
    stamp_write(wall, text);
    assert_string_equal(text, expected);
}

static void test_examples(void **state)
{
    (void)state;
    assert_stamp(0, "1970-01-01T00:00:00.000000");
    assert_stamp(-1, "1969-12-31T23:59:59.999999");
    assert_stamp(999, "1970-01-01T00:00:00.000000");
    assert_stamp(951782399 * NSEC_PER_SEC + 123456789, "2000-02-28T23:59:59.123456");
    assert_stamp(951782400 * NSEC_PER_SEC, "2000-02-29T00:00:00.000000");
    assert_stamp(4107542400 * NSEC_PER_SEC, "2100-03-01T00:00:00.000000");
    assert_stamp(INT64_MAX, "2262-04-11T23:47:16.854775");
    assert_stamp(INT64_MIN, "1677-09-21T00:12:43.145224");
}

static void test_every_day(void **state)
{
    (void)state;
    for (int64_t day = -106750; day <= 106750; day++) {
        time_t second = day * 86400 + (day * 7919 % 86400 + 86400) % 86400;
        char expected[64];
        struct tm parts;
        assert_non_null(gmtime_r(&second, &parts));
        assert_int_equal(strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.000007", &parts),
                         STAMP_BYTES);
        assert_stamp(second * NSEC_PER_SEC + 7 * NSEC_PER_USEC, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_every_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
