// SPDX-License-Identifier: MIT
// The commands and options of the program, as tables, and what one call of it asks for.
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "config/options.h"

#include <stdbool.h>
#include <stddef.h>

struct invocation;

enum operands {
    OPERANDS_NONE,
    OPERANDS_ONE,
    OPERANDS_MANY,
    OPERANDS_VERBATIM, // the first operand ends the options: all that follows belongs to it
};

struct command {
    const char *name;
    const char *synopsis; // of its operands
    unsigned fewest;
    enum operands operands;
    const char *help;
    int (*execute)(struct invocation *invocation); // returns the exit status
};

enum option_id {
#define OPTION(id, letter, name, argument, commands, help) OPTION_##id,
#include "cli/options.def"
#undef OPTION
    OPTION_COUNT
};

struct option_entry {
    char letter;          // 0: none
    const char *name;     // without the dashes
    const char *argument; // empty: it takes none; in brackets: it may take one
    const char *commands; // those that take it, separated by blanks; "*": all
    const char *help;
};

#define COMMAND(name, synopsis, fewest, operands, help)                                            \
    int command_##name(struct invocation *invocation);
#include "cli/commands.def"
#undef COMMAND

// What the guard starts: `formation manager start …`. In no table, since no person calls it.
int command_manager(struct invocation *invocation);

// What the completions of a shell ask: `formation complete WORD ...`, in no table either.
int command_complete(char **words);

// What a manager starts for each log file that was put aside: `formation compress PATH`.
int command_compress(char **words);

// What a manager starts for the addresses of a syslog server: `formation lookup HOST`.
int command_lookup(char **words);

// What stands before the processes of a type that is routed to: `formation route COUNT`.
int command_route(char **words);

// Whether this program can go on with a formation that another version of it runs.
int command_trial(char **words);

// Ends with an entry without name.
extern const struct command commands[];
extern const struct option_entry option_entries[OPTION_COUNT];

// The command of that name, or NULL and a sentence with the nearest one.
const struct command *command_find(const char *name, struct error *error);

bool option_is_of(const struct option_entry *option, const struct command *command);

// The option called `name`, or `letter` if that is not 0, among those of the command; among all if
// it is NULL or has none such. OPTION_COUNT: there is none.
enum option_id option_find(const struct command *command, struct str name, char letter);

// Whether `word`, behind an option that may take a value, is one: Foreman's --timestamp takes none,
// ours a format, which has a %; --watch takes a number.
bool option_may_take(enum option_id id, const char *word);

// What is said to commands that ask a formation that runs. Zero means "not said".
struct client_options {
    const char *app;         // --app
    const char *detach_keys; // --detach-keys
    const char *output;      // --output
    bool user;               // --user
    bool follow;
    bool json;
    bool no_wait;
    bool reset;
    bool has_lines;
    unsigned lines; // -n
    bool has_since;
    nsec_t since; // so long ago
    nsec_t watch; // the time between two looks
};

// One call of the program. Texts are borrowed from argv.
struct invocation {
    int argc; // of main, untouched
    char **argv;
    const struct command *command; // NULL: none was named
    struct options options;
    struct client_options client;
    char **operands; // NULL-terminated; owned
    size_t operand_count;
    bool wants_help;
    bool wants_version;
};
