// SPDX-License-Identifier: MIT
#include "base/arena.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void gives_zeroed_aligned_memory(void **state)
{
    (void)state;
    struct arena arena = {0};
    for (size_t size = 0; size < 3000; size += 7) {
        unsigned char *memory = arena_alloc(&arena, size);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xff, size);
    }
    arena_fini(&arena);
    assert_null(arena.newest);
}

static void gives_blocks_larger_than_its_own(void **state)
{
    (void)state;
    struct arena arena = {0};
    char *huge = arena_alloc(&arena, 1 << 20);
    assert_non_null(huge);
    memset(huge, 1, 1 << 20);
    assert_non_null(arena_alloc(&arena, 1));
    arena_fini(&arena);
}

static void copies_texts(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct str copy;
    assert_string_equal(arena_text(&arena, str_of("abc")), "abc");
    assert_string_equal(arena_text(&arena, str_of("")), "");
    assert_int_equal(arena_str(&arena, str_from("a\0b", 3), &copy), 0);
    assert_int_equal(copy.size, 3);
    assert_memory_equal(copy.bytes, "a\0b", 4);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_zeroed_aligned_memory),
        cmocka_unit_test(gives_blocks_larger_than_its_own),
        cmocka_unit_test(copies_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
