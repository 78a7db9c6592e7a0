// SPDX-License-Identifier: MIT
// The tables are the .def files, read once for each use.
#include "cli/command.h"

#include "base/str.h"

#include <errno.h>
#include <string.h>

const struct command commands[] = {
#define COMMAND(name, synopsis, fewest, operands, help)                                            \
    {#name, synopsis, fewest, operands, help, command_##name},
#include "cli/commands.def"
#undef COMMAND
    {0},
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) - 1 };

const struct option_entry option_entries[OPTION_COUNT] = {
#define OPTION(id, letter, name, argument, commands, help) {letter, name, argument, commands, help},
#include "cli/options.def"
#undef OPTION
};

const struct command *command_find(const char *name, struct error *error)
{
    struct str names[COMMAND_COUNT];
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
        names[i] = str_of(commands[i].name);
    }
    struct str nearest = str_nearest(str_of(name), names, COMMAND_COUNT);
    if (nearest.size)
        (void)error_set(error, EINVAL, "there is no command '%s': did you mean '%.*s'?", name,
                        STR_ARGS(nearest));
    else
        (void)error_set(error, EINVAL, "there is no command '%s': 'formation help' lists them",
                        name);
    return NULL;
}

bool option_is_of(const struct option_entry *option, const struct command *command)
{
    struct str rest = str_of(option->commands);
    struct str name;
    while (str_next(&rest, ' ', &name))
        if (str_is(name, "*") || str_is(name, command->name))
            return true;
    return false;
}

enum option_id option_find(const struct command *command, struct str name, char letter)
{
    enum option_id found = OPTION_COUNT;
    for (enum option_id id = 0; id < OPTION_COUNT; id++) {
        const struct option_entry *entry = &option_entries[id];
        if (letter ? entry->letter != letter : !str_is(name, entry->name))
            continue;
        if (command && option_is_of(entry, command))
            return id;
        // Of two with the same letter, the one that the next word may belong to.
        if (found == OPTION_COUNT || entry->argument[0])
            found = id;
    }
    return found;
}

bool option_may_take(enum option_id id, const char *word)
{
    if (id == OPTION_TIMESTAMP)
        return strchr(word, '%') != NULL;
    return word[0] >= '0' && word[0] <= '9';
}
