// SPDX-License-Identifier: MIT
// Readers check one value each and name the key in what they say, so that a file's schema is a
// table of names, readers and offsets.
#include "config/yaml.h"

#include "base/byte_size.h"
#include "base/duration.h"

#include <assert.h>
#include <stdio.h>

const char *yaml_subject(const struct yaml_node *node, char out[YAML_SUBJECT_BYTES])
{
    if (node->key)
        (void)snprintf(out, YAML_SUBJECT_BYTES, "'%.*s'", STR_ARGS(str_excerpt(node->key->text)));
    else
        (void)snprintf(out, YAML_SUBJECT_BYTES, "this");
    return out;
}

bool yaml_is_null(const struct yaml_node *node)
{
    return node->kind == YAML_TEXT && node->is_plain &&
           (node->text.size == 0 || str_is(node->text, "~") || str_is(node->text, "null"));
}

static const char *kind_name(enum yaml_kind kind)
{
    switch (kind) {
    case YAML_TEXT:
        return "one value";
    case YAML_LIST:
        return "a list";
    case YAML_MAP:
        return "a map of keys and values";
    }
    return "";
}

bool yaml_expect(struct yaml_reader *reader, const struct yaml_node *node, enum yaml_kind kind)
{
    char subject[YAML_SUBJECT_BYTES];
    if (yaml_is_null(node)) {
        diagnostics_error(reader->diagnostics, node->origin, "%s has no value: it takes %s",
                          yaml_subject(node, subject), kind_name(kind));
        return false;
    }
    if (node->kind != kind) {
        diagnostics_error(reader->diagnostics, node->origin, "%s takes %s, not %s",
                          yaml_subject(node, subject), kind_name(kind), kind_name(node->kind));
        return false;
    }
    return true;
}

// Reports that a value is not what its key takes.
static void reject(struct yaml_reader *reader, const struct yaml_node *node, const char *wanted)
{
    char subject[YAML_SUBJECT_BYTES];
    diagnostics_error(reader->diagnostics, node->origin, "%s takes %s, not '%.*s'",
                      yaml_subject(node, subject), wanted, STR_ARGS(str_excerpt(node->text)));
}

void yaml_read_text(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    if (!yaml_expect(reader, node, YAML_TEXT))
        return;
    if (node->text.size == 0)
        reject(reader, node, "a text");
    else
        *(struct str *)out = node->text;
}

void yaml_read_bool(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    // Ruby, which reads Foreman's file, knows all of these.
    static const struct {
        const char *text;
        bool value;
    } words[] = {{"true", true}, {"false", false}, {"yes", true},
                 {"no", false},  {"on", true},     {"off", false}};
    if (!yaml_expect(reader, node, YAML_TEXT))
        return;
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (node->is_plain && str_is(node->text, words[i].text)) {
            *(bool *)out = words[i].value;
            return;
        }
    }
    reject(reader, node, "true or false");
}

void yaml_read_duration(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    nsec_t duration;
    if (!yaml_expect(reader, node, YAML_TEXT))
        return;
    if (duration_parse(node->text, &duration))
        *(nsec_t *)out = duration;
    else
        reject(reader, node, "a time as 50ms, 10s or 2m");
}

void yaml_read_bytes(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    uint64_t bytes;
    if (!yaml_expect(reader, node, YAML_TEXT))
        return;
    if (byte_size_parse(node->text, &bytes))
        *(uint64_t *)out = bytes;
    else
        reject(reader, node, "a size as 512K, 10M or 1G");
}

bool yaml_read_number(struct yaml_reader *reader, const struct yaml_node *node, unsigned long least,
                      unsigned long most, unsigned *out)
{
    unsigned long number;
    char wanted[80];
    if (!yaml_expect(reader, node, YAML_TEXT))
        return false;
    if (!str_to_unsigned(node->text, &number) || number < least || number > most) {
        (void)snprintf(wanted, sizeof(wanted), "a number from %lu to %lu", least, most);
        reject(reader, node, wanted);
        return false;
    }
    *out = (unsigned)number;
    return true;
}

static void report_unknown(struct yaml_reader *reader, const struct yaml_node *key,
                           const struct yaml_field *fields, size_t count)
{
    enum { MOST_FIELDS = 32 };
    struct str names[MOST_FIELDS];
    assert(count <= MOST_FIELDS);
    for (size_t i = 0; i < count; i++)
        names[i] = str_of(fields[i].name);
    struct str nearest = str_nearest(key->text, names, count);
    if (nearest.size)
        diagnostics_error(reader->diagnostics, key->origin,
                          "unknown key '%.*s': did you mean '%.*s'?",
                          STR_ARGS(str_excerpt(key->text)), STR_ARGS(nearest));
    else
        diagnostics_error(reader->diagnostics, key->origin, "unknown key '%.*s'",
                          STR_ARGS(str_excerpt(key->text)));
}

void yaml_read_fields(struct yaml_reader *reader, const struct yaml_node *node,
                      const struct yaml_field *fields, size_t count, void *target)
{
    if (yaml_is_null(node) || !yaml_expect(reader, node, YAML_MAP))
        return;
    for (const struct yaml_node *value = node->first; value; value = value->next) {
        size_t i = 0;
        while (i < count && !str_is(value->key->text, fields[i].name))
            i++;
        if (i < count)
            fields[i].read(reader, value, (char *)target + fields[i].offset);
        else
            report_unknown(reader, value->key, fields, count);
    }
}
