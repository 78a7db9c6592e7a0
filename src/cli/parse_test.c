// SPDX-License-Identifier: MIT
// What people type, and what the program understands.
#include "cli/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ARGUMENTS_MOST = 32 };

struct line {
    char *argv[ARGUMENTS_MOST];
    char *copy;
    struct invocation invocation;
    struct error error;
    int result;
};

// Splits at blanks and parses. Call done() afterwards.
static struct line *read_line(const char *text)
{
    struct line *line = calloc(1, sizeof(*line));
    assert_non_null(line);
    line->copy = strdup(text);
    int argc = 0;
    for (char *word = strtok(line->copy, " "); word; word = strtok(NULL, " ")) {
        assert_true(argc < ARGUMENTS_MOST - 1);
        line->argv[argc++] = word;
    }
    line->result = invocation_parse(argc, line->argv, &line->invocation, &line->error);
    return line;
}

static void done(struct line *line)
{
    invocation_fini(&line->invocation);
    free(line->copy);
    free(line);
}

static void expect_error(const char *text, const char *sentence)
{
    struct line *line = read_line(text);
    assert_true(line->result < 0);
    assert_string_equal(line->error.text, sentence);
    done(line);
}

static void test_every_form_of_an_option(void **state)
{
    static const char *const forms[] = {
        "formation start -p 3000",     "formation start -p3000",       "formation start -p=3000",
        "formation start --port 3000", "formation start --port=3000",  "formation -p 3000 start",
        "formation start -cp 3000",    "formation start -p 1 -p 3000",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct line *line = read_line(forms[i]);
        assert_int_equal(line->result, 0);
        assert_ptr_equal(line->invocation.command, command_find("start", NULL));
        assert_true(line->invocation.options.has_port);
        assert_int_equal(line->invocation.options.port, 3000);
        assert_int_equal(line->invocation.operand_count, 0);
        done(line);
    }
}

static void test_all_options_of_start(void **state)
{
    (void)state;
    struct line *line = read_line("formation start -f app/Procfile -d app -e a,b -m web=2 -t 1.5s "
                                  "--except clock --no-port --no-prefix --tty --no-color");
    struct options *options = &line->invocation.options;
    assert_int_equal(line->result, 0);
    assert_string_equal(options->procfile, "app/Procfile");
    assert_string_equal(options->root, "app");
    assert_string_equal(options->env_files, "a,b");
    assert_string_equal(options->formation, "web=2");
    assert_string_equal(options->except, "clock");
    assert_true(options->has_timeout);
    assert_int_equal(options->timeout, 1500 * NSEC_PER_MSEC);
    assert_true(options->no_port && options->no_prefix && options->tty);
    assert_int_equal(options->color, COLOR_NEVER);
    assert_false(options->has_port || options->no_timestamp || options->foreman);
    done(line);
}

static void test_names_between_options(void **state)
{
    (void)state;
    struct line *line = read_line("formation start web -p 3000 worker=2 -- -odd");
    assert_int_equal(line->result, 0);
    assert_int_equal(line->invocation.options.name_count, 3);
    assert_string_equal(line->invocation.options.names[0], "web");
    assert_string_equal(line->invocation.options.names[1], "worker=2");
    assert_string_equal(line->invocation.options.names[2], "-odd");
    assert_null(line->invocation.options.names[3]);
    assert_string_equal(line->argv[2], "web"); // argv is not reordered: the manager gets it too
    done(line);
}

static void test_run_leaves_the_rest_alone(void **state)
{
    (void)state;
    struct line *line = read_line("formation run -e x ls -f --bogus -- start");
    assert_int_equal(line->result, 0);
    assert_string_equal(line->invocation.options.env_files, "x");
    assert_null(line->invocation.options.procfile);
    assert_int_equal(line->invocation.operand_count, 5);
    assert_string_equal(line->invocation.operands[1], "-f");
    assert_string_equal(line->invocation.operands[3], "--");
    assert_int_equal(line->invocation.options.name_count, 0);
    done(line);
    line = read_line("formation run -- -x");
    assert_int_equal(line->result, 0);
    assert_int_equal(line->invocation.operand_count, 1);
    assert_string_equal(line->invocation.operands[0], "-x");
    done(line);
}

