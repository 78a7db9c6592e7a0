// SPDX-License-Identifier: MIT
// A prompt is seen while it waits, goes on in place, and never swallows another process's line.
#include "view/terminal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { WEB = 1, WORKER = 2 };

struct fixture {
    struct terminal terminal;
    struct log_prefix web;
    struct log_prefix worker;
    struct buffer out;
};

static int start(void **state)
{
    static struct fixture fixture;
    struct log_style style = {.width = 1, .tame = true};
    fixture = (struct fixture){0};
    log_prefix_build(&fixture.web, &style, 36, str_of(""), str_of("web"));
    log_prefix_build(&fixture.worker, &style, 36, str_of(""), str_of("worker"));
    *state = &fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;
    buffer_fini(&fixture->out);
    return 0;
}

static void web_line(struct fixture *fixture, const char *text)
{
    terminal_line(&fixture->terminal, &fixture->out, WEB, &fixture->web, str_of(text));
}

static void web_partial(struct fixture *fixture, const char *text)
{
    terminal_partial(&fixture->terminal, &fixture->out, WEB, &fixture->web, str_of(text));
}

static void worker_line(struct fixture *fixture, const char *text)
{
    terminal_line(&fixture->terminal, &fixture->out, WORKER, &fixture->worker, str_of(text));
}

static void assert_shown(struct fixture *fixture, const char *expected)
{
    buffer_append_char(&fixture->out, '\0');
    assert_string_equal(fixture->out.bytes, expected);
    buffer_clear(&fixture->out);
}

static void test_lines(void **state)
{
    web_line(*state, "one");
    worker_line(*state, "two");
    assert_shown(*state, "web | one\nworker | two\n");
}

static void test_prompt_goes_on_in_place(void **state)
{
    web_partial(*state, "Pass");
    web_partial(*state, "Password: ");
    web_partial(*state, "Password: ");
    assert_shown(*state, "web | Password: ");
    web_line(*state, "Password: ok");
    web_line(*state, "next");
    assert_shown(*state, "ok\nweb | next\n");
}

static void test_prompt_is_interrupted(void **state)
{
    web_partial(*state, "Password: ");
    worker_line(*state, "tick");
    web_line(*state, "Password: ok");
    assert_shown(*state, "web | Password: \nworker | tick\nweb | Password: ok\n");
}

static void test_two_prompts(void **state)
{
    struct fixture *fixture = *state;
    web_partial(fixture, "a? ");
    terminal_partial(&fixture->terminal, &fixture->out, WORKER, &fixture->worker, str_of("b? "));
    web_partial(fixture, "a? ");
    terminal_leave(&fixture->terminal, &fixture->out);
    terminal_leave(&fixture->terminal, &fixture->out);
    assert_shown(fixture, "web | a? \nworker | b? \nweb | a? \n");
}

static void test_sequences_are_not_torn(void **state)
{
    web_partial(*state, "a\033[3");
    web_partial(*state, "a\033[31mred \xe2\x80");
    web_line(*state, "a\033[31mred \xe2\x80\xa6");
    assert_shown(*state, "web | a\033[31mred \xe2\x80\xa6\033[0m\n");
}

static void test_return_at_the_end(void **state)
{
    web_partial(*state, "a\r");
    assert_shown(*state, "web | a");
    web_line(*state, "a"); // the assembler took the \r away with the newline
    assert_shown(*state, "\n");
}

static void test_color_ends_with_the_interruption(void **state)
{
    web_partial(*state, "\033[31mred? ");
    worker_line(*state, "tick");
    assert_shown(*state, "web | \033[31mred? \033[0m\nworker | tick\n");
}

static void test_nothing_to_show(void **state)
{
    web_partial(*state, "");
    worker_line(*state, "x");
    assert_shown(*state, "worker | x\n");
}

static void test_a_shorter_line_is_another_one(void **state)
{
    web_partial(*state, "abcdef");
    web_line(*state, "abc");
    assert_shown(*state, "web | abcdef\nweb | abc\n");
}

