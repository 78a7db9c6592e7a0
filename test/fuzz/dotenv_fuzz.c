// SPDX-License-Identifier: MIT
// Any text, in both modes: what is read can be a variable, Foreman's lines keep Foreman's values in
// the wider mode, no line is lost without a word, and warnings point into the text.
#include "config/dotenv.h"

#include "base/buffer.h"
#include "base/limits.h"

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
    struct dotenv dotenv;
    struct diagnostics diagnostics;
};

static void read_text(struct str text, bool foreman, struct reading *out)
{
    *out = (struct reading){0};
    REQUIRE(dotenv_parse(text, ".env", foreman, &out->arena, &out->dotenv, &out->diagnostics) == 0);
    for (size_t i = 0; i < out->dotenv.count; i++) {
        const struct variable *variable = &out->dotenv.entries[i].variable;
        REQUIRE(variable->name.size > 0);
        REQUIRE(strlen(variable->name.bytes) == variable->name.size);
        REQUIRE(strlen(variable->value.bytes) == variable->value.size);
        REQUIRE(str_find_char(variable->name, '=') == variable->name.size);
        REQUIRE(variable->name.size + variable->value.size + 2 <= LIMIT_ARGUMENT_BYTES);
        REQUIRE(i == 0 ||
                out->dotenv.entries[i].origin.line > out->dotenv.entries[i - 1].origin.line);
    }
}

static void reading_fini(struct reading *reading)
{
    arena_fini(&reading->arena);
    diagnostics_fini(&reading->diagnostics);
}

static const struct dotenv_entry *entry_of_line(const struct reading *reading, unsigned line)
{
    for (size_t i = 0; i < reading->dotenv.count; i++)
        if (reading->dotenv.entries[i].origin.line == line)
            return &reading->dotenv.entries[i];
    return NULL;
}

// Each line that both modes read has one meaning.
static void compare(const struct reading *like_foreman, const struct reading *wide)
{
    for (size_t i = 0; i < like_foreman->dotenv.count; i++) {
        const struct dotenv_entry *theirs = &like_foreman->dotenv.entries[i];
        const struct dotenv_entry *ours = entry_of_line(wide, theirs->origin.line);
        REQUIRE(ours || wide->diagnostics.error_count > 0);
        REQUIRE(!ours || str_equal(ours->variable.name, theirs->variable.name));
        REQUIRE(!ours || str_equal(ours->variable.value, theirs->variable.value));
    }
}

static bool is_verbatim(const struct variable *variable)
{
    return str_find_char(variable->value, '\n') == variable->value.size &&
           variable->name.size + variable->value.size + 8 < LIMIT_ARGUMENT_BYTES;
}

// A value without newline, written again, is read as it was.
static void check_round_trip(const struct reading *reading)
{
    struct buffer text = {0};
    struct reading again;
    for (size_t i = 0; i < reading->dotenv.count; i++) {
        const struct variable *variable = &reading->dotenv.entries[i].variable;
        if (is_verbatim(variable))
            buffer_append_format(&text, "%.*s='%.*s'\n", STR_ARGS(variable->name),
                                 STR_ARGS(variable->value));
    }
    read_text(buffer_str(&text), false, &again);
    REQUIRE(again.diagnostics.error_count == 0);
    for (size_t i = 0, j = 0; i < reading->dotenv.count && j < again.dotenv.count; i++) {
        const struct variable *variable = &reading->dotenv.entries[i].variable;
        if (!is_verbatim(variable)) // another line may set the same name
            continue;
        REQUIRE(str_equal(variable->name, again.dotenv.entries[j].variable.name));
        REQUIRE(str_equal(variable->value, again.dotenv.entries[j].variable.value));
        j++;
    }
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
        struct str front = str_trim(line);
        bool has_nul = str_find_char(line, '\0') < line.size; // is told in comments too
        count += has_nul || (front.size > 0 && front.bytes[0] != '#' && front.bytes[0] != '\r');
    }
    return count;
}

static void check_warnings(struct str text)
{
    struct diagnostics warnings = {0};
    dotenv_lint(text, ".env", &warnings);
    REQUIRE(warnings.error_count == 0);
    for (size_t i = 0; i < warnings.count; i++)
        REQUIRE(warnings.items[i].origin.column <= text.size + 1);
    diagnostics_fini(&warnings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct reading like_foreman;
    struct reading wide;
    read_text(text, true, &like_foreman);
    read_text(text, false, &wide);
    compare(&like_foreman, &wide);
    check_round_trip(&wide);
    check_warnings(text);

    // No line is lost without a word, but those behind the first of a JSON file.
    bool is_json = false;
    for (size_t i = 0; i < wide.diagnostics.count; i++)
        is_json |= str_starts_with(wide.diagnostics.items[i].text, "this looks like JSON");
    size_t told = wide.dotenv.count + wide.diagnostics.error_count;
    REQUIRE(is_json || lines_with_content(text) > LIMIT_LAUNCH_STRINGS ||
            told == lines_with_content(text));
    reading_fini(&like_foreman);
    reading_fini(&wide);
    return 0;
}
