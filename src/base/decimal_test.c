// SPDX-License-Identifier: MIT
#include "base/decimal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MOST (UINT64_C(1) << 53)

static void reads_what_people_write(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t value;
    } cases[] = {
        {"0", 0},
        {"3", 3000},
        {"1.5", 1500},
        {".25", 250},
        {"0.001", 1},
        {"12.3456789", 12345},
        {"1.0000000000000000000000000000001", 1000},
        {"007", 7000},
        {"9007199254740992", UINT64_C(9007199254740992000)},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        uint64_t value = 99;
        assert_true(decimal_parse(str_of(cases[i].text), MOST, &value));
        assert_true(value == cases[i].value);
    }
}

static void refuses_the_rest(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        ".",
        "1.",
        "-1",
        "+1",
        "1.5.1",
        "1e3",
        "0x10",
        " 1",
        "1 ",
        "1,5",
        "many",
        "1%",
        "nan",
        "inf",
        "--1",
        "1.5s",
        "9007199254740992.001",
        "9007199254740993",
        "99999999999999999999999",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        uint64_t value = 99;
        assert_false(decimal_parse(str_of(cases[i]), MOST, &value));
        assert_int_equal(value, 99);
    }
}

static void keeps_what_is_allowed(void **state)
{
    (void)state;
    uint64_t value = 99;
    assert_true(decimal_parse(str_of("10"), 10, &value));
    assert_int_equal(value, 10000);
    assert_false(decimal_parse(str_of("10.001"), 10, &value));
    assert_false(decimal_parse(str_of("11"), 10, &value));
    assert_int_equal(value, 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_people_write),
        cmocka_unit_test(refuses_the_rest),
        cmocka_unit_test(keeps_what_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
