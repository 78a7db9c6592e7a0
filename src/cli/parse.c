// SPDX-License-Identifier: MIT
// A loop of our own over the tables instead of getopt_long(3): options stand on both sides of the
// command, the same letter may mean different things to two commands, and an unknown option is
// answered with the nearest one. The forms are those of getopt and of Foreman's Thor:
// -p 1, -p1, -p=1, --port 1, --port=1, -cp 1, and -- to end the options.
#include "cli/parse.h"

#include "base/str.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Whoever looks more often sees no more, but costs the formation something.
#define WATCH_LEAST (100 * NSEC_PER_MSEC)

// Where the loop stands.
struct reader {
    struct invocation *out;
    int next; // index of the next argument
    bool options_ended;
    bool is_used[OPTION_COUNT];
    char as_given[64]; // the option at hand, as it was written: "-p" or "--port"
    struct error *error;
};

static void set_as_given(struct reader *reader, const char *dashes, struct str name)
{
    (void)snprintf(reader->as_given, sizeof(reader->as_given), "%s%.*s", dashes, STR_ARGS(name));
}

static int bad_value(struct reader *reader, const char *value, const char *wanted)
{
    return error_set(reader->error, EINVAL, "%s takes %s, not '%s'", reader->as_given, wanted,
                     value);
}

// --- what each option sets -----------------------------------------------------------------------

// `value` is NULL where an option takes none, or was given none of its own; `out` is the member of
// the invocation that the table names.
typedef int set_value(struct reader *reader, const char *value, void *out);

static int set_flag(struct reader *reader, const char *value, void *out)
{
    (void)reader, (void)value;
    *(bool *)out = true;
    return 0;
}

static int set_text(struct reader *reader, const char *value, void *out)
{
    (void)reader;
    *(const char **)out = value;
    return 0;
}

static int set_color(struct reader *reader, const char *value, void *out)
{
    (void)reader, (void)value;
    *(enum color_choice *)out = COLOR_ALWAYS;
    return 0;
}

static int set_no_color(struct reader *reader, const char *value, void *out)
{
    (void)reader, (void)value;
    *(enum color_choice *)out = COLOR_NEVER;
    return 0;
}

static int set_compat(struct reader *reader, const char *value, void *out)
{
    if (strcmp(value, "foreman") != 0)
        return bad_value(reader, value, "the name of a program that can be imitated (foreman)");
    *(bool *)out = true;
    return 0;
}

static int set_port(struct reader *reader, const char *value, void *out)
{
    unsigned long port;
    if (!str_to_unsigned(str_of(value), &port) || port < 1 || port > 65535)
        return bad_value(reader, value, "a port number (1 to 65535)");
    *(unsigned *)out = (unsigned)port;
    reader->out->options.has_port = true;
    return 0;
}

static int set_lines(struct reader *reader, const char *value, void *out)
{
    unsigned long count;
    if (!str_to_unsigned(str_of(value), &count) || count > INT32_MAX)
        return bad_value(reader, value, "a number of lines");
    *(unsigned *)out = (unsigned)count;
    reader->out->client.has_lines = true;
    return 0;
}

static int set_log_format(struct reader *reader, const char *value, void *out)
{
    for (unsigned format = 0; sink_format_name(format); format++)
        if (strcmp(value, sink_format_name(format)) == 0) {
            *(enum sink_format *)out = (enum sink_format)format;
            return 0;
        }
    return bad_value(reader, value, "a format of lines (text, raw, json, logfmt, heroku)");
}

static int set_duration(struct reader *reader, const char *value, void *out)
{
    if (!duration_parse(str_of(value), out))
        return bad_value(reader, value, "a number of seconds or a duration (5, 500ms, 2m)");
    return 0;
}

static int set_timeout(struct reader *reader, const char *value, void *out)
{
    reader->out->options.has_timeout = true;
    return set_duration(reader, value, out);
}

static int set_since(struct reader *reader, const char *value, void *out)
{
    reader->out->client.has_since = true;
    return set_duration(reader, value, out);
}

static int set_watch(struct reader *reader, const char *value, void *out)
{
    nsec_t *interval = out;
    *interval = NSEC_PER_SEC;
    if (value && (!duration_parse(str_of(value), interval) || *interval < WATCH_LEAST))
        return bad_value(reader, value, "a number of seconds or a duration of 100ms at least");
    return 0;
}

static int set_timestamp(struct reader *reader, const char *value, void *out)
{
    if (value && !strchr(value, '%'))
        return bad_value(reader, value, "a format of strftime(3), such as %H:%M:%S");
    reader->out->options.timestamp = true;
    reader->out->options.no_timestamp = false;
    return set_text(reader, value, out);
}

static int set_no_timestamp(struct reader *reader, const char *value, void *out)
{
    reader->out->options.timestamp = false;
    return set_flag(reader, value, out);
}

#define AT(member) offsetof(struct invocation, member)

