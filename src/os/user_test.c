// SPDX-License-Identifier: MIT
// Only what every machine has is looked for: root, and nobody called so.
#include "os/user.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void root_is_found_by_name_and_number(void **state)
{
    (void)state;
    static const char *const names[] = {"root", "0", "00"};
    for (size_t i = 0; i < 3; i++) {
        struct arena arena = {0};
        struct user user = {.uid = 7, .gid = 7};
        uint32_t group = 7;
        assert_int_equal(user_find(str_of(names[i]), &arena, &user), 0);
        assert_true(str_is(user.name, "root"));
        assert_int_equal(user.uid, 0);
        assert_true(user.home.size > 0);
        assert_int_equal(user_find_group(str_of(names[i]), &group), 0);
        assert_int_equal(group, 0);
        arena_fini(&arena);
    }
}

static void who_is_not_there_is_not_found(void **state)
{
    (void)state;
    static const char *const names[] = {"no such user", "", "4294000000"};
    struct arena arena = {0};
    for (size_t i = 0; i < 3; i++) {
        struct user user;
        uint32_t group;
        assert_int_equal(user_find(str_of(names[i]), &arena, &user), -ENOENT);
        assert_int_equal(user_find_group(str_of(names[i]), &group), -ENOENT);
    }
    arena_fini(&arena);
}

static void numbers_are_those_that_the_kernel_can_have(void **state)
{
    (void)state;
    uint32_t number = 7;
    assert_false(user_is_number(str_of("root"), &number));
    assert_false(user_is_number(str_of("-1"), &number));
    assert_false(user_is_number(str_of("4294967295"), &number));
    assert_int_equal(number, 7);
    assert_true(user_is_number(str_of("4294967294"), &number));
    assert_int_equal(number, 4294967294);
}

static void groups_have_the_main_one_and_an_order(void **state)
{
    (void)state;
    struct arena arena = {0};
    const uint32_t *groups;
    size_t count = 0;
    assert_int_equal(user_groups(str_of("root"), 4711, &arena, &groups, &count), 0);
    bool is_there = false;
    for (size_t i = 0; i < count; i++) {
        is_there = is_there || groups[i] == 4711;
        assert_true(i == 0 || groups[i - 1] < groups[i]);
    }
    assert_true(is_there);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_is_found_by_name_and_number),
        cmocka_unit_test(who_is_not_there_is_not_found),
        cmocka_unit_test(numbers_are_those_that_the_kernel_can_have),
        cmocka_unit_test(groups_have_the_main_one_and_an_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