#define ROW "\r\033[K"
#define BAR(text) "\033[?7l" text "\033[?7h"

static void test_bar_is_drawn_over_itself(void **state)
{
    web_partial(*state, "\r10%");
    assert_shown(*state, "web | " BAR("10%"));
    web_partial(*state, "\r10%\r");
    web_partial(*state, "\r10%\r20%\r3");
    assert_shown(*state, ROW "web | " BAR("3"));
    web_partial(*state, "\r10%\r20%\r30%");
    assert_shown(*state, BAR("0%"));
    web_line(*state, "\r10%\r20%\r30%\r100%");
    web_line(*state, "done");
    assert_shown(*state, ROW "web | 100%\nweb | done\n");
}

static void test_prompt_becomes_a_bar(void **state)
{
    web_partial(*state, "wait");
    web_partial(*state, "wait\r");
    web_partial(*state, "wait\r\033[31m50%");
    assert_shown(*state, "web | wait" ROW "web | " BAR("\033[31m50%"));
    web_line(*state, "wait\r\033[31m50%\r");
    assert_shown(*state, "\033[0m" ROW "web | \033[31m50%\033[0m\n");
}

static void test_bar_gives_way_to_a_line(void **state)
{
    struct fixture *fixture = *state;
    web_partial(fixture, "\r10%");
    worker_line(fixture, "tick");
    assert_true(fixture->terminal.has_hidden && fixture->terminal.hidden == WEB);
    worker_line(fixture, "tock");
    web_partial(fixture, "\r10%");
    assert_false(fixture->terminal.has_hidden);
    assert_shown(fixture,
                 "web | " BAR("10%") ROW "worker | tick\nworker | tock\nweb | " BAR("10%"));
}

static void test_one_bar_at_a_time(void **state)
{
    struct fixture *fixture = *state;
    web_partial(fixture, "\r10%");
    terminal_partial(&fixture->terminal, &fixture->out, WORKER, &fixture->worker, str_of("\r7%"));
    worker_line(fixture, "\r7%\r8%");
    web_line(fixture, "\r10%");
    assert_false(fixture->terminal.has_hidden);
    assert_shown(fixture, "web | " BAR("10%") ROW "worker | 8%\nweb | 10%\n");
}

static void test_bar_on_a_dumb_terminal(void **state)
{
    struct fixture *fixture = *state;
    fixture->terminal.is_dumb = true;
    web_partial(fixture, "10%");
    web_partial(fixture, "10%\r20%");
    web_line(fixture, "10%\r20%\r");
    web_partial(fixture, "\r10%");
    web_line(fixture, "\r10%\r20%\r");
    assert_shown(fixture, "web | 10%\nweb | 20%\nweb | 20%\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lines, start, end),
        cmocka_unit_test_setup_teardown(test_prompt_goes_on_in_place, start, end),
        cmocka_unit_test_setup_teardown(test_prompt_is_interrupted, start, end),
        cmocka_unit_test_setup_teardown(test_two_prompts, start, end),
        cmocka_unit_test_setup_teardown(test_sequences_are_not_torn, start, end),
        cmocka_unit_test_setup_teardown(test_return_at_the_end, start, end),
        cmocka_unit_test_setup_teardown(test_color_ends_with_the_interruption, start, end),
        cmocka_unit_test_setup_teardown(test_nothing_to_show, start, end),
        cmocka_unit_test_setup_teardown(test_bar_is_drawn_over_itself, start, end),
        cmocka_unit_test_setup_teardown(test_prompt_becomes_a_bar, start, end),
        cmocka_unit_test_setup_teardown(test_bar_gives_way_to_a_line, start, end),
        cmocka_unit_test_setup_teardown(test_one_bar_at_a_time, start, end),
        cmocka_unit_test_setup_teardown(test_bar_on_a_dumb_terminal, start, end),
        cmocka_unit_test_setup_teardown(test_a_shorter_line_is_another_one, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
