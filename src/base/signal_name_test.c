// SPDX-License-Identifier: MIT
#include "base/signal_name.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void knows_names_in_all_spellings(void **state)
{
    (void)state;
    assert_int_equal(signal_number(str_of("TERM")), SIGTERM);
    assert_int_equal(signal_number(str_of("SIGTERM")), SIGTERM);
    assert_int_equal(signal_number(str_of("sigusr1")), SIGUSR1);
    assert_int_equal(signal_number(str_of("15")), 15);
    assert_int_equal(signal_number(str_of("64")), 64);
}

static void refuses_the_rest(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "0", "65", "-9", "TER", "TERMX", "SIG", "KILL ", "9x"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        assert_int_equal(signal_number(str_of(texts[i])), 0);
}

static void names_lead_back_to_numbers(void **state)
{
    (void)state;
    for (int number = 1; number < 32; number++)
        assert_int_equal(signal_number(str_of(signal_name(number))), number);
    assert_string_equal(signal_name(SIGKILL), "SIGKILL");
    assert_string_equal(signal_name(40), "a real-time signal");
    assert_string_equal(signal_name(-1), "a real-time signal");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_names_in_all_spellings),
        cmocka_unit_test(refuses_the_rest),
        cmocka_unit_test(names_lead_back_to_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
