// SPDX-License-Identifier: MIT
// Every field that a process is started by makes a difference, and no other does.
#include "plan/rights.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint32_t groups[] = {33, 44};
static const uint32_t other_groups[] = {33, 45};

static struct rights some_rights(void)
{
    return (struct rights){
        .user = str_of("www"),
        .group = str_of(""),
        .has_account = true,
        .account = {str_of("www"), str_of("/var/www"), str_of("/bin/sh"), 33, 33, groups, 2},
        .has_umask = true,
        .umask = 027,
        .has_nice = true,
        .nice = 5,
        .limits = {[RIGHTS_FILES] = {true, 4096}, [RIGHTS_STACK] = {false, 77}},
        .no_new_privs = true,
        .has_capabilities = true,
        .capabilities = 3,
        .capabilities_given = 1,
    };
}

#define DIFFERS(change)                                                                            \
    do {                                                                                           \
        struct rights old = some_rights();                                                         \
        struct rights now = some_rights();                                                         \
        now.change;                                                                                \
        assert_true(rights_differ(&old, &now) && rights_differ(&now, &old));                       \
    } while (0)

static void each_field_makes_a_difference(void **state)
{
    (void)state;
    struct rights a = some_rights();
    struct rights b = some_rights();
    assert_false(rights_differ(&a, &b));
    b.user = str_of("33");            // another word for the same
    b.limits[RIGHTS_STACK].value = 1; // not set
    assert_false(rights_differ(&a, &b));
    DIFFERS(has_account = false);
    DIFFERS(user = str_of(""));
    DIFFERS(account.uid = 34);
    DIFFERS(account.gid = 34);
    DIFFERS(account.groups = other_groups);
    DIFFERS(account.group_count = 1);
    DIFFERS(account.home = str_of("/"));
    DIFFERS(account.shell = str_of("/bin/bash"));
    DIFFERS(account.name = str_of("web"));
    DIFFERS(has_umask = false);
    DIFFERS(umask = 0);
    DIFFERS(has_nice = false);
    DIFFERS(nice = -5);
    DIFFERS(limits[RIGHTS_FILES].value = RIGHTS_UNLIMITED);
    DIFFERS(limits[RIGHTS_FILES].is_set = false);
    DIFFERS(limits[RIGHTS_CORE].is_set = true);
    DIFFERS(no_new_privs = false);
    DIFFERS(has_capabilities = false);
    DIFFERS(capabilities = 7);
    DIFFERS(capabilities_given = 3);
    DIFFERS(private_tmp = true);
}

static void capabilities_have_names(void **state)
{
    (void)state;
    assert_int_equal(rights_capability_number(str_of("chown")), 0);
    assert_int_equal(rights_capability_number(str_of("CAP_NET_BIND_SERVICE")), 10);
    assert_int_equal(rights_capability_number(str_of("Cap_Sys_Admin")), 21);
    assert_int_equal(rights_capability_number(str_of("checkpoint_restore")), 40);
    assert_int_equal(rights_capability_number(str_of("")), -1);
    assert_int_equal(rights_capability_number(str_of("cap_")), -1);
    assert_int_equal(rights_capability_number(str_of("cap_cap_chown")), -1);
    assert_int_equal(rights_capability_number(str_of("a name that is longer than any of theirs")),
                     -1);
    for (int number = 0; number < RIGHTS_CAPABILITIES; number++)
        assert_int_equal(rights_capability_number(str_of(rights_capability_name((unsigned)number))),
                         number);
    assert_null(rights_capability_name(RIGHTS_CAPABILITIES));
}

static void limits_have_names(void **state)
{
    (void)state;
    for (unsigned i = 0; i < RIGHTS_LIMITS; i++)
        assert_non_null(rights_limit_name(i));
    assert_null(rights_limit_name(RIGHTS_LIMITS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_field_makes_a_difference),
        cmocka_unit_test(capabilities_have_names),
        cmocka_unit_test(limits_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
