// SPDX-License-Identifier: MIT
#include "base/name_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void finds_what_was_put(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    static char names[COUNT][16];
    struct arena arena = {0};
    struct name_index index;
    size_t number;
    assert_int_equal(name_index_init(&index, COUNT, &arena), 0);
    for (size_t i = 0; i < COUNT; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "name%zu", i);
        assert_false(name_index_find(&index, str_of(names[i]), &number));
        name_index_put(&index, str_of(names[i]), i);
    }
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(name_index_find(&index, str_of(names[i]), &number));
        assert_int_equal(number, i);
    }
    assert_int_equal(index.count, COUNT);
    arena_fini(&arena);
}

static void the_last_number_counts(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct name_index index;
    size_t number = 0;
    assert_int_equal(name_index_init(&index, 2, &arena), 0);
    name_index_put(&index, str_of("a"), 1);
    name_index_put(&index, str_of(""), 2);
    name_index_put(&index, str_of("a"), 3);
    assert_true(name_index_find(&index, str_of("a"), &number));
    assert_int_equal(number, 3);
    assert_true(name_index_find(&index, str_of(""), &number));
    assert_int_equal(number, 2);
    assert_int_equal(index.count, 2);
    arena_fini(&arena);
}

static void an_empty_one_finds_nothing(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct name_index index;
    size_t number;
    assert_int_equal(name_index_init(&index, 0, &arena), 0);
    assert_false(name_index_find(&index, str_of("a"), &number));
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_put),
        cmocka_unit_test(the_last_number_counts),
        cmocka_unit_test(an_empty_one_finds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
