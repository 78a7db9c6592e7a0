// SPDX-License-Identifier: MIT
#include "view/foreground.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void expect(const char *name, const char *command)
{
    assert_true(str_is(foreground_command(str_of(name)), command));
}

static void test_known_daemons(void **state)
{
    (void)state;
    expect("nginx", "nginx … -g 'daemon off;'");
    expect("redis-server", "redis-server … --daemonize no");
    expect("php-fpm8.2", "php-fpm … -F"); // with its version
    expect("sshd", "sshd … -D");
}

static void test_others(void **state)
{
    (void)state;
    expect("", "");
    expect("sh", "");
    expect("ngin", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_daemons),
        cmocka_unit_test(test_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
