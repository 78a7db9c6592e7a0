// SPDX-License-Identifier: MIT
// formation help: the tables, printed for people.
#include "cli/report.h"

#include <stdio.h>
#include <string.h>

enum { COLUMN = 28 }; // where the help of an entry begins

static void print_entry(const char *entry, const char *help)
{
    if (strlen(entry) > COLUMN) { // on a line of its own, to keep the others near
        (void)printf("  %s\n", entry);
        entry = "";
    }
    (void)printf("  %-*s %s\n", COLUMN, entry, help);
}

static void print_option(const struct option_entry *option)
{
    char letter[8] = "    ";
    char entry[80];
    if (option->letter)
        (void)snprintf(letter, sizeof(letter), "-%c, ", option->letter);
    (void)snprintf(entry, sizeof(entry), "%s--%s%s%s", letter, option->name,
                   option->argument[0] ? " " : "", option->argument);
    print_entry(entry, option->help);
}

static void print_all(void)
{
    (void)printf("Usage: formation COMMAND [OPTION ...] [ARGUMENT ...]\n\n"
                 "Runs the processes of an app as its Procfile declares them.\n\nCommands:\n");
    for (const struct command *command = commands; command->name; command++) {
        char entry[80];
        (void)snprintf(entry, sizeof(entry), "%s %s", command->name, command->synopsis);
        print_entry(entry, command->help);
    }
    (void)printf("\nOptions of every command:\n");
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (strcmp(option_entries[i].commands, "*") == 0)
            print_option(&option_entries[i]);
    (void)printf("\n'formation help COMMAND' lists its options, 'man formation' tells all.\n");
}

static void print_command(const struct command *command)
{
    (void)printf("Usage: formation %s [OPTION ...]%s%s\n\n%s.\n\nOptions:\n", command->name,
                 command->synopsis[0] ? " " : "", command->synopsis, command->help);
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (option_is_of(&option_entries[i], command))
            print_option(&option_entries[i]);
}

int command_help(struct invocation *invocation)
{
    const struct command *command = invocation->wants_help ? invocation->command : NULL;
    struct error error;
    if (!command && invocation->operand_count) {
        command = command_find(invocation->operands[0], &error);
        if (!command)
            return report_usage(&invocation->options, error.text);
    }
    if (command)
        print_command(command);
    else
        print_all();
    return 0;
}
