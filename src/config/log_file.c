// SPDX-License-Identifier: MIT
// A path is brought into its plainest form, so that the same file is the same text.
#include "config/log_file.h"

#include "base/buffer.h"
#include "base/limits.h"
#include "plan/sink_path.h"

enum { LEAST_ROTATED_BYTES = 1024, DEFAULT_KEEP = 7 };

static void report_word(struct yaml_reader *reader, const struct yaml_node *node, struct str word)
{
    static const enum sink_word words[] = {SINK_APP, SINK_TYPE, SINK_PROCESS};
    struct str names[sizeof(words) / sizeof(*words)];
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        names[i] = str_of(sink_word_name(words[i]));
    struct str nearest = str_nearest(word, names, sizeof(words) / sizeof(*words));
    if (nearest.size)
        diagnostics_error(reader->diagnostics, node->origin,
                          "nothing is called {%.*s} in a path: did you mean {%.*s}?",
                          STR_ARGS(str_excerpt(word)), STR_ARGS(nearest));
    else
        diagnostics_error(reader->diagnostics, node->origin,
                          "nothing is called {%.*s} in a path: there are {app}, {type} and "
                          "{process}",
                          STR_ARGS(str_excerpt(word)));
}

// Returns false when the path has braces with something else than a word; it has been told.
static bool check_words(struct yaml_reader *reader, const struct yaml_node *node)
{
    struct str rest = node->text;
    struct sink_part part;
    while (sink_next_part(&rest, &part)) {
        if (part.word == SINK_UNKNOWN)
            report_word(reader, node, part.text);
        else if (part.word == SINK_STRAY)
            diagnostics_error(reader->diagnostics, node->origin,
                              "a path with a '%.*s' alone: braces are for {app}, {type} and "
                              "{process}",
                              STR_ARGS(part.text));
        else
            continue;
        return false;
    }
    return true;
}

// Without "." and empty components, so that one path has one text. ".." stays: only the kernel
// knows where that leads.
static struct str plain_path(struct yaml_reader *reader, struct str text)
{
    struct buffer path = {0};
    struct str component;
    struct str out = str_of("");
    buffer_append_text(&path, str_starts_with(text, "/") ? "/" : "");
    for (bool is_first = true; str_next(&text, '/', &component);) {
        if (component.size == 0 || str_is(component, "."))
            continue;
        buffer_append_text(&path, is_first ? "" : "/");
        buffer_append_str(&path, component);
        is_first = false;
    }
    if (path.failed || arena_str(reader->arena, buffer_str(&path), &out) != 0)
        reader->no_memory = true;
    buffer_fini(&path);
    return out;
}

static bool has_control_bytes(struct str text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.bytes[i] < ' ' || text.bytes[i] == 0x7f)
            return true;
    return false;
}

static bool is_folder(struct str path)
{
    return str_ends_with(path, "/") || str_ends_with(path, "/.") || str_ends_with(path, "/..") ||
           str_is(path, ".") || str_is(path, "..");
}

void log_file_read_path(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct str path = str_of("");
    if (node->kind == YAML_MAP) {
        diagnostics_error(reader->diagnostics, node->origin,
                          "'file' takes a path, not a map: put it in quotes, as \"{type}.log\"");
        return;
    }
    yaml_read_text(reader, node, &path);
    if (path.size == 0 || !check_words(reader, node))
        return;
    if (path.size > LIMIT_SINK_PATH_BYTES)
        diagnostics_error(reader->diagnostics, node->origin,
                          "a path of %zu bytes: at most %d are allowed", path.size,
                          LIMIT_SINK_PATH_BYTES);
    else if (has_control_bytes(path))
        diagnostics_error(reader->diagnostics, node->origin,
                          "a path with a newline or another control character");
    else if (is_folder(path))
        diagnostics_error(reader->diagnostics, node->origin,
                          "'%.*s' is a folder: write the name of a file in it, too",
                          STR_ARGS(str_excerpt(path)));
    else
        *(struct str *)out = plain_path(reader, path);
}

