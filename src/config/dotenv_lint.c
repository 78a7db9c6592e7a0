// SPDX-License-Identifier: MIT
// A table of habits that tools disagree on, the likeliest to hurt first; a line is warned of once.
// What each tool does was measured with the parsers of Foreman, honcho, forego, goreman, hivemind,
// overmind and node-foreman.
#include "config/dotenv.h"

#include "config/dotenv_value.h"
#include "config/text_line.h"

#define ABSENT ((size_t)-1)

struct reading {
    struct str line;
    struct dotenv_pair pair;
    bool is_wide; // not a line of Foreman's grammar
    enum dotenv_quoting quoting;
    struct str behind_quotes;
};

// Finds a habit: the offset in the line, or ABSENT.
typedef size_t (*finder)(const struct reading *reading);

static size_t find_in_value(const struct reading *reading, const char *part)
{
    struct str value = reading->pair.value;
    for (size_t at = 0; at < value.size; at++)
        if (str_starts_with(str_slice(value, at, value.size), part))
            return reading->pair.value_at + at;
    return ABSENT;
}

static size_t find_wide(const struct reading *reading)
{
    return reading->is_wide ? reading->pair.name_at : ABSENT;
}

static size_t find_open_quote(const struct reading *reading)
{
    return reading->quoting == QUOTING_OPEN ? reading->pair.value_at : ABSENT;
}

static size_t find_text_behind_quotes(const struct reading *reading)
{
    if (reading->quoting != QUOTING_FRONT)
        return ABSENT;
    return (size_t)(reading->behind_quotes.bytes - reading->line.bytes);
}

static size_t find_comment(const struct reading *reading)
{
    if (reading->quoting != QUOTING_NONE)
        return ABSENT;
    if (str_starts_with(reading->pair.value, "#"))
        return reading->pair.value_at;
    size_t at = find_in_value(reading, " #");
    return at != ABSENT ? at : find_in_value(reading, "\t#");
}

static bool starts_variable(char c)
{
    return c == '{' || c == '(' || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static size_t find_substitution(const struct reading *reading)
{
    struct str value = reading->pair.value;
    if (str_starts_with(value, "'"))
        return ABSENT;
    for (size_t at = 0; at < value.size; at++) {
        bool is_escaped = at > 0 && value.bytes[at - 1] == '\\';
        if (value.bytes[at] == '`')
            return reading->pair.value_at + at;
        if (value.bytes[at] == '$' && !is_escaped && at + 1 < value.size &&
            starts_variable(value.bytes[at + 1]))
            return reading->pair.value_at + at;
    }
    return ABSENT;
}

// In double quotes all tools agree on \" \\ \$, and nearly all on \n.
static size_t find_escape(const struct reading *reading)
{
    struct str value = reading->pair.value;
    if (!str_starts_with(value, "\""))
        return ABSENT;
    for (size_t at = 1; at + 1 < value.size; at++) {
        if (value.bytes[at] != '\\')
            continue;
        at++;
        if (str_find_char(str_of("n\"\\$"), value.bytes[at]) == 4)
            return reading->pair.value_at + at - 1;
    }
    return ABSENT;
}

static size_t find_bare_backslash(const struct reading *reading)
{
    return reading->quoting == QUOTING_NONE ? find_in_value(reading, "\\") : ABSENT;
}

static size_t find_bare_quote(const struct reading *reading)
{
    if (reading->quoting != QUOTING_NONE)
        return ABSENT;
    size_t at = find_in_value(reading, "'");
    return at != ABSENT ? at : find_in_value(reading, "\"");
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static size_t find_outer_blanks(const struct reading *reading)
{
    struct str value = reading->pair.value;
    if (reading->quoting != QUOTING_NONE || value.size == 0)
        return ABSENT;
    if (is_blank(value.bytes[0]))
        return reading->pair.value_at;
    if (is_blank(value.bytes[value.size - 1]))
        return reading->pair.value_at + str_trim(value).size;
    return ABSENT;
}

static size_t find_inner_blanks(const struct reading *reading)
{
    if (reading->quoting != QUOTING_NONE)
        return ABSENT;
    size_t at = find_in_value(reading, " ");
    return at != ABSENT ? at : find_in_value(reading, "\t");
}

static size_t find_digit_name(const struct reading *reading)
{
    char first = reading->pair.name.bytes[0];
    return first >= '0' && first <= '9' ? reading->pair.name_at : ABSENT;
}

static size_t find_notify_name(const struct reading *reading)
{
    return dotenv_is_notify_name(reading->pair.name) ? reading->pair.name_at : ABSENT;
}

static const struct habit {
    finder find;
    const char *text;
} habits[] = {
    {find_notify_name, "the formation itself sets this variable for each process that is to tell "
                       "its state, and nobody listens elsewhere: remove the line"},
    {find_open_quote, "the quote is not closed, so it is part of the value; other tools refuse the "
                      "file or read on into the next line: close the quote in this line"},
    {find_text_behind_quotes,
     "text after the closing quote: the quotes and all behind them are the value here, other tools "
     "drop them: put the whole value in quotes and a comment in a line of its own"},
    {find_comment, "'#' is part of the value here, most other tools begin a comment with it: put "
                   "the value in quotes, or the comment in a line of its own"},
    {find_substitution,
     "nothing is put in the place of '$' and '`' here, but by a shell, Docker and some libraries: "
     "write the value out, or put it in single quotes to keep it as it is"},
    {find_escape, "only \\n, \\\" and \\\\ mean the same everywhere; here any other backslash is "
                  "dropped: double it, or use single quotes"},
    {find_bare_backslash, "a backslash outside of quotes is kept here and dropped by a shell: put "
                          "the value in single quotes"},
    {find_bare_quote,
     "a quote inside a value without quotes is kept here and dropped or refused by "
     "other tools: put the whole value in quotes"},
    {find_wide, "Foreman ignores this line: write NAME=value, without blanks around the name and "
                "without 'export'"},
    {find_outer_blanks, "blanks at the ends of a value are kept here and dropped by other tools: "
                        "put the value in quotes, or remove them"},
    {find_inner_blanks, "a shell ends the value at the blank, and honcho joins the words: put the "
                        "value in quotes"},
    {find_digit_name, "a shell cannot use a name that starts with a digit: choose another"},
};

static void lint_line(const struct text_line *line, struct diagnostics *diagnostics)
{
    struct reading reading = {.line = line->text};
    size_t indent = text_line_indent(line);
    if (indent == line->text.size || line->text.bytes[indent] == '#')
        return;
    if (!dotenv_match_foreman(line->text, &reading.pair)) {
        if (!dotenv_match_wide(line->text, &reading.pair))
            return; // dotenv_parse reports it
        reading.is_wide = true;
    }
    reading.quoting = dotenv_quoting_of(reading.pair.value, &reading.behind_quotes);
    for (size_t i = 0; i < sizeof(habits) / sizeof(*habits); i++) {
        size_t at = habits[i].find(&reading);
        if (at != ABSENT) {
            diagnostics_warn(diagnostics, text_line_origin(line, at), "%s", habits[i].text);
            return;
        }
    }
}

void dotenv_lint(struct str text, const char *file, struct diagnostics *diagnostics)
{
    struct text_lines lines = text_lines_of(text, str_of(file));
    struct text_line line;
    if (str_starts_with(text, "\xef\xbb\xbf"))
        diagnostics_warn(diagnostics, (struct origin){.file = str_of(file)},
                         "the file starts with a byte order mark: Foreman and others lose its "
                         "first line, save it as UTF-8 without one");
    while (text_lines_next(&lines, &line))
        lint_line(&line, diagnostics);
}
