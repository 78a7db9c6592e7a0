// SPDX-License-Identifier: MIT
// Two readings of a line. Foreman's, /\A([A-Za-z_0-9]+)=(.*)\z/, comes first and gives what Foreman
// gives, byte for byte. A line that it does not know gets a second chance: blanks around name and
// value and `export` in front, where every tool that takes them agrees on what they mean. The rest
// is an error, because a variable that is silently missing is found in production.
#include "config/dotenv.h"

#include "base/buffer.h"
#include "base/limits.h"
#include "base/name_index.h"
#include "config/dotenv_value.h"
#include "config/text_line.h"

#include <errno.h>

struct parser {
    bool foreman;
    struct arena *arena;
    struct dotenv *out;
    struct diagnostics *diagnostics;
    struct name_index names;
    struct buffer value;
    unsigned open_quote_line; // the last line with a quote that is not closed, or 0
    bool has_content;         // a line that is neither blank nor a comment came before
    bool is_json;
    bool too_many;
};

// Says why nobody would agree on what the line means, and what to write.
static void explain(struct parser *parser, const struct text_line *line)
{
    struct diagnostics *diagnostics = parser->diagnostics;
    size_t indent = text_line_indent(line);
    struct str text = str_slice(line->text, indent, line->text.size);
    size_t equals = str_find_char(text, '=');
    struct str name = str_trim(str_slice(text, 0, equals));
    size_t valid = dotenv_name_size(name);

    if (!parser->has_content && text.bytes[0] == '{') {
        parser->is_json = true;
        diagnostics_error(diagnostics, text_line_origin(line, indent),
                          "this looks like JSON: write one NAME=value a line");
    } else if (parser->open_quote_line) {
        diagnostics_error(diagnostics, text_line_origin(line, indent),
                          "a value ends with its line, and line %u opens a quote without closing "
                          "it: write the value in one line, as \"first\\nsecond\"",
                          parser->open_quote_line);
    } else if (str_starts_with(text, "export ") && equals == text.size) {
        diagnostics_error(diagnostics, text_line_origin(line, indent),
                          "'export' without a value sets nothing: write NAME=value");
    } else if (valid > 0 && valid < text.size && text.bytes[valid] == ':') {
        diagnostics_error(diagnostics, text_line_origin(line, indent + valid),
                          "a colon where '=' belongs: write %.*s=value",
                          STR_ARGS(str_excerpt(str_slice(text, 0, valid))));
    } else if (equals == text.size) {
        diagnostics_error(diagnostics, text_line_origin(line, indent),
                          "no '=' in this line: write NAME=value, or # in front of a comment");
    } else if (name.size == 0) {
        diagnostics_error(diagnostics, text_line_origin(line, indent),
                          "no name before '=': write NAME=value");
    } else {
        diagnostics_error(diagnostics, text_line_origin(line, indent + valid),
                          "a name has only letters, digits and '_': '%.*s' cannot be one",
                          STR_ARGS(str_excerpt(name)));
    }
}

// The second reading. Returns false when the line has no agreed meaning; it has been reported.
static bool read_widely(struct parser *parser, const struct text_line *line,
                        struct dotenv_pair *out)
{
    if (!dotenv_match_wide(line->text, out)) {
        explain(parser, line);
        return false;
    }
    struct str rest;
    enum dotenv_quoting quoting = dotenv_quoting_of(out->value, &rest);
    struct origin origin = text_line_origin(line, out->value_at);
    switch (quoting) {
    case QUOTING_NONE:
        if (!str_contains(out->value, " #") && !str_contains(out->value, "\t#"))
            return true;
        diagnostics_error(parser->diagnostics, origin,
                          "is '#' a comment here? Tools differ: put the value in quotes, or the "
                          "comment in a line of its own");
        return false;
    case QUOTING_WHOLE:
        return true;
    case QUOTING_FRONT:
        diagnostics_error(parser->diagnostics, origin,
                          "text after the closing quote: put the whole value in quotes, and a "
                          "comment in a line of its own");
        return false;
    case QUOTING_OPEN:
        diagnostics_error(parser->diagnostics, origin, "the quote is not closed in this line");
        return false;
    }
    return false;
}

