// SPDX-License-Identifier: MIT
// A name in a path begins with anything but a dot and has no slash, so that no component with a
// name in it is "." or "..", whatever stands around the name.
#include "plan/sink_path.h"

#include "base/limits.h"
#include "plan/plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { COMPONENT_BYTES = 255 }; // NAME_MAX

const char *sink_word_name(enum sink_word word)
{
    switch (word) {
    case SINK_APP:
        return "app";
    case SINK_TYPE:
        return "type";
    case SINK_PROCESS:
        return "process";
    case SINK_LITERAL:
    case SINK_UNKNOWN:
    case SINK_STRAY:
        break;
    }
    return NULL;
}

static enum sink_word word_of(struct str text)
{
    static const enum sink_word words[] = {SINK_APP, SINK_TYPE, SINK_PROCESS};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (str_is(text, sink_word_name(words[i])))
            return words[i];
    return SINK_UNKNOWN;
}

// The bytes in front of the next brace.
static size_t literal_size(struct str text)
{
    size_t size = 0;
    while (size < text.size && text.bytes[size] != '{' && text.bytes[size] != '}')
        size++;
    return size;
}

bool sink_next_part(struct str *rest, struct sink_part *out)
{
    struct str text = *rest;
    size_t size = literal_size(text);
    if (text.size == 0)
        return false;
    if (size > 0) {
        *out = (struct sink_part){SINK_LITERAL, str_slice(text, 0, size)};
        *rest = str_slice(text, size, text.size);
        return true;
    }
    struct str word = str_slice(text, 1, text.size);
    word = str_slice(word, 0, literal_size(word));
    size_t end = 1 + word.size;
    if (text.bytes[0] == '{' && end < text.size && text.bytes[end] == '}') {
        *out = (struct sink_part){word_of(word), word};
        *rest = str_slice(text, end + 1, text.size);
    } else {
        *out = (struct sink_part){SINK_STRAY, str_slice(text, 0, 1)};
        *rest = str_slice(text, 1, text.size);
    }
    return true;
}

enum sink_scope sink_scope(const struct plan_sink *sink)
{
    enum sink_scope scope = SINK_OF_FORMATION;
    struct str rest = sink->target;
    struct sink_part part;
    while (sink_next_part(&rest, &part)) {
        if (part.word == SINK_PROCESS)
            return SINK_OF_PROCESS;
        if (part.word == SINK_TYPE)
            scope = SINK_OF_TYPE;
    }
    return scope;
}

// A path that grows; more than fits is counted, not written.
struct path {
    char *bytes;
    size_t size;
};

static void add_byte(struct path *path, char byte)
{
    if (path->size < SINK_PATH_BYTES)
        path->bytes[path->size] = byte;
    path->size++;
}

static void add_text(struct path *path, struct str text)
{
    for (size_t i = 0; i < text.size; i++)
        add_byte(path, text.bytes[i]);
}

static void add_name(struct path *path, struct str name)
{
    if (name.size == 0)
        add_byte(path, '_');
    for (size_t i = 0; i < name.size; i++) {
        unsigned char byte = (unsigned char)name.bytes[i];
        bool is_harmless = byte != '/' && byte >= ' ' && byte != 0x7f && (byte != '.' || i > 0);
        add_byte(path, is_harmless ? (char)byte : '_');
    }
}

static void add_part(struct path *path, const struct sink_part *part, struct str app,
                     struct str type, unsigned number)
{
    char digits[16];
    switch (part->word) {
    case SINK_APP:
        add_name(path, app);
        break;
    case SINK_TYPE:
        add_name(path, type);
        break;
    case SINK_PROCESS:
        add_name(path, type);
        (void)snprintf(digits, sizeof(digits), ".%u", number);
        add_text(path, str_of(number > 0 ? digits : ""));
        break;
    case SINK_LITERAL:
    case SINK_UNKNOWN: // none of both in a plan: refused where it was read
    case SINK_STRAY:
        add_text(path, part->text);
        break;
    }
}

static bool components_fit(struct str path)
{
    struct str component;
    while (str_next(&path, '/', &component))
        if (component.size > COMPONENT_BYTES - SINK_SUFFIX_BYTES)
            return false;
    return true;
}

int sink_path(const struct plan_sink *sink, const struct plan *plan, struct str type,
              unsigned number, char out[SINK_PATH_BYTES])
{
    char bytes[SINK_PATH_BYTES];
    struct path path = {.bytes = bytes};
    struct str rest = sink->target;
    struct sink_part part;
    if (!str_starts_with(sink->target, "/")) {
        add_text(&path, plan->root);
        if (!str_ends_with(plan->root, "/"))
            add_byte(&path, '/');
    }
    size_t own = path.size; // the root is there, however long its names are
    while (sink_next_part(&rest, &part))
        add_part(&path, &part, plan->app, type, number);
    if (path.size >= SINK_PATH_BYTES - SINK_SUFFIX_BYTES ||
        !components_fit(str_slice(str_from(bytes, path.size), own, path.size)))
        return -ENAMETOOLONG;
    memcpy(out, bytes, path.size);
    out[path.size] = '\0';
    return 0;
}
