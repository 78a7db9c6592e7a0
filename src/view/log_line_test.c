// SPDX-License-Identifier: MIT
// The lines are those of Foreman, byte for byte.
#include "view/log_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void assert_line(const struct log_style *style, unsigned color, const char *time,
                        const char *name, const char *line, const char *expected)
{
    struct log_prefix prefix;
    struct buffer out = {0};
    log_prefix_build(&prefix, style, color, str_of(time), str_of(name));
    log_line_append(&out, &prefix, str_of(line));
    buffer_append_char(&out, '\0');
    assert_string_equal(out.bytes, expected);
    buffer_fini(&out);
}

static void test_as_foreman_prints_it(void **state)
{
    (void)state;
    struct log_style style = {.width = 8};
    assert_line(&style, 36, "07:41:31", "web.1", "hi", "07:41:31 web.1    | hi\n");
    assert_line(&style, 37, "07:41:32", "system", "sending SIGTERM to all processes",
                "07:41:32 system   | sending SIGTERM to all processes\n");
    style.color = true;
    assert_line(&style, 36, "07:41:32", "web.1", "hi", "\033[36m07:41:32 web.1    | \033[0mhi\n");
    assert_line(&style, 37, "", "system", "", "\033[37msystem   | \033[0m\n");
}

static void test_choices(void **state)
{
    (void)state;
    assert_line(&(struct log_style){.width = 8}, 36, "", "web.1", "hi", "web.1    | hi\n");
    assert_line(&(struct log_style){.width = 2}, 36, "", "worker.10", "hi", "worker.10 | hi\n");
    assert_line(&(struct log_style){.no_prefix = true, .color = true}, 36, "07:41:32", "web.1",
                "hi", "hi\n");
    assert_line(&(struct log_style){.width = 6}, 36, "2026-01-02T03:04:05+0100", "web.1", "hi",
                "2026-01-02T03:04:05+0100 web.1  | hi\n");
}

static void test_longest_prefix_fits(void **state)
{
    (void)state;
    char time[300];
    char name[300];
    memset(time, '0', sizeof(time));
    memset(name, 'n', sizeof(name));
    struct log_style style = {.width = 4000, .color = true};
    struct log_prefix prefix;
    log_prefix_build(&prefix, &style, 36, str_from(time, sizeof(time)),
                     str_from(name, sizeof(name)));
    assert_int_equal(prefix.size, 5 + LOG_TIME_BYTES + 1 + PROCESS_NAME_BYTES + 3 + 4);
    log_prefix_build(&prefix, &style, 36, str_of(""), str_of("web.1"));
    assert_int_equal(prefix.size, 5 + PROCESS_NAME_BYTES + 3 + 4);
}

static void test_tame_only_on_a_terminal(void **state)
{
    (void)state;
    struct log_style style = {.width = 6};
    assert_line(&style, 36, "", "web.1", "\033[2Ja\rb\033[31m", "web.1  | \033[2Ja\rb\033[31m\n");
    style.tame = true;
    assert_line(&style, 36, "", "web.1", "\033[2Ja\rb\033[31mred",
                "web.1  | b\033[31mred\033[0m\n");
    assert_line(&style, 36, "", "web.1", "\033[31mred\033[m", "web.1  | \033[31mred\033[m\n");
}

static void test_no_color_at_all(void **state)
{
    (void)state;
    struct log_style style = {.width = 6, .no_color = true};
    assert_line(&style, 36, "", "web.1", "\033[31mred\033[0m 1%\r2%\a", "web.1  | red 1%\r2%\a\n");
    style.tame = true;
    assert_line(&style, 36, "", "web.1", "\033[31mred\033[0m\a", "web.1  | red^G\n");
}

static void test_any_bytes_pass(void **state)
{
    (void)state;
    struct log_prefix prefix;
    struct buffer out = {0};
    log_prefix_build(&prefix, &(struct log_style){.no_prefix = true}, 36, str_of(""), str_of("a"));
    log_line_append(&out, &prefix, str_from("\0\xff\033", 3));
    assert_int_equal(out.size, 4);
    assert_memory_equal(out.bytes, "\0\xff\033\n", 4);
    buffer_fini(&out);
}

static void test_many_are_as_one_by_one(void **state)
{
    (void)state;
    const struct str lines[] = {str_of("first"), str_of(""), str_of("\033[32mgreen\033[H")};
    for (unsigned tame = 0; tame < 2; tame++) {
        struct log_prefix prefix;
        struct buffer together = {0};
        struct buffer apart = {0};
        log_prefix_build(&prefix, &(struct log_style){.width = 30, .tame = tame}, 36,
                         str_of("12:34:56"), str_of("a"));
        log_lines_append(&together, &prefix, lines, 3);
        for (size_t i = 0; i < 3; i++)
            log_line_append(&apart, &prefix, lines[i]);
        assert_true(str_equal(buffer_str(&together), buffer_str(&apart)));
        buffer_fini(&together);
        buffer_fini(&apart);
    }
}

static void test_all_or_nothing(void **state)
{
    (void)state;
    char memory[64] = "kept";
    const struct str lines[] = {str_of("first"), str_from(memory, sizeof(memory))};
    struct log_prefix prefix;
    struct buffer out = {.bytes = memory, .size = 4, .capacity = sizeof(memory), .is_fixed = true};
    log_prefix_build(&prefix, &(struct log_style){0}, 36, str_of(""), str_of("a"));
    log_lines_append(&out, &prefix, lines, 2);
    assert_true(out.failed);
    assert_int_equal(out.size, 4);
}

static void test_width(void **state)
{
    (void)state;
    struct process_type types[] = {
        {.name = str_of("web"), .quantity = 1},
        {.name = str_of("worker"), .quantity = 0},
    };
    struct plan plan = {.types = types, .type_count = 2};
    assert_int_equal(log_name_width(&plan), strlen("worker.1"));
    types[0].quantity = 10;
    assert_int_equal(log_name_width(&plan), strlen("worker.10"));
    plan.type_count = 1;
    types[0].quantity = 9;
    assert_int_equal(log_name_width(&plan), strlen("system"));
    plan.type_count = 0;
    assert_int_equal(log_name_width(&plan), strlen("system"));
}

static void test_colors_cycle(void **state)
{
    (void)state;
    static const unsigned expected[] = {36, 33, 32, 35, 31, 34, 36, 33};
    for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        assert_int_equal(log_color(i), expected[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_foreman_prints_it),
        cmocka_unit_test(test_choices),
        cmocka_unit_test(test_longest_prefix_fits),
        cmocka_unit_test(test_tame_only_on_a_terminal),
        cmocka_unit_test(test_no_color_at_all),
        cmocka_unit_test(test_any_bytes_pass),
        cmocka_unit_test(test_many_are_as_one_by_one),
        cmocka_unit_test(test_all_or_nothing),
        cmocka_unit_test(test_width),
        cmocka_unit_test(test_colors_cycle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