// Reports what no process could be given. Returns true when the variable may be kept.
static bool is_acceptable(struct parser *parser, struct str name, struct origin origin)
{
    size_t twin;
    if (name.size + parser->value.size + sizeof("=") > LIMIT_ARGUMENT_BYTES) {
        diagnostics_error(parser->diagnostics, origin,
                          "'%.*s' has %zu bytes: the kernel takes fewer than %d for a variable",
                          STR_ARGS(str_excerpt(name)), parser->value.size, LIMIT_ARGUMENT_BYTES);
        return false;
    }
    if (!parser->foreman && name_index_find(&parser->names, name, &twin))
        diagnostics_warn(parser->diagnostics, origin,
                         "'%.*s' is already set in line %u, which does not count: "
                         "remove one of them",
                         STR_ARGS(str_excerpt(name)), parser->out->entries[twin].origin.line);
    if (parser->out->count == LIMIT_LAUNCH_STRINGS) {
        if (!parser->too_many)
            diagnostics_error(parser->diagnostics, origin, "more than %d variables",
                              LIMIT_LAUNCH_STRINGS);
        parser->too_many = true;
        return false;
    }
    return true;
}

// A blank line or a comment. A NUL byte is told wherever it stands.
static bool is_ignorable(const struct text_line *line)
{
    struct str text = line->text;
    size_t indent = text_line_indent(line);
    if (str_find_char(text, '\0') < text.size)
        return false;
    return indent == text.size || text.bytes[indent] == '#' || text.bytes[indent] == '\r';
}

static int parse_line(struct parser *parser, const struct text_line *line)
{
    struct str text = line->text;
    size_t nul = str_find_char(text, '\0');
    if (nul < text.size) {
        diagnostics_error(parser->diagnostics, text_line_origin(line, nul),
                          "a NUL byte: no variable can hold one");
        return 0;
    }
    struct dotenv_pair pair;
    if (!dotenv_match_foreman(text, &pair))
        if (parser->foreman || !read_widely(parser, line, &pair))
            return 0;
    struct str rest;
    if (dotenv_quoting_of(pair.value, &rest) == QUOTING_OPEN)
        parser->open_quote_line = line->number;
    else
        parser->open_quote_line = 0;

    struct dotenv_entry entry = {.origin = text_line_origin(line, pair.name_at)};
    buffer_clear(&parser->value);
    dotenv_decode(pair.value, &parser->value);
    if (parser->value.failed)
        return -ENOMEM;
    if (!is_acceptable(parser, pair.name, entry.origin))
        return 0;
    if (arena_str(parser->arena, pair.name, &entry.variable.name) != 0 ||
        arena_str(parser->arena, buffer_str(&parser->value), &entry.variable.value) != 0)
        return -ENOMEM;
    name_index_put(&parser->names, entry.variable.name, parser->out->count);
    parser->out->entries[parser->out->count++] = entry;
    return 0;
}

static int parse_lines(struct parser *parser, struct text_lines lines)
{
    struct text_line line;
    while (!parser->is_json && text_lines_next(&lines, &line)) {
        if (is_ignorable(&line))
            continue;
        if (parse_line(parser, &line) != 0)
            return -ENOMEM;
        parser->has_content = true;
    }
    return 0;
}

int dotenv_parse(struct str text, const char *file, bool foreman, struct arena *arena,
                 struct dotenv *out, struct diagnostics *diagnostics)
{
    size_t most = text_lines_count(text);
    if (most > LIMIT_LAUNCH_STRINGS)
        most = LIMIT_LAUNCH_STRINGS;
    struct dotenv dotenv = {.entries = arena_alloc(arena, most * sizeof(*dotenv.entries))};
    struct parser parser = {
        .foreman = foreman, .arena = arena, .out = &dotenv, .diagnostics = diagnostics};
    struct str name;
    if (!dotenv.entries || arena_str(arena, str_of(file), &name) != 0 ||
        name_index_init(&parser.names, most, arena) != 0)
        return -ENOMEM;

    int result = parse_lines(&parser, text_lines_of(text, name));
    buffer_fini(&parser.value);
    if (result == 0)
        *out = dotenv;
    return result;
}
