// SPDX-License-Identifier: MIT
#include "base/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void tells_program_and_reader(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(error_set(&error, ENOENT, "%s:%d is gone", "file", 3), -ENOENT);
    assert_int_equal(error.code, ENOENT);
    assert_string_equal(error.text, "file:3 is gone");
    assert_int_equal(error_set(NULL, EIO, "nobody listens"), -EIO);
}

static void cuts_long_sentences(void **state)
{
    (void)state;
    struct error error;
    char huge[2000];
    memset(huge, 'x', sizeof(huge) - 1);
    huge[sizeof(huge) - 1] = '\0';
    error_set(&error, EINVAL, "%s", huge);
    assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_program_and_reader),
        cmocka_unit_test(cuts_long_sentences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
