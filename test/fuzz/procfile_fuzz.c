// SPDX-License-Identifier: MIT
// Any text, in both modes: what is read could stand in a Procfile, is what a second reader of the
// same grammar reads, and no line of it is lost without a word.
#include "config/lint.h"
#include "config/procfile.h"

#include "base/buffer.h"
#include "base/limits.h"

#include <regex.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition);                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct reading {
    struct arena arena;
    struct procfile procfile;
    struct diagnostics diagnostics;
};

static void read_text(struct str text, bool foreman, struct reading *out)
{
    *out = (struct reading){0};
    REQUIRE(procfile_parse(text, "Procfile", foreman, &out->arena, &out->procfile,
                           &out->diagnostics) == 0);
    char line[DIAGNOSTIC_TEXT_BYTES];
    for (size_t i = 0; i < out->diagnostics.count; i++)
        for (const char *c = diagnostic_format(&out->diagnostics.items[i], line, sizeof(line)); *c;
             c++)
            REQUIRE((unsigned char)*c >= ' ' && *c != 0x7f);
    REQUIRE(out->procfile.count > 0 || out->diagnostics.error_count > 0);
}

static void reading_fini(struct reading *reading)
{
    arena_fini(&reading->arena);
    diagnostics_fini(&reading->diagnostics);
}

static void check_entries(const struct reading *reading)
{
    struct diagnostics warnings = {0};
    for (size_t i = 0; i < reading->procfile.count; i++) {
        const struct procfile_entry *entry = &reading->procfile.entries[i];
        REQUIRE(procfile_is_name(entry->name));
        REQUIRE(entry->command.size > 0 && entry->command.size < LIMIT_ARGUMENT_BYTES);
        REQUIRE(strlen(entry->command.bytes) == entry->command.size);
        REQUIRE(memchr(entry->command.bytes, '\n', entry->command.size) == NULL);
        REQUIRE(i == 0 || entry->origin.line > entry[-1].origin.line);
        lint_command(entry->command, entry->origin, &warnings);
    }
    diagnostics_fini(&warnings);
}

// Foreman's expression, tried by another engine, on texts that both read the same way: without NUL
// and byte order mark.
static void compare_with_expression(struct str text, const struct reading *reading)
{
    static regex_t expression;
    static bool is_ready;
    if (!is_ready)
        REQUIRE(regcomp(&expression, "^([A-Za-z0-9_-]+):[ \t\r\f\v]*(.+)$", REG_EXTENDED) == 0);
    is_ready = true;
    size_t seen = 0;
    struct str line;
    while (str_next(&text, '\n', &line)) {
        if (text.bytes && str_ends_with(line, "\r"))
            line.size--;
        char *copy = strndup(line.bytes, line.size);
        regmatch_t groups[3];
        REQUIRE(copy);
        if (regexec(&expression, copy, 3, groups, 0) == 0 && groups[1].rm_eo <= LIMIT_NAME_BYTES &&
            seen < LIMIT_TYPES) {
            REQUIRE(seen < reading->procfile.count);
            const struct procfile_entry *entry = &reading->procfile.entries[seen++];
            REQUIRE(str_equal(entry->name, str_slice(line, 0, (size_t)groups[1].rm_eo)));
            REQUIRE(str_equal(entry->command, str_slice(line, (size_t)groups[2].rm_so, line.size)));
        }
        free(copy);
    }
    REQUIRE(seen == reading->procfile.count);
}

// What was read, written again, is read the same.
static void check_round_trip(const struct reading *reading)
{
    struct buffer text = {0};
    struct reading again;
    for (size_t i = 0; i < reading->procfile.count; i++)
        buffer_append_format(&text, "%.*s:%.*s\n", STR_ARGS(reading->procfile.entries[i].name),
                             STR_ARGS(reading->procfile.entries[i].command));
    read_text(buffer_str(&text), false, &again);
    REQUIRE(again.procfile.count == reading->procfile.count);
    for (size_t i = 0; i < again.procfile.count; i++)
        REQUIRE(str_equal(again.procfile.entries[i].name, reading->procfile.entries[i].name));
    reading_fini(&again);
    buffer_fini(&text);
}

static size_t lines_with_content(struct str text)
{
    size_t count = 0;
    struct str line;
    if (str_starts_with(text, "\xef\xbb\xbf"))
        text = str_slice(text, 3, text.size);
    while (str_next(&text, '\n', &line)) {
        size_t at = 0;
        while (at < line.size &&
               (line.bytes[at] == ' ' || (line.bytes[at] >= '\t' && line.bytes[at] <= '\r')))
            at++;
        struct str front = str_trim(line);
        bool has_nul = str_find_char(line, '\0') < line.size; // is told in comments too
        count += has_nul || (at < line.size && front.bytes[0] != '#');
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct reading like_foreman;
    struct reading strict;
    read_text(text, true, &like_foreman);
    read_text(text, false, &strict);
    check_entries(&like_foreman);
    check_entries(&strict);
    check_round_trip(&strict);
    if (size < LIMIT_ARGUMENT_BYTES && size > 0 && memchr(data, '\0', size) == NULL &&
        !str_starts_with(text, "\xef\xbb\xbf"))
        compare_with_expression(text, &like_foreman);

    // No line is lost without a word; the error of a file without processes is one more.
    size_t told = strict.procfile.count + strict.diagnostics.error_count;
    bool has_too_many = lines_with_content(text) > LIMIT_TYPES;
    REQUIRE(has_too_many || told - (strict.procfile.count == 0) == lines_with_content(text));
    REQUIRE(strict.procfile.count <= like_foreman.procfile.count);
    reading_fini(&like_foreman);
    reading_fini(&strict);
    return 0;
}
