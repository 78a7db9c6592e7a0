// SPDX-License-Identifier: MIT
// Foreman's grammar is one regular expression, /^([A-Za-z0-9_-]+):\s*(.+)$/, tried on each line.
// What matches it means here what it means there; what does not is explained instead of ignored,
// because a process that silently never starts costs somebody an afternoon.
#include "config/procfile.h"

#include "base/limits.h"
#include "config/text_line.h"

#include <errno.h>

struct parser {
    bool foreman;
    struct arena *arena;
    struct procfile *out;
    struct diagnostics *diagnostics;
    bool too_many;
};

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

static bool is_space(char c) // \s of a regular expression
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t name_size(struct str text)
{
    size_t size = 0;
    while (size < text.size && is_name_byte(text.bytes[size]))
        size++;
    return size;
}

bool procfile_is_name(struct str name)
{
    return name.size > 0 && name.size <= LIMIT_NAME_BYTES && name_size(name) == name.size;
}

static bool is_blank_text(struct str text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!is_space(text.bytes[i]))
            return false;
    return true;
}

// Says why Foreman would ignore the line, and what to write.
static void explain(const struct parser *parser, const struct text_line *line)
{
    struct diagnostics *diagnostics = parser->diagnostics;
    size_t indent = text_line_indent(line);
    struct str text = str_slice(line->text, indent, line->text.size);
    size_t colon = str_find_char(text, ':');
    struct str name = str_trim(str_slice(text, 0, colon));
    size_t valid = name_size(name);

    if (colon == text.size)
        diagnostics_error(diagnostics, text_line_origin(line, indent),
                          "no colon in this line: write NAME: COMMAND, all in one line, or # in "
                          "front of a comment");
    else if (name.size == 0)
        diagnostics_error(diagnostics, text_line_origin(line, indent),
                          "no name before the colon: write NAME: COMMAND");
    else if (valid < name.size)
        diagnostics_error(diagnostics, text_line_origin(line, indent + valid),
                          "a name has only letters, digits, '-' and '_': '%.*s' cannot be one",
                          STR_ARGS(str_excerpt(name)));
    else if (indent > 0)
        diagnostics_error(diagnostics, text_line_origin(line, 0),
                          "blanks before the name: write '%.*s:' at the start of the line",
                          STR_ARGS(str_excerpt(name)));
    else if (name.size < colon)
        diagnostics_error(diagnostics, text_line_origin(line, name.size),
                          "blanks before the colon: write '%.*s:'", STR_ARGS(str_excerpt(name)));
    else
        diagnostics_error(diagnostics, text_line_origin(line, colon + 1),
                          "'%.*s' has no command: write it after the colon, in the same line",
                          STR_ARGS(str_excerpt(name)));
}

static const struct procfile_entry *entry_named(const struct procfile *procfile, struct str name)
{
    for (size_t i = 0; i < procfile->count; i++)
        if (str_equal(procfile->entries[i].name, name))
            return &procfile->entries[i];
    return NULL;
}

// Reports what makes a matching line impossible to run. Returns true when it may be kept.
static bool is_acceptable(struct parser *parser, const struct text_line *line, struct str name,
                          size_t command_at)
{
    struct diagnostics *diagnostics = parser->diagnostics;
    struct origin origin = text_line_origin(line, 0);
    if (name.size > LIMIT_NAME_BYTES) {
        diagnostics_error(diagnostics, origin, "a name of %zu bytes: at most %d are allowed",
                          name.size, LIMIT_NAME_BYTES);
        return false;
    }
    if (line->text.size - command_at >= LIMIT_ARGUMENT_BYTES) {
        diagnostics_error(diagnostics, text_line_origin(line, command_at),
                          "the command of '%.*s' has %zu bytes: the kernel takes fewer than %d, "
                          "put it into a script",
                          STR_ARGS(name), line->text.size - command_at, LIMIT_ARGUMENT_BYTES);
        return false;
    }
    const struct procfile_entry *twin = parser->foreman ? NULL : entry_named(parser->out, name);
    if (twin) {
        diagnostics_error(diagnostics, origin,
                          "'%.*s' is already declared in line %u: give one of them another name",
                          STR_ARGS(name), twin->origin.line);
        return false;
    }
    if (parser->out->count == LIMIT_TYPES) {
        if (!parser->too_many)
            diagnostics_error(diagnostics, origin, "more than %d process types", LIMIT_TYPES);
        parser->too_many = true;
        return false;
    }
    return true;
}

static int parse_line(struct parser *parser, const struct text_line *line)
{
    struct str text = line->text;
    size_t nul = str_find_char(text, '\0');
    if (nul < text.size) {
        diagnostics_error(parser->diagnostics, text_line_origin(line, nul),
                          "a NUL byte: this is not a text file, or it is not in UTF-8");
        return 0;
    }
    if (is_blank_text(text) || text.bytes[text_line_indent(line)] == '#')
        return 0;

    size_t colon = name_size(text);
    size_t at = colon + 1;
    if (colon == 0 || colon == text.size || text.bytes[colon] != ':' || at == text.size) {
        if (!parser->foreman)
            explain(parser, line);
        return 0;
    }
    while (at < text.size && is_space(text.bytes[at]))
        at++;
    if (at == text.size) {
        if (!parser->foreman) {
            explain(parser, line);
            return 0;
        }
        at--; // the expression needs one byte for the command, and takes the last blank
    }

    struct str name = str_slice(text, 0, colon);
    if (!is_acceptable(parser, line, name, at))
        return 0;
    struct procfile_entry entry = {
        .origin = text_line_origin(line, 0),
        .command_column = (unsigned)at + 1,
    };
    if (arena_str(parser->arena, name, &entry.name) != 0 ||
        arena_str(parser->arena, str_slice(text, at, text.size), &entry.command) != 0)
        return -ENOMEM;
    parser->out->entries[parser->out->count++] = entry;
    return 0;
}

int procfile_parse(struct str text, const char *file, bool foreman, struct arena *arena,
                   struct procfile *out, struct diagnostics *diagnostics)
{
    size_t most = text_lines_count(text) < LIMIT_TYPES ? text_lines_count(text) : LIMIT_TYPES;
    struct procfile procfile = {.entries = arena_alloc(arena, most * sizeof(*procfile.entries))};
    struct parser parser = {
        .foreman = foreman, .arena = arena, .out = &procfile, .diagnostics = diagnostics};
    struct str name;
    if (!procfile.entries || arena_str(arena, str_of(file), &name) != 0)
        return -ENOMEM;

    struct text_lines lines = text_lines_of(text, name);
    struct text_line line;
    while (text_lines_next(&lines, &line))
        if (parse_line(&parser, &line) != 0)
            return -ENOMEM;
    if (procfile.count == 0)
        diagnostics_error(diagnostics, (struct origin){.file = name}, "no processes defined");
    *out = procfile;
    return 0;
}