// Permissions in digits of eight; who cannot be written to by its owner cannot be opened again.
void log_file_read_mode(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    enum { MOST_DIGITS = 4, OWNER_WRITES = 0200, FILE_BITS = 0666 };
    struct str digits = node->text;
    unsigned mode = 0;
    if (!yaml_expect(reader, node, YAML_TEXT))
        return;
    bool is_mode = digits.size >= 3 && digits.size <= MOST_DIGITS;
    for (size_t i = 0; i < digits.size && is_mode; i++) {
        is_mode = digits.bytes[i] >= '0' && digits.bytes[i] <= '7';
        mode = mode * 8 + (unsigned)(digits.bytes[i] - '0');
    }
    if (is_mode && (mode & OWNER_WRITES) && (mode & ~(unsigned)FILE_BITS) == 0)
        *(unsigned *)out = mode;
    else
        diagnostics_error(reader->diagnostics, node->origin,
                          "'mode' takes permissions of a file that its owner can write, as "
                          "\"0640\", not '%.*s'",
                          STR_ARGS(str_excerpt(digits)));
}

// What `rotate` is read into.
struct rotating {
    struct sink_rotation *out;
    const struct yaml_node *total; // NULL: not there
};

static void read_size(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    uint64_t bytes = UINT64_MAX; // stays so when the value was no size, which has been told
    yaml_read_bytes(reader, node, &bytes);
    if (bytes < LEAST_ROTATED_BYTES)
        diagnostics_error(reader->diagnostics, node->origin, "'%.*s' takes at least 1K, not '%.*s'",
                          STR_ARGS(node->key->text), STR_ARGS(str_excerpt(node->text)));
    *(uint64_t *)out = bytes;
}

static void read_rotation_size(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct rotating *rotating = out;
    read_size(reader, node, &rotating->out->size_bytes);
}

static void read_total(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct rotating *rotating = out;
    rotating->total = node;
    read_size(reader, node, &rotating->out->total_bytes);
}

static void read_age(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct rotating *rotating = out;
    nsec_t age = NSEC_NEVER; // stays so when the value was no time, which has been told
    yaml_read_duration(reader, node, &age);
    if (age < NSEC_PER_SEC)
        diagnostics_error(reader->diagnostics, node->origin, "'age' takes at least 1s, not '%.*s'",
                          STR_ARGS(str_excerpt(node->text)));
    rotating->out->age = age;
}

static void read_keep(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct rotating *rotating = out;
    yaml_read_number(reader, node, 0, LIMIT_ROTATED_FILES, &rotating->out->keep_count);
}

static void read_compress(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct rotating *rotating = out;
    yaml_read_bool(reader, node, &rotating->out->compress);
}

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

void log_file_read_rotation(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    static const struct yaml_field fields[] = {
        {"age", read_age, 0},     {"compress", read_compress, 0},
        {"keep", read_keep, 0},   {"size", read_rotation_size, 0},
        {"total", read_total, 0},
    };
    struct sink_rotation *rotation = out;
    struct rotating rotating = {.out = rotation};
    size_t errors_before = reader->diagnostics->error_count;
    *rotation = (struct sink_rotation){.keep_count = DEFAULT_KEEP, .compress = true};
    if (!yaml_expect(reader, node, YAML_MAP))
        return;
    yaml_read_fields(reader, node, fields, COUNT(fields), &rotating);
    if (reader->diagnostics->error_count > errors_before)
        return;
    if (rotation->size_bytes == 0 && rotation->age == 0)
        diagnostics_error(reader->diagnostics, node->origin,
                          "'rotate' does not say when: it needs size or age");
    else if (rotating.total && rotation->total_bytes < rotation->size_bytes)
        diagnostics_error(reader->diagnostics, rotating.total->origin,
                          "'total' is less than 'size': no file could be kept");
}