static const struct setting {
    set_value *set;
    size_t offset; // in struct invocation
} settings[OPTION_COUNT] = {
    [OPTION_APP] = {set_text, AT(client.app)},
    [OPTION_COLOR] = {set_color, AT(options.color)},
    [OPTION_COMPAT] = {set_compat, AT(options.foreman)},
    [OPTION_DETACH_KEYS] = {set_text, AT(client.detach_keys)},
    [OPTION_ENV] = {set_text, AT(options.env_files)},
    [OPTION_EXCEPT] = {set_text, AT(options.except)},
    [OPTION_FOLLOW] = {set_flag, AT(client.follow)},
    [OPTION_FORMATION] = {set_text, AT(options.formation)},
    [OPTION_HELP] = {set_flag, AT(wants_help)},
    [OPTION_JSON] = {set_flag, AT(client.json)},
    [OPTION_LINES] = {set_lines, AT(client.lines)},
    [OPTION_LOG_FORMAT] = {set_log_format, AT(options.log_format)},
    [OPTION_NO_COLOR] = {set_no_color, AT(options.color)},
    [OPTION_NO_PORT] = {set_flag, AT(options.no_port)},
    [OPTION_NO_PREFIX] = {set_flag, AT(options.no_prefix)},
    [OPTION_NO_TIMESTAMP] = {set_no_timestamp, AT(options.no_timestamp)},
    [OPTION_NO_WAIT] = {set_flag, AT(client.no_wait)},
    [OPTION_OUTPUT] = {set_text, AT(client.output)},
    [OPTION_PORT] = {set_port, AT(options.port)},
    [OPTION_PROCFILE] = {set_text, AT(options.procfile)},
    [OPTION_RESET] = {set_flag, AT(client.reset)},
    [OPTION_ROOT] = {set_text, AT(options.root)},
    [OPTION_SINCE] = {set_since, AT(client.since)},
    [OPTION_TIMEOUT] = {set_timeout, AT(options.timeout)},
    [OPTION_TIMESTAMP] = {set_timestamp, AT(options.timestamp_format)},
    [OPTION_TTY] = {set_flag, AT(options.tty)},
    [OPTION_USER] = {set_flag, AT(client.user)},
    [OPTION_VERSION] = {set_flag, AT(wants_version)},
    [OPTION_WATCH] = {set_watch, AT(client.watch)},
};

static int set_option(struct reader *reader, enum option_id id, const char *value)
{
    const struct setting *setting = &settings[id];
    assert(setting->set); // parse_test.c gives every option
    return setting->set(reader, value, (char *)reader->out + setting->offset);
}

// --- the words -----------------------------------------------------------------------------------

