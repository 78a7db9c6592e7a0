// SPDX-License-Identifier: MIT
// The numbers are the ones that <syslog.h> has.
#include "view/facility.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <syslog.h>

static void test_numbers(void **state)
{
    (void)state;
    assert_int_equal(FACILITY_USER << 3, LOG_USER);
    assert_int_equal(FACILITY_DAEMON << 3, LOG_DAEMON);
    assert_int_equal(FACILITY_AUTHPRIV << 3, LOG_AUTHPRIV);
    assert_int_equal(FACILITY_FTP << 3, LOG_FTP);
    assert_int_equal(FACILITY_LOCAL0 << 3, LOG_LOCAL0);
    assert_int_equal(FACILITY_LOCAL7 << 3, LOG_LOCAL7);
    assert_int_equal(SYSLOG_ERR, LOG_ERR);
    assert_int_equal(SYSLOG_NOTICE, LOG_NOTICE);
    assert_int_equal(SYSLOG_DEBUG, LOG_DEBUG);
}

static void test_names_are_found(void **state)
{
    (void)state;
    unsigned known = 0;
    for (unsigned i = 0; i < 30; i++) {
        const char *name = facility_name((enum facility)i);
        enum facility found;
        if (!name)
            continue;
        assert_true(facility_find(str_of(name), &found));
        assert_int_equal(found, i);
        known++;
    }
    assert_int_equal(known, 19);
    for (unsigned i = 0; i < 8; i++) {
        enum syslog_severity found;
        const char *name = syslog_severity_name((enum syslog_severity)i);
        assert_true(syslog_severity_find(str_of(name), &found));
        assert_int_equal(found, i);
    }
    assert_null(syslog_severity_name((enum syslog_severity)8));
}

static void test_others_are_not(void **state)
{
    (void)state;
    static const char *const names[] = {"", "kern", "Daemon", "local8", "local", "3", "error"};
    enum facility facility = FACILITY_USER;
    enum syslog_severity severity = SYSLOG_INFO;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_false(facility_find(str_of(names[i]), &facility));
        assert_false(syslog_severity_find(str_of(names[i]), &severity));
    }
    assert_int_equal(facility, FACILITY_USER);
    assert_int_equal(severity, SYSLOG_INFO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_names_are_found),
        cmocka_unit_test(test_others_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
