// SPDX-License-Identifier: MIT
// Each layer is applied to all types before the next one: formation.yaml (already in the types),
// then -m, --except and names. All three speak the same language, a list of NAME or NAME=COUNT.
#include "config/quantity.h"

#include "base/limits.h"

struct command_line {
    const struct options *options;
    struct type_quantity *types;
    size_t count;
    struct diagnostics *diagnostics;
};

// One element of such a list.
struct wish {
    const char *source; // "-m", for messages
    struct str name;
    struct str count_text; // behind '='
    bool has_count;
    unsigned count;
};

static const struct origin nowhere;

static struct str trim(struct str s) // Foreman takes out all white space, newlines too
{
    while (s.size &&
           (s.bytes[0] == '\n' || s.bytes[0] == '\r' || s.bytes[0] == ' ' || s.bytes[0] == '\t'))
        s = str_slice(s, 1, s.size);
    while (s.size && (s.bytes[s.size - 1] == '\n' || s.bytes[s.size - 1] == '\r' ||
                      s.bytes[s.size - 1] == ' ' || s.bytes[s.size - 1] == '\t'))
        s.size--;
    return s;
}

static bool is_declared(const struct command_line *line, struct str name)
{
    for (size_t i = 0; i < line->count; i++)
        if (str_equal(line->types[i].name, name))
            return true;
    return false;
}

static bool means_all(const struct command_line *line, struct str name)
{
    return str_is(name, "all") && !is_declared(line, name);
}

static void set_quantity(const struct command_line *line, struct str name, unsigned quantity)
{
    for (size_t i = 0; i < line->count; i++)
        if (str_equal(line->types[i].name, name))
            line->types[i] = (struct type_quantity){name, quantity, true};
}

static void report_unknown(const struct command_line *line, const struct wish *wish)
{
    struct str names[LIMIT_TYPES];
    struct str excerpt = str_excerpt(wish->name);
    if (line->options->foreman) {
        diagnostics_error(line->diagnostics, nowhere, "unknown process: %.*s", STR_ARGS(excerpt));
        return;
    }
    size_t count = line->count < LIMIT_TYPES ? line->count : LIMIT_TYPES;
    for (size_t i = 0; i < count; i++)
        names[i] = line->types[i].name;
    struct str nearest = str_nearest(wish->name, names, count);
    if (nearest.size)
        diagnostics_error(line->diagnostics, nowhere,
                          "%s: there is no process type '%.*s': did you mean '%.*s'?", wish->source,
                          STR_ARGS(excerpt), STR_ARGS(nearest));
    else
        diagnostics_error(line->diagnostics, nowhere, "%s: there is no process type '%.*s'",
                          wish->source, STR_ARGS(excerpt));
}

// Reads "NAME" or "NAME=COUNT" and reports what is wrong with it.
static bool parse_wish(const struct command_line *line, const char *source, struct str text,
                       struct wish *out)
{
    size_t equals = str_find_char(text, '=');
    struct wish wish = {
        .source = source,
        .name = trim(str_slice(text, 0, equals)),
        .count_text = trim(str_slice(text, equals + 1, text.size)),
        .has_count = equals < text.size,
    };
    unsigned long count = 0;
    if (!is_declared(line, wish.name) && !str_is(wish.name, "all")) {
        report_unknown(line, &wish);
        return false;
    }
    if (wish.has_count && (!str_to_unsigned(wish.count_text, &count) || count > LIMIT_QUANTITY)) {
        diagnostics_error(
            line->diagnostics, nowhere, "%s: '%.*s' takes a number from 0 to %d, not '%.*s'",
            source, STR_ARGS(wish.name), LIMIT_QUANTITY, STR_ARGS(str_excerpt(wish.count_text)));
        return false;
    }
    wish.count = (unsigned)count;
    *out = wish;
    return true;
}

// -m: what is not listed does not run, unless `all=N` says otherwise, wherever it stands.
static void apply_formation(const struct command_line *line)
{
    struct str rest = str_of(line->options->formation);
    struct str text;
    struct wish wish;
    unsigned others = 0;
    bool is_listed[LIMIT_TYPES] = {false};
    while (str_next(&rest, ',', &text)) {
        if (trim(text).size == 0 || !parse_wish(line, "-m", text, &wish))
            continue;
        if (!wish.has_count)
            diagnostics_error(line->diagnostics, nowhere, "-m: how many? Write %.*s=1",
                              STR_ARGS(wish.name));
        else if (means_all(line, wish.name))
            others = wish.count;
        else
            for (size_t i = 0; i < line->count; i++) {
                if (!str_equal(line->types[i].name, wish.name))
                    continue;
                if (is_listed[i] && !line->options->foreman)
                    diagnostics_error(line->diagnostics, nowhere, "-m: '%.*s' stands there twice",
                                      STR_ARGS(wish.name));
                is_listed[i] = true;
                line->types[i].quantity = wish.count;
                line->types[i].is_fixed = true;
            }
    }
    for (size_t i = 0; i < line->count; i++)
        if (!is_listed[i])
            line->types[i] = (struct type_quantity){line->types[i].name, others, true};
}

static void apply_except(const struct command_line *line)
{
    struct str rest = str_of(line->options->except);
    struct str text;
    struct wish wish;
    while (str_next(&rest, ',', &text)) {
        if (trim(text).size == 0 || !parse_wish(line, "--except", text, &wish))
            continue;
        if (wish.has_count || means_all(line, wish.name))
            diagnostics_error(line->diagnostics, nowhere,
                              "--except takes names of process types, "
                              "not '%.*s'",
                              STR_ARGS(str_excerpt(trim(text))));
        else
            set_quantity(line, wish.name, 0);
    }
}

// Names: only these run. One without a count runs as often as the layers below say, but at least
// once; as Foreman, exactly once.
static void apply_names(const struct command_line *line)
{
    unsigned wanted[LIMIT_TYPES] = {0};
    bool is_named[LIMIT_TYPES] = {false};
    bool is_fixed[LIMIT_TYPES] = {false};
    struct wish wish;
    for (size_t n = 0; n < line->options->name_count; n++) {
        if (!parse_wish(line, "start", str_of(line->options->names[n]), &wish))
            continue;
        bool is_all = means_all(line, wish.name);
        for (size_t i = 0; i < line->count; i++) {
            if (!is_all && !str_equal(line->types[i].name, wish.name))
                continue;
            if (is_named[i] && !is_all)
                diagnostics_error(line->diagnostics, nowhere, "start: '%.*s' stands there twice",
                                  STR_ARGS(wish.name));
            unsigned below = line->types[i].quantity;
            is_named[i] = true;
            is_fixed[i] = wish.has_count || line->types[i].is_fixed;
            if (wish.has_count)
                wanted[i] = wish.count;
            else
                wanted[i] = below > 0 && !line->options->foreman ? below : 1;
        }
    }
    for (size_t i = 0; i < line->count; i++) {
        line->types[i].quantity = wanted[i];
        line->types[i].is_fixed = !is_named[i] || is_fixed[i];
    }
}

void quantity_apply(const struct options *options, struct type_quantity *types, size_t count,
                    struct diagnostics *diagnostics)
{
    struct command_line line = {options, types, count, diagnostics};
    if (options->formation)
        apply_formation(&line);
    if (options->except)
        apply_except(&line);
    if (options->name_count > 0)
        apply_names(&line);
}
