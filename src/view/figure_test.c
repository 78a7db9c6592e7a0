// SPDX-License-Identifier: MIT
// Where one unit ends and the next begins.
#include "view/figure.h"

#include "base/byte_size.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_ages(void **state)
{
    static const struct {
        nsec_t age;
        const char *text;
    } cases[] = {
        {-5, "0s"},
        {0, "0s"},
        {NSEC_PER_SEC - 1, "0s"},
        {3 * NSEC_PER_SEC, "3s"},
        {100 * NSEC_PER_SEC - 1, "99s"},
        {100 * NSEC_PER_SEC, "1m"},
        {5 * 60 * NSEC_PER_SEC, "5m"},
        {100 * 60 * NSEC_PER_SEC, "1h"},
        {48 * 3600 * NSEC_PER_SEC - 1, "47h"},
        {48 * 3600 * NSEC_PER_SEC, "2d"},
        {NSEC_NEVER, "106751d"},
    };
    char text[FIGURE_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(figure_age(cases[i].age, text), cases[i].text);
}

static void test_spans(void **state)
{
    static const struct {
        nsec_t span;
        const char *text;
    } cases[] = {
        {-1, "0ms"},
        {400, "0ms"},
        {5 * NSEC_PER_MSEC, "5ms"},
        {999 * NSEC_PER_MSEC, "999ms"},
        {1200 * NSEC_PER_MSEC, "1.2s"},
        {9990 * NSEC_PER_MSEC, "9.9s"},
        {10 * NSEC_PER_SEC, "10s"},
    };
    char text[FIGURE_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(figure_span(cases[i].span, text), cases[i].text);
}

static void test_bytes(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        {0, "0K"},
        {400, "0K"},
        {513, "1K"},
        {812 * 1024, "812K"},
        {1023 * 1024, "1023K"},
        {1024 * 1024, "1.0M"},
        {1536 * 1024, "1.5M"},
        {12 * 1024 * 1024, "12M"},
        {(uint64_t)1536 << 20, "1.5G"},
        {(uint64_t)9 << 30, "9.0G"},
        {(uint64_t)10 << 30, "10G"},
        {UINT64_MAX, "16E"},
    };
    char text[FIGURE_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(figure_bytes(cases[i].bytes, text), cases[i].text);
}

static void test_limits_are_shown_as_they_were_given(void **state)
{
    static const char *const texts[] = {"1K",   "1.5K",  "1.1K",  "700K",  "1.5M",   "1.3M",
                                        "10M",  "10.5M", "512M",  "1500M", "1.5G",   "1.1G",
                                        "9.9G", "10.5G", "1000G", "1.5T",  "1023.9T"};
    static const struct {
        uint64_t bytes;
        const char *text;
    } others[] = {
        {0, "0K"},
        {1, "0K"},
        {1048577, "1.0M"},
        {(uint64_t)1536 << 20, "1.5G"},
        {((uint64_t)1536 << 20) + 1, "1.5G"},
        {UINT64_MAX, "16E"},
    };
    char text[FIGURE_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        uint64_t bytes;
        assert_true(byte_size_parse(str_of(texts[i]), &bytes));
        assert_string_equal(figure_limit(bytes, text), texts[i]);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_string_equal(figure_limit(others[i].bytes, text), others[i].text);
}

static void test_counts(void **state)
{
    static const struct {
        uint64_t count;
        const char *text;
    } cases[] = {
        {0, "0"},
        {999, "999"},
        {1000, "1,000"},
        {123456, "123,456"},
        {1234567, "1,234,567"},
        {UINT64_MAX, "18,446,744,073,709,551,615"},
    };
    char text[FIGURE_COUNT_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(figure_count(cases[i].count, text), cases[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ages),
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_limits_are_shown_as_they_were_given),
        cmocka_unit_test(test_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
