// SPDX-License-Identifier: MIT
// formation complete WORD ...: what may stand in the place of the last word. The files in
// completions/ ask for it and know nothing but how their shell wants to be told, so that what
// they propose is what the parser takes.
//
// The first line of the answer is the kind of what is wanted and how many bytes of the word stand
// before it, as in "words 4" for web,wo. The other lines are proposals: text, tab, what it is.
#include "cli/command.h"

#include "base/signal_name.h"
#include "cli/reply.h"
#include "cli/running.h"
#include "config/diagnostic.h"
#include "manager/load.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT_MOST = 9 }; // of the numbers proposed behind web=

// The line so far. Unlike the parser's, its reading must not stop at a mistake.
struct line {
    const struct command *command; // NULL: none yet
    bool options_ended;
    bool resets;            // --reset: types, without a number
    enum option_id pending; // the option whose value comes next, or OPTION_COUNT
    char **operands;        // the words from the first operand on; NULL: none yet
    size_t operand_count;
    struct options options; // those that say which Procfile is meant
    const char *app;        // and which formation
};

// What names come from.
struct known {
    const struct loaded *loaded;   // the files
    const struct running *running; // the formation, if one runs
};

// The word at hand: what stands there, and where in it the part to complete begins.
struct place {
    const char *word;
    size_t offset;
};

static const char *rest_of(struct place place)
{
    return place.word + place.offset;
}

// What a shell makes of ~/app once the line is run.
static const char *expand_home(const char *path, struct arena *arena)
{
    const char *home = getenv("HOME");
    size_t size;
    if (!home || path[0] != '~' || path[1] != '/')
        return path;
    size = strlen(home) + strlen(path);
    char *expanded = arena_alloc(arena, size);
    if (!expanded)
        return path;
    (void)snprintf(expanded, size, "%s%s", home, path + 1);
    return expanded;
}

static void keep_value(struct line *line, enum option_id id, const char *value)
{
    if (id == OPTION_PROCFILE)
        line->options.procfile = value;
    else if (id == OPTION_ROOT)
        line->options.root = value;
    else if (id == OPTION_APP)
        line->app = value;
}

// Returns the option whose value the word ends in or, when there is no value yet, waits for: then
// *value is NULL. OPTION_COUNT if there is none such.
static enum option_id option_with_value(const struct line *line, const char *word,
                                        const char **value)
{
    *value = NULL;
    if (word[1] == '-') {
        const char *equals = strchr(word, '=');
        size_t size = equals ? (size_t)(equals - word - 2) : strlen(word + 2);
        enum option_id id = option_find(line->command, str_from(word + 2, size), 0);
        if (id == OPTION_COUNT || option_entries[id].argument[0] == '\0')
            return OPTION_COUNT;
        *value = equals ? equals + 1 : NULL;
        return id;
    }
    for (const char *at = word + 1; *at; at++) {
        enum option_id id = option_find(line->command, str_of(""), *at);
        if (id == OPTION_COUNT)
            return id;
        if (option_entries[id].argument[0] == '\0')
            continue;
        if (at[1])
            *value = at[1] == '=' ? at + 2 : at + 1;
        return id;
    }
    return OPTION_COUNT;
}

static bool is_option(const struct line *line, const char *word)
{
    return !line->options_ended && word[0] == '-' && word[1];
}

// `next` is the word behind it.
static void read_option(struct line *line, const char *word, const char *next)
{
    const char *value;
    if (strcmp(word, "--") == 0) {
        line->options_ended = true;
        return;
    }
    line->resets = line->resets || strcmp(word, "--reset") == 0;
    enum option_id id = option_with_value(line, word, &value);
    if (id == OPTION_COUNT)
        return;
    if (value)
        keep_value(line, id, value);
    else if (option_entries[id].argument[0] != '[' || option_may_take(id, next))
        line->pending = id;
}

// Reads all but the last word.
static void read_words(struct line *line, char **words)
{
    struct error ignored;
    for (; words[1]; words++) {
        const char *word = words[0];
        bool is_verbatim = line->command && line->command->operands == OPERANDS_VERBATIM;
        if (is_verbatim && line->operands) {
            line->operand_count++;
        } else if (line->pending != OPTION_COUNT) {
            keep_value(line, line->pending, word);
            line->pending = OPTION_COUNT;
        } else if (is_option(line, word)) {
            read_option(line, word, words[1]);
        } else if (!line->command) {
            line->command = command_find(word, &ignored);
        } else {
            line->operands = line->operands ? line->operands : words;
            line->operand_count++;
        }
    }
}

static void answer(const char *kind, size_t offset)
{
    (void)printf("%s %zu\n", kind, offset);
}