// What others take in order to leave the terminal.
static bool asks_for_daemon(struct str name)
{
    static const char *const words[] = {"background", "daemon",  "daemonise", "daemonize",
                                        "demonize",   "detach",  "fork",      "pid",
                                        "pid-file",   "pidfile", "D"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (str_is(name, words[i]))
            return true;
    return false;
}

static int unknown_option(struct reader *reader, struct str name)
{
    struct str names[OPTION_COUNT];
    size_t count = 0;
    for (enum option_id id = 0; id < OPTION_COUNT; id++)
        if (!reader->out->command || option_is_of(&option_entries[id], reader->out->command))
            names[count++] = str_of(option_entries[id].name);
    struct str nearest = str_nearest(name, names, count);
    if (asks_for_daemon(name))
        return error_set(reader->error, EINVAL,
                         "there is no option %s: formation stays in the foreground and writes no "
                         "PID file; 'formation export systemd' prints a unit that runs it",
                         reader->as_given);
    if (nearest.size)
        return error_set(reader->error, EINVAL, "there is no option %s: did you mean --%.*s?",
                         reader->as_given, STR_ARGS(nearest));
    return error_set(reader->error, EINVAL, "there is no option %s", reader->as_given);
}

// What Foreman's Thor makes of --color=false and --timestamp=true. OPTION_COUNT: it is neither.
static enum option_id flag_of(enum option_id id, const char *attached)
{
    bool is_pair = id == OPTION_COLOR || id == OPTION_TIMESTAMP;
    if (is_pair && attached && strcmp(attached, "true") == 0)
        return id;
    if (is_pair && attached && strcmp(attached, "false") == 0)
        return id == OPTION_COLOR ? OPTION_NO_COLOR : OPTION_NO_TIMESTAMP;
    return OPTION_COUNT;
}

// An option's value: what is `attached` to it (may be NULL), else the next argument.
static int take_value(struct reader *reader, enum option_id id, const char *attached)
{
    const char *argument = option_entries[id].argument;
    const char *next = reader->out->argv[reader->next]; // NULL after the last
    reader->is_used[id] = true;
    if (flag_of(id, attached) != OPTION_COUNT)
        return set_option(reader, flag_of(id, attached), NULL);
    if (argument[0] == '\0') {
        if (attached)
            return error_set(reader->error, EINVAL, "%s takes no value", reader->as_given);
        return set_option(reader, id, NULL);
    }
    if (attached)
        return set_option(reader, id, attached);
    if (argument[0] == '[' && !(next && option_may_take(id, next)))
        return set_option(reader, id, NULL);
    if (!next)
        return error_set(reader->error, EINVAL, "%s needs a value: %s", reader->as_given, argument);
    reader->next++;
    return set_option(reader, id, next);
}

static int read_long(struct reader *reader, const char *text)
{
    struct str all = str_of(text);
    size_t size = str_find_char(all, '=');
    struct str name = str_slice(all, 0, size);
    set_as_given(reader, "--", name);
    enum option_id id = option_find(reader->out->command, name, 0);
    if (id == OPTION_COUNT)
        return unknown_option(reader, name);
    return take_value(reader, id, size < all.size ? text + size + 1 : NULL);
}

// The command that the options before it belong to: -f of `formation -f x start` is not that of
// `formation -f logs`.
static const struct command *command_ahead(const struct reader *reader)
{
    for (int i = reader->next; i < reader->out->argc; i++)
        for (const struct command *command = commands; command->name; command++)
            if (strcmp(command->name, reader->out->argv[i]) == 0)
                return command;
    return NULL;
}

static int read_letters(struct reader *reader, const char *text)
{
    const struct command *command =
        reader->out->command ? reader->out->command : command_ahead(reader);
    for (const char *at = text; *at; at++) {
        struct str letter = str_from(at, 1);
        set_as_given(reader, "-", letter);
        enum option_id id = option_find(command, letter, *at);
        if (id == OPTION_COUNT)
            return unknown_option(reader, letter);
        if (option_entries[id].argument[0]) {
            const char *attached = at[1] == '=' ? at + 2 : at + 1;
            return take_value(reader, id, at[1] ? attached : NULL);
        }
        int result = take_value(reader, id, NULL);
        if (result < 0)
            return result;
    }
    return 0;
}

static int read_operand(struct reader *reader, char *text)
{
    struct invocation *out = reader->out;
    if (!out->command) {
        out->command = command_find(text, reader->error);
        return out->command ? 0 : -EINVAL;
    }
    out->operands[out->operand_count++] = text;
    if (out->command->operands == OPERANDS_VERBATIM)
        while (out->argv[reader->next])
            out->operands[out->operand_count++] = out->argv[reader->next++];
    return 0;
}

static int read_argument(struct reader *reader, char *text)
{
    if (reader->options_ended || text[0] != '-' || text[1] == '\0')
        return read_operand(reader, text);
    if (text[1] != '-')
        return read_letters(reader, text + 1);
    if (text[2] == '\0') {
        reader->options_ended = true;
        return 0;
    }
    return read_long(reader, text + 2);
}

// What can only be told once the command is known.
static int check_invocation(const struct reader *reader)
{
    const struct invocation *out = reader->out;
    const struct command *command = out->command;
    if (out->wants_help || out->wants_version || !command)
        return 0;
    for (enum option_id id = 0; id < OPTION_COUNT; id++)
        if (reader->is_used[id] && !option_is_of(&option_entries[id], command))
            return error_set(reader->error, EINVAL, "'%s' takes no option --%s", command->name,
                             option_entries[id].name);
    if (out->operand_count < command->fewest)
        return error_set(reader->error, EINVAL, "'%s' needs more: formation %s %s", command->name,
                         command->name, command->synopsis);
    size_t most = command->operands == OPERANDS_NONE ? 0 : 1;
    if (command->operands <= OPERANDS_ONE && out->operand_count > most)
        return error_set(reader->error, EINVAL, "'%s' does not know what to do with '%s'",
                         command->name, out->operands[most]);
    return 0;
}

// Called by Foreman's name, it is to be Foreman: a link of that name is all that it takes.
static bool is_called_foreman(const char *program)
{
    const char *slash = program ? strrchr(program, '/') : NULL;
    return program && strcmp(slash ? slash + 1 : program, "foreman") == 0;
}

int invocation_parse(int argc, char **argv, struct invocation *out, struct error *error)
{
    struct reader reader = {.out = out, .next = 1, .error = error};
    *out = (struct invocation){.argc = argc, .argv = argv};
    out->options.foreman = is_called_foreman(argv[0]);
    out->operands = calloc((size_t)argc + 1, sizeof(*out->operands));
    if (!out->operands)
        return error_set(error, ENOMEM, "there is no memory left");
    while (reader.next < argc) {
        char *text = argv[reader.next++];
        int result = read_argument(&reader, text);
        if (result < 0)
            return result;
    }
    if (out->command && out->command->operands == OPERANDS_MANY) {
        out->options.names = (const char *const *)out->operands;
        out->options.name_count = out->operand_count;
    }
    return check_invocation(&reader);
}

void invocation_fini(struct invocation *invocation)
{
    free(invocation->operands);
    *invocation = (struct invocation){0};
}
