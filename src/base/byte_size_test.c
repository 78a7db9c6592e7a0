// SPDX-License-Identifier: MIT
#include "base/byte_size.h"

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
        uint64_t bytes;
    } cases[] = {
        {"0", 0},
        {"4096", 4096},
        {"512K", 512 * 1024},
        {"10M", 10 * 1024 * 1024},
        {"1G", 1024 * 1024 * 1024},
        {"1023T", UINT64_C(1023) << 40},
        {"0.5K", 512},
        {".5M", 524288},
        {"1.5G", UINT64_C(1536) << 20},
        {"0.3K", 307}, // 307.2
        {"0.999K", 1022},
        {"0.00048828125T", 512 * 1024 * 1024},
        {"1.0000000000000000000000000000000000001K", 1024},
        {"1023.99999999999999T", (UINT64_C(1) << 50) - 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        uint64_t bytes = 1;
        assert_true(byte_size_parse(str_of(cases[i].text), &bytes));
        assert_int_equal(bytes, cases[i].bytes);
    }
}

static void refuses_the_rest(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",   "K",   "-1",  "+1",     "1 K",   "1KB",  "1k",       "1m",
        "1.", "1.5", "1.K", "1.2.3K", "1024T", "1e3K", "0x10",     "99999999999999999999",
        "1P", "ten", "M1",  "1MM",    "K1",    "1,5M", "infinite", "18446744073709551616K"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        uint64_t bytes = 42;
        if (byte_size_parse(str_of(texts[i]), &bytes))
            fail_msg("'%s' is taken for %llu bytes", texts[i], (unsigned long long)bytes);
        assert_int_equal(bytes, 42);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_people_write),
        cmocka_unit_test(refuses_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