// One line, if it goes on where the word ends. `end` is put behind the text.
static void propose(struct place place, struct str text, const char *end, struct str help)
{
    char safe[DIAGNOSTIC_TEXT_BYTES]; // nothing of a file may steer the terminal
    struct diagnostic shown = {.text = str_excerpt(help)};
    size_t size = strlen(rest_of(place));
    if (size <= text.size && memcmp(text.bytes, rest_of(place), size) == 0)
        (void)printf("%.*s%s\t%s\n", STR_ARGS(text), end,
                     diagnostic_format(&shown, safe, sizeof(safe)));
}

static void propose_commands(struct place place)
{
    answer("words", place.offset);
    for (const struct command *command = commands; command->name; command++)
        propose(place, str_of(command->name), "", str_of(command->help));
}

static void propose_options(const struct line *line, struct place place)
{
    answer("words", place.offset);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_entry *option = &option_entries[i];
        char text[80];
        if (line->command && !option_is_of(option, line->command))
            continue;
        (void)snprintf(text, sizeof(text), "--%s", option->name);
        propose(place, str_of(text), "", str_of(option->help));
        (void)snprintf(text, sizeof(text), "-%c", option->letter);
        if (option->letter)
            propose(place, str_of(text), "", str_of(option->help));
    }
}

static void propose_counts(struct place place)
{
    answer("words", place.offset);
    for (unsigned count = 0; count <= COUNT_MOST; count++) {
        char text[16];
        (void)snprintf(text, sizeof(text), "%u", count);
        propose(place, str_of(text), "", str_of(""));
    }
}

// A name that is declared twice is proposed once: by the first entry that has it.
static bool is_first(const struct procfile *procfile, size_t index, struct str name)
{
    for (size_t i = 0; i < index; i++)
        if (str_equal(procfile->entries[i].name, name))
            return false;
    return true;
}

// The types that the files of the app declare, each with its command; `end` is put behind each.
static void propose_types(const struct loaded *loaded, struct place place, const char *end)
{
    const struct procfile *procfile = &loaded->procfile;
    const struct declaration *declaration = &loaded->declaration;
    for (size_t i = 0; i < procfile->count; i++)
        if (is_first(procfile, i, procfile->entries[i].name))
            propose(place, procfile->entries[i].name, end, procfile->entries[i].command);
    for (size_t i = 0; i < declaration->type_count; i++)
        if (is_first(procfile, procfile->count, declaration->types[i].name))
            propose(place, declaration->types[i].name, end, declaration->types[i].command);
}

// Where the last part of a list with commas begins.
static struct place last_of_list(struct place place)
{
    const char *comma = strrchr(rest_of(place), ',');
    return comma ? (struct place){place.word, (size_t)(comma + 1 - place.word)} : place;
}

// Whether the place is behind an `=`, and if so, its place there.
static bool is_count(struct place *place)
{
    const char *equals = strchr(rest_of(*place), '=');
    if (equals)
        place->offset = (size_t)(equals + 1 - place->word);
    return equals != NULL;
}

static void propose_app(void *context, struct str app, pid_t pid)
{
    char text[32] = "";
    if (pid > 0)
        (void)snprintf(text, sizeof(text), "process %d", pid);
    propose(*(struct place *)context, app, "", str_of(text));
}

static void propose_value(const struct loaded *loaded, enum option_id id, struct place place)
{
    const char *argument = option_entries[id].argument;
    if (strchr(argument, ','))
        place = last_of_list(place);
    if (str_starts_with(str_of(argument), "FILE")) {
        answer("files", place.offset);
    } else if (strcmp(argument, "DIRECTORY") == 0) {
        answer("folders", place.offset);
    } else if (strcmp(argument, "TYPE=N,...") == 0) {
        if (is_count(&place)) {
            propose_counts(place);
            return;
        }
        answer("words", place.offset);
        propose_types(loaded, place, "=");
        propose(place, str_of("all"), "=", str_of("Each of the others"));
    } else {
        answer("words", place.offset);
        if (strcmp(argument, "TYPE,...") == 0)
            propose_types(loaded, place, "");
        else if (id == OPTION_COMPAT)
            propose(place, str_of(argument), "", str_of("Foreman 0.90"));
        else if (id == OPTION_APP)
            running_each_app(propose_app, &place);
    }
}

static bool is_type(const struct loaded *loaded, const char *name)
{
    for (size_t i = 0; i < loaded->procfile.count; i++)
        if (str_is(loaded->procfile.entries[i].name, name))
            return true;
    return false;
}

static bool takes(const struct line *line, const char *operand)
{
    return str_contains(str_of(line->command->synopsis), operand);
}

// A formation that runs knows its types; the files may have changed since.
static void propose_known_types(const struct known *known, struct place place, const char *end)
{
    size_t index;
    const json_t *type;
    if (!known->running->types)
        propose_types(known->loaded, place, end);
    json_array_foreach(known->running->types, index, type)
        propose(place, reply_text(type, "name"), end, reply_text(type, "command"));
}

static void propose_processes(const struct known *known, struct place place)
{
    size_t index;
    const json_t *process;
    json_array_foreach(known->running->processes, index, process)
        propose(place, reply_text(process, "name"), "", reply_text(process, "state"));
}

