// SPDX-License-Identifier: MIT
#include "plan/shell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void all_need(enum shell_need need, const char *const *commands)
{
    for (; *commands; commands++)
        if (shell_need_of(str_of(*commands)) != need)
            fail_msg("%s: %d", *commands, (int)shell_need_of(str_of(*commands)));
}

static void words_need_no_shell(void **state)
{
    (void)state;
    static const char *const commands[] = {
        "server",
        "./bin/server -p 5000",
        "  python3\t-m  http.server  ",
        "a --b=c,d:e@f%g+h",
        "/usr/bin/env A=1 x",
        "café naïve",
        "bundle exec puma",
        "sleep 30",
        NULL,
    };
    all_need(SHELL_NOTHING, commands);
}

static void one_program_is_replaced(void **state)
{
    (void)state;
    static const char *const commands[] = {
        "server -p $PORT",
        "server -p ${PORT:-5000}",
        "server 'a;b' \"c|d $X \\\" ${Y}\"",
        "server > log 2>&1",
        "server >> log <in",
        "server *.rb ~/x a[bc] {x,y}",
        "server a\\ b",
        "server # to be done; later & more",
        "server a\\;b",
        "server 'it' \"costs $\"",
        "server !x",
        "server a=b'c'",
        "server $",
        "server >|log",
        "server 'a\nb'",
        NULL,
    };
    all_need(SHELL_ONCE, commands);
}

static void anything_else_is_left_to_the_shell(void **state)
{
    (void)state;
    static const char *const commands[] = {
        "",
        "   ",
        "a; b",
        "a && b",
        "a || b",
        "a | b",
        "a &",
        "a\nb",
        "(a)",
        "{ a; }",
        "A=1 b",
        "exec a",
        "cd x",
        "echo hi",
        "if a",
        "! a",
        ": x",
        ". ./env",
        "[ a",
        "time a",
        "test x",
        "'server' x",
        "\"server\" x",
        "$SERVER x",
        "\\server x",
        "> log server",
        "2>log server",
        "server>log",
        "server `date`",
        "server $(date)",
        "server \"$(date)\"",
        "server \"`date`\"",
        "server 'unclosed",
        "server \"unclosed",
        "server ${unclosed",
        "server ${A:-\"x y\"}",
        "server \\",
        "server <<END",
        "server <(a)",
        "server >",
        "server &>log",
        "server >&-",
        "server $((1+1))",
        "server $$",
        "server $'a'",
        "server # x\nother",
        "-a",
        "*",
        "~/server",
        "server \\ #; other",
        "# comment",
        "function f",
        "server a&b",
        "server 'a' ; b",
        "server \"a\" \"b",
        "server <",
        "server a\\\nb",
        NULL,
    };
    all_need(SHELL_ALL_ALONG, commands);
}

static void any_byte_is_understood_or_left_to_the_shell(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char command[] = {'a', ' ', (char)c, 'b'};
        enum shell_need need = shell_need_of(str_from(command, sizeof(command)));
        if (c == 0 || c == '\n' || c == ';' || c == '&' || c == '|' || c == '(' || c == ')' ||
            c == '`' || c == '"' || c == '\'')
            assert_int_equal(need, SHELL_ALL_ALONG);
        if (c >= 0x80)
            assert_int_equal(need, SHELL_NOTHING);
    }
}

static void the_last_command_of_a_list_can_replace_the_shell(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        const char *from_there; // NULL: nowhere
    } cases[] = {
        {"cd app && ./server -p $PORT", "./server -p $PORT"},
        {"cd app;A=b  B='c d' ./server", "./server"},
        {"A=\"$B\" ./server x=y", "./server x=y"},
        {". ./env; set -e; ./server # && no", "./server # && no"},
        {"if a; then b; fi; ./server", "./server"},
        {"cd app && exec ./server", NULL},
        {"./server", NULL},
        {"A=b", NULL},
        {"A=b cd x", NULL},
        {"1=2 ./server", NULL},
        {"cd app && ./server &", NULL},
        {"cd app && ./server | tee log", NULL},
        {"cd app || ./server", NULL},
        {"(cd app && ./server)", NULL},
        {"cd app && ./server;", NULL},
        {"cd app && ! ./server", NULL},
        {"if a; then ./server; fi", NULL},
        {"trap x TERM; ./server", NULL},
        {"a;; ./server", NULL},
        {"echo 'a && ./server", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str command = str_of(cases[i].command);
        struct str rest = str_slice(command, shell_exec_place(command), command.size);
        if (!str_is(rest, cases[i].from_there ? cases[i].from_there : ""))
            fail_msg("%s: %.*s", cases[i].command, STR_ARGS(rest));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_need_no_shell),
        cmocka_unit_test(one_program_is_replaced),
        cmocka_unit_test(anything_else_is_left_to_the_shell),
        cmocka_unit_test(any_byte_is_understood_or_left_to_the_shell),
        cmocka_unit_test(the_last_command_of_a_list_can_replace_the_shell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
