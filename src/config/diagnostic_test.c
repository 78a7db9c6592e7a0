// SPDX-License-Identifier: MIT
#include "config/expect.h"

static const struct origin nowhere;

static struct origin at(const char *file, unsigned line, unsigned column)
{
    return (struct origin){str_of(file), line, column};
}

static void formats_as_compilers_do(void **state)
{
    (void)state;
    struct diagnostics diagnostics = {0};
    diagnostics_error(&diagnostics, at("Procfile", 3, 7), "no %s", "colon");
    diagnostics_warn(&diagnostics, at("Procfile", 0, 0), "empty");
    diagnostics_error(&diagnostics, nowhere, "-m: what?");
    assert_int_equal(diagnostics.error_count, 2);
    assert_int_equal(diagnostics.warning_count, 1);
    EXPECT_FINDINGS(&diagnostics, "Procfile:3:7: no colon", "Procfile: empty", "-m: what?");
}

static void never_sends_controls_to_a_terminal(void **state)
{
    (void)state;
    struct diagnostics diagnostics = {0};
    diagnostics_error(&diagnostics, at("a\033[2J", 1, 1), "'\a\177 \xc2\x9b é'");
    EXPECT_FINDINGS(&diagnostics, "a?[2J:1:1: '?? ?\x9b é'");
}

static void counts_what_it_does_not_list(void **state)
{
    (void)state;
    struct diagnostics diagnostics = {0};
    for (int i = 0; i < LIMIT_DIAGNOSTICS + 50; i++)
        diagnostics_warn(&diagnostics, nowhere, "warning %d", i);
    diagnostics_error(&diagnostics, nowhere, "the error");
    assert_int_equal(diagnostics.count, LIMIT_DIAGNOSTICS);
    assert_int_equal(diagnostics.warning_count, LIMIT_DIAGNOSTICS + 50);
    assert_int_equal(diagnostics.error_count, 1);
    const struct diagnostic *last = &diagnostics.items[LIMIT_DIAGNOSTICS - 1];
    assert_true(str_is(last->text, "the error"));
    diagnostics_fini(&diagnostics);
}

static void cuts_long_texts_and_small_buffers(void **state)
{
    (void)state;
    struct diagnostics diagnostics = {0};
    char huge[5000];
    char small[12];
    memset(huge, 'x', sizeof(huge) - 1);
    huge[sizeof(huge) - 1] = '\0';
    diagnostics_error(&diagnostics, at("file", 1, 2), "%s", huge);
    assert_true(diagnostics.items[0].text.size < 1024);
    diagnostic_format(&diagnostics.items[0], small, sizeof(small));
    assert_string_equal(small, "file:1:2: x");
    diagnostics_fini(&diagnostics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_as_compilers_do),
        cmocka_unit_test(never_sends_controls_to_a_terminal),
        cmocka_unit_test(counts_what_it_does_not_list),
        cmocka_unit_test(cuts_long_texts_and_small_buffers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
