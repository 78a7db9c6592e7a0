// SPDX-License-Identifier: MIT
#include "base/duration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void reads_what_people_write(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        nsec_t value;
    } cases[] = {
        {"50ms", 50 * NSEC_PER_MSEC},   {"10s", 10 * NSEC_PER_SEC},  {"1.5s", 1500 * NSEC_PER_MSEC},
        {"2m", 120 * NSEC_PER_SEC},     {"1h", 3600 * NSEC_PER_SEC}, {"1d", 86400 * NSEC_PER_SEC},
        {"5", 5 * NSEC_PER_SEC},        {"0.5", NSEC_PER_SEC / 2},   {"0", 0},
        {"250us", 250 * NSEC_PER_USEC},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        nsec_t value = -1;
        assert_true(duration_parse(str_of(cases[i].text), &value));
        assert_int_equal(value, cases[i].value);
    }
}

static void refuses_the_rest(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "s",
                                        "-1",
                                        "1 s",
                                        "1.",
                                        "1.s",
                                        "1.2.3",
                                        "abc",
                                        "1week",
                                        "1e3",
                                        "+1",
                                        "0x1",
                                        "99999999999999999999",
                                        "40000d",
                                        "inf"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        nsec_t value = 42;
        if (duration_parse(str_of(texts[i]), &value))
            fail_msg("'%s' is taken for %lld ns", texts[i], (long long)value);
        assert_int_equal(value, 42);
    }
}

static void writes_what_it_reads(void **state)
{
    (void)state;
    static const char *const texts[] = {"50ms", "1.5s", "2m", "1h", "3d", "0s", "250us"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        char text[DURATION_TEXT_BYTES];
        nsec_t value;
        assert_true(duration_parse(str_of(texts[i]), &value));
        assert_string_equal(duration_format(value, text), texts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_people_write),
        cmocka_unit_test(refuses_the_rest),
        cmocka_unit_test(writes_what_it_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