static void test_timestamp_is_foremans_flag_or_takes_a_format(void **state)
{
    static const struct {
        const char *text;
        const char *format;
        size_t names;
        bool off;
    } cases[] = {
        {"formation start --timestamp web", NULL, 1, false},
        {"formation start --timestamp", NULL, 0, false},
        {"formation start --timestamp %T web", "%T", 1, false},
        {"formation start --timestamp=%FT%T", "%FT%T", 0, false},
        {"formation start --no-timestamp", NULL, 0, true},
        {"formation start --timestamp=false", NULL, 0, true},
        {"formation start --timestamp=true %T", NULL, 1, false},
        {"formation start --no-timestamp --timestamp", NULL, 0, false},
        {"foreman start --timestamp web", NULL, 1, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct line *line = read_line(cases[i].text);
        const struct options *options = &line->invocation.options;
        assert_int_equal(line->result, 0);
        assert_int_equal(options->name_count, cases[i].names);
        assert_int_equal(options->no_timestamp, cases[i].off);
        assert_int_equal(options->timestamp, !cases[i].off);
        if (cases[i].format)
            assert_string_equal(options->timestamp_format, cases[i].format);
        else
            assert_null(options->timestamp_format);
        done(line);
    }
    expect_error("formation start --timestamp=short",
                 "--timestamp takes a format of strftime(3), such as %H:%M:%S, not 'short'");
}

static void test_color_is_foremans_flag(void **state)
{
    static const struct {
        const char *text;
        enum color_choice color;
    } cases[] = {
        {"formation start", COLOR_AUTO},
        {"formation start --color", COLOR_ALWAYS},
        {"formation start --color=true", COLOR_ALWAYS},
        {"formation start --color=false", COLOR_NEVER},
        {"formation start --color --no-color", COLOR_NEVER},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct line *line = read_line(cases[i].text);
        assert_int_equal(line->result, 0);
        assert_int_equal(line->invocation.options.color, cases[i].color);
        done(line);
    }
    expect_error("formation start --color=yes", "--color takes no value");
}

static void test_options_of_clients(void **state)
{
    (void)state;
    struct line *line = read_line("formation logs -fn 20 --since 10m --app shop --json -c web.1");
    const struct client_options *client = &line->invocation.client;
    assert_int_equal(line->result, 0);
    assert_true(client->follow && client->json && client->has_lines && client->has_since);
    assert_int_equal(client->lines, 20);
    assert_int_equal(client->since, 600 * NSEC_PER_SEC);
    assert_string_equal(client->app, "shop");
    assert_int_equal(line->invocation.options.color, COLOR_ALWAYS);
    assert_string_equal(line->invocation.operands[0], "web.1");
    assert_false(client->no_wait || client->reset);
    done(line);
    line = read_line("formation scale --reset --no-wait -d app web-1");
    client = &line->invocation.client;
    assert_int_equal(line->result, 0);
    assert_true(client->reset && client->no_wait && !client->json);
    assert_string_equal(line->invocation.options.root, "app");
    assert_string_equal(line->invocation.operands[0], "web-1");
    done(line);
    line = read_line("formation attach web.1 --detach-keys ctrl-a,d");
    assert_int_equal(line->result, 0);
    assert_string_equal(line->invocation.client.detach_keys, "ctrl-a,d");
    done(line);
}

static void test_watch_takes_a_number_behind_it(void **state)
{
    static const struct {
        const char *text;
        nsec_t watch;
        size_t names;
    } cases[] = {
        {"formation ps", 0, 0},
        {"formation ps --watch", NSEC_PER_SEC, 0},
        {"formation ps --watch web", NSEC_PER_SEC, 1},
        {"formation ps --watch 2 web", 2 * NSEC_PER_SEC, 1},
        {"formation ps -w web -w=500ms", NSEC_PER_SEC / 2, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct line *line = read_line(cases[i].text);
        assert_int_equal(line->result, 0);
        assert_int_equal(line->invocation.client.watch, cases[i].watch);
        assert_int_equal(line->invocation.operand_count, cases[i].names);
        done(line);
    }
}

// -f follows lines, or is the Procfile: what stands before the command belongs to it, too.
static void test_a_letter_of_two_options(void **state)
{
    static const struct {
        const char *text;
        const char *procfile;
        bool follow;
    } cases[] = {
        {"formation start -f Procfile", "Procfile", false},
        {"formation -f Procfile start", "Procfile", false},
        {"formation logs -f", NULL, true},
        {"formation -f logs", NULL, true},
        {"formation -f Procfile --help", "Procfile", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct line *line = read_line(cases[i].text);
        assert_int_equal(line->result, 0);
        assert_int_equal(line->invocation.client.follow, cases[i].follow);
        if (cases[i].procfile)
            assert_string_equal(line->invocation.options.procfile, cases[i].procfile);
        else
            assert_null(line->invocation.options.procfile);
        done(line);
    }
}

// A value that most options take; those that do not say so.
static void test_every_option_sets_something(void **state)
{
    (void)state;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_entry *option = &option_entries[i];
        char text[80];
        const char *value = option->argument[0] == '\0' || option->argument[0] == '[' ? "" : "=1";
        (void)snprintf(text, sizeof(text), "formation --%s%s --help", option->name, value);
        struct line *line = read_line(text);
        assert_true(line->result == 0 || strstr(line->error.text, option->name));
        done(line);
    }
}

static void test_foreman_by_name_or_by_option(void **state)
{
    static const struct {
        const char *text;
        bool foreman;
    } cases[] = {
        {"foreman check", true},
        {"/usr/local/bin/foreman check", true},
        {"formation --compat foreman check", true},
        {"formation check --compat=foreman", true},
        {"formation check", false},
        {"foremanly check", false},
        {"foreman/formation check", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct line *line = read_line(cases[i].text);
        assert_int_equal(line->result, 0);
        assert_int_equal(line->invocation.options.foreman, cases[i].foreman);
        done(line);
    }
}

static void test_help_and_version(void **state)
{
    (void)state;
    struct line *line = read_line("formation --help");
    assert_int_equal(line->result, 0);
    assert_true(line->invocation.wants_help);
    assert_null(line->invocation.command);
    done(line);
    line = read_line("formation run -h"); // not "run needs more"
    assert_int_equal(line->result, 0);
    assert_true(line->invocation.wants_help);
    done(line);
    line = read_line("formation -v");
    assert_int_equal(line->result, 0);
    assert_true(line->invocation.wants_version);
    done(line);
    line = read_line("formation");
    assert_int_equal(line->result, 0);
    assert_null(line->invocation.command);
    done(line);
}

static void test_mistakes_are_named(void **state)
{
    static const struct {
        const char *text;
        const char *sentence;
    } cases[] = {
        {"formation strat", "there is no command 'strat': did you mean 'start'?"},
        {"formation xyzzy", "there is no command 'xyzzy': 'formation help' lists them"},
        {"formation start --prot 1", "there is no option --prot: did you mean --port?"},
        {"formation start --xyzzy", "there is no option --xyzzy"},
        {"formation start -cx", "there is no option -x"},
        {"formation start -p", "-p needs a value: PORT"},
        {"formation start -t", "-t needs a value: DURATION"},
        {"formation start -p x", "-p takes a port number (1 to 65535), not 'x'"},
        {"formation start --port=0", "--port takes a port number (1 to 65535), not '0'"},
        {"formation start -p 65536", "-p takes a port number (1 to 65535), not '65536'"},
        {"formation start -p -1", "-p takes a port number (1 to 65535), not '-1'"},
        {"formation start -t abc",
         "-t takes a number of seconds or a duration (5, 500ms, 2m), not 'abc'"},
        {"formation start --tty=yes", "--tty takes no value"},
        {"formation --compat honcho start",
         "--compat takes the name of a program that can be imitated (foreman), not 'honcho'"},
        {"formation check -p 1", "'check' takes no option --port"},
        {"formation -m web=1 check", "'check' takes no option --formation"},
        {"formation check web", "'check' does not know what to do with 'web'"},
        {"formation ps -w=1ms",
         "-w takes a number of seconds or a duration of 100ms at least, not '1ms'"},
        {"formation logs -n x", "-n takes a number of lines, not 'x'"},
        {"formation logs -n -1", "-n takes a number of lines, not '-1'"},
        {"formation logs --since", "--since needs a value: DURATION"},
        {"formation logs --since today",
         "--since takes a number of seconds or a duration (5, 500ms, 2m), not 'today'"},
        {"formation ps -n 3", "'ps' takes no option --lines"},
        {"formation scale --json=1", "--json takes no value"},
        {"formation signal HUP", "'signal' needs more: formation signal SIGNAL TYPE|PROCESS ..."},
        {"formation help start stop", "'help' does not know what to do with 'stop'"},
        {"formation run", "'run' needs more: formation run COMMAND|TYPE [ARGUMENT ...]"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_error(cases[i].text, cases[i].sentence);
}

static void test_tables_are_in_order(void **state)
{
    (void)state;
    for (const struct command *command = commands; command[1].name; command++)
        assert_true(strcmp(command[0].name, command[1].name) < 0);
    for (size_t i = 1; i < OPTION_COUNT; i++)
        assert_true(strcmp(option_entries[i - 1].name, option_entries[i].name) < 0);
}

static void test_no_command_has_a_letter_twice(void **state)
{
    (void)state;
    for (const struct command *command = commands; command->name; command++) {
        bool is_seen[256] = {false};
        for (size_t i = 0; i < OPTION_COUNT; i++) {
            unsigned char letter = (unsigned char)option_entries[i].letter;
            if (!letter || !option_is_of(&option_entries[i], command))
                continue;
            assert_false(is_seen[letter]);
            is_seen[letter] = true;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form_of_an_option),
        cmocka_unit_test(test_all_options_of_start),
        cmocka_unit_test(test_names_between_options),
        cmocka_unit_test(test_run_leaves_the_rest_alone),
        cmocka_unit_test(test_timestamp_is_foremans_flag_or_takes_a_format),
        cmocka_unit_test(test_color_is_foremans_flag),
        cmocka_unit_test(test_options_of_clients),
        cmocka_unit_test(test_watch_takes_a_number_behind_it),
        cmocka_unit_test(test_a_letter_of_two_options),
        cmocka_unit_test(test_every_option_sets_something),
        cmocka_unit_test(test_foreman_by_name_or_by_option),
        cmocka_unit_test(test_help_and_version),
        cmocka_unit_test(test_mistakes_are_named),
        cmocka_unit_test(test_tables_are_in_order),
        cmocka_unit_test(test_no_command_has_a_letter_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