static void propose_signals(struct place place)
{
    static const int signals[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGUSR1,
                                  SIGUSR2, SIGKILL, SIGSTOP, SIGCONT, SIGWINCH};
    answer("words", place.offset);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        propose(place, str_of(signal_name(signals[i]) + strlen("SIG")), "", str_of(""));
}

// web=3 of `start` and `scale`, worker+2 of `scale`.
static void propose_quantities(const struct line *line, const struct known *known,
                               struct place place)
{
    const char *end = takes(line, "TYPE+N") ? "=" : "";
    const char *plus = takes(line, "TYPE+N") ? strchr(place.word, '+') : NULL;
    if (plus)
        place.offset = (size_t)(plus + 1 - place.word);
    if (plus || is_count(&place)) {
        propose_counts(place);
        return;
    }
    answer("words", place.offset);
    propose_known_types(known, place, line->resets ? "" : end);
    if (!end[0])
        propose_processes(known, place);
}

// What belongs to a command of the app.
static void propose_verbatim(const struct line *line, const struct known *known, struct place place,
                             char **words)
{
    if (!line->operands) {
        answer("programs", 0);
        propose_types(known->loaded, place, "");
    } else if (is_type(known->loaded, line->operands[0])) {
        answer("files", 0);
    } else { // a line of its own, whose first word has this index
        answer("rest", (size_t)(line->operands - words) + 1);
    }
}

static void propose_attachable(const struct known *known, struct place place)
{
    answer("words", 0);
    propose_processes(known, place);
}

static void propose_declared(const struct known *known, struct place place)
{
    answer("words", 0);
    propose_types(known->loaded, place, "");
}

static void propose_formats(struct place place)
{
    answer("words", 0);
    propose(place, str_of("systemd"), "", str_of("A unit for the whole formation"));
}

// What may stand there follows from the command's synopsis.
static void propose_operand(const struct line *line, const struct known *known, struct place place,
                            char **words)
{
    if (line->command->operands == OPERANDS_VERBATIM) {
        propose_verbatim(line, known, place, words);
    } else if (line->command->operands == OPERANDS_ONE) {
        if (line->operand_count == 0 && takes(line, "PROGRAM"))
            answer("files", 0);
        else if (line->operand_count == 0 && takes(line, "TYPE"))
            propose_declared(known, place);
        else if (line->operand_count == 0 && takes(line, "PROCESS"))
            propose_attachable(known, place);
        else if (line->operand_count == 0 && takes(line, "FORMAT"))
            propose_formats(place);
        else if (line->operand_count == 0)
            propose_commands(place);
    } else if (takes(line, "SIGNAL") && line->operand_count == 0) {
        propose_signals(place);
    } else if (takes(line, "=N")) {
        propose_quantities(line, known, place);
    } else {
        answer("words", 0);
        if (line->command->operands == OPERANDS_MANY) {
            propose_known_types(known, place, "");
            propose_processes(known, place);
        }
    }
}

static void propose_all(const struct line *line, const struct known *known, char **words,
                        struct place place)
{
    const char *value;
    bool is_verbatim =
        line->command && line->operands && line->command->operands == OPERANDS_VERBATIM;
    if (line->pending != OPTION_COUNT) {
        propose_value(known->loaded, line->pending, place);
        return;
    }
    if (!is_verbatim && !line->options_ended && place.word[0] == '-') {
        enum option_id id = option_with_value(line, place.word, &value);
        if (id != OPTION_COUNT && value) {
            place.offset = (size_t)(value - place.word);
            propose_value(known->loaded, id, place);
        } else {
            propose_options(line, place);
        }
        return;
    }
    if (line->command)
        propose_operand(line, known, place, words);
    else
        propose_commands(place);
}

// `words` ends with NULL; the first of them stands behind the name of the program.
int command_complete(char **words)
{
    // As Foreman, which passes over the lines that it does not understand.
    struct line line = {.pending = OPTION_COUNT, .options = {.foreman = true}};
    struct diagnostics ignored = {0};
    struct arena arena = {0};
    struct running running = {0};
    struct loaded loaded;
    size_t count = 0;
    if (!words[0])
        return 0;
    while (words[count + 1])
        count++;
    read_words(&line, words);
    if (line.options.procfile)
        line.options.procfile = expand_home(line.options.procfile, &arena);
    if (line.options.root)
        line.options.root = expand_home(line.options.root, &arena);
    (void)load_defaults(&line.options, &arena, &ignored);
    (void)load_files(&line.options, false, &ignored, &loaded);
    if (line.command && (takes(&line, "PROCESS") || takes(&line, "=N")))
        running_ask(&line.options, line.app, &running);
    propose_all(&line, &(struct known){&loaded, &running}, words,
                (struct place){.word = words[count]});
    running_fini(&running);
    loaded_fini(&loaded);
    diagnostics_fini(&ignored);
    arena_fini(&arena);
    return 0;
}
