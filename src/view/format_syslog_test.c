// SPDX-License-Identifier: MIT
// The three ways that a message of syslog goes.
#include "view/format_fixture.h"

#include <stdlib.h>
#include <string.h>

static void test_far(void **state)
{
    (void)state;
    struct format_line line = fixture_line();
    assert_format(LOG_FORMAT_SYSLOG, &line, str_of("hi"),
                  "<14>1 2026-11-25T23:00:00.123456Z shell.example.com shop web.1 web - hi");
    line.is_error = true;
    line.facility = FACILITY_LOCAL7;
    assert_format(LOG_FORMAT_SYSLOG, &line, str_of("\tat \033[1m\n\x7f\xff"),
                  "<187>1 2026-11-25T23:00:00.123456Z shell.example.com shop web.1 web - "
                  "\tat #033[1m#012#177\xff");
    line = fixture_note();
    assert_format(LOG_FORMAT_SYSLOG, &line, str_of(""),
                  "<29>1 2026-11-25T23:00:00.123456Z - shop system - - ");
}

static void test_words_of_the_header(void **state)
{
    (void)state;
    struct format_line line = fixture_line();
    line.app = str_of("my sh\xc3\xb6p, of more than forty-eight bytes, is cut to fit");
    line.host = str_of("");
    line.type = str_of("a-type-of-more-than-thirty-two-bytes");
    assert_format(LOG_FORMAT_SYSLOG, &line, str_of("hi"),
                  "<14>1 2026-11-25T23:00:00.123456Z - "
                  "my_sh__p,_of_more_than_forty-eight_bytes,_is_cut web.1 "
                  "a-type-of-more-than-thirty-two-b - hi");
}

static void test_local(void **state)
{
    (void)state;
    struct format_line line = fixture_line();
    assert_format(LOG_FORMAT_SYSLOG_LOCAL, &line, str_of("hi\033"), "<14>shop/web.1[123]: hi#033");
    line = fixture_note();
    line.app = str_of("a: b[/]");
    assert_format(LOG_FORMAT_SYSLOG_LOCAL, &line, str_of("hi"), "<29>a__b___/system: hi");
}

static void test_counted(void **state)
{
    (void)state;
    struct format_line line = fixture_line();
    struct buffer text = {0};
    struct buffer out = {0};
    for (unsigned i = 0; i < 1200; i++) { // across each number of digits
        fixture_append(&out, LOG_FORMAT_SYSLOG_COUNTED, &line, buffer_str(&text));
        buffer_append_char(&text, i % 100 ? 'x' : '\033');
    }
    struct str rest = buffer_str(&out);
    unsigned count = 0;
    for (; rest.size > 0; count++) {
        struct str digits;
        unsigned long size;
        assert_true(str_next(&rest, ' ', &digits));
        assert_true(str_to_unsigned(digits, &size));
        assert_int_not_equal(digits.bytes[0], '0');
        assert_in_range(size, 1, rest.size);
        assert_true(str_starts_with(rest, "<14>1 2026-"));
        rest = str_slice(rest, size, rest.size);
    }
    assert_int_equal(count, 1200);
    buffer_fini(&text);
    buffer_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_far),
        cmocka_unit_test(test_words_of_the_header),
        cmocka_unit_test(test_local),
        cmocka_unit_test(test_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
