// SPDX-License-Identifier: MIT
// As `heroku logs` prints it.
#include "view/format_fixture.h"

static void test_examples(void **state)
{
    (void)state;
    struct format_line line = fixture_line();
    assert_format(LOG_FORMAT_HEROKU, &line, str_of("hi"),
                  "2026-11-25T23:00:00.123456+00:00 app[web.1]: hi\n");
    assert_format(LOG_FORMAT_HEROKU, &line, str_of("\033[1m50%\r100%\xff"),
                  "2026-11-25T23:00:00.123456+00:00 app[web.1]: \033[1m50%\r100%\xff\n");
    line = fixture_note();
    assert_format(LOG_FORMAT_HEROKU, &line, str_of(""),
                  "2026-11-25T23:00:00.123456+00:00 formation[system]: \n");
}

static void test_no_name_forges_a_line(void **state)
{
    (void)state;
    struct format_line line = fixture_line();
    line.process = str_of("web]: x\n1");
    assert_format(LOG_FORMAT_HEROKU, &line, str_of("hi"),
                  "2026-11-25T23:00:00.123456+00:00 app[web_:_x_1]: hi\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_no_name_forges_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
