// SPDX-License-Identifier: MIT
// YAML as a small tree in which each node knows its place, and readers for the kinds of values that
// configuration files have.
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "config/diagnostic.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stddef.h>

enum yaml_kind { YAML_TEXT, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    struct str text; // YAML_TEXT: without quotes; NUL-terminated, without NUL inside
    bool is_plain;   // YAML_TEXT: was not in quotes
    struct origin origin;
    struct yaml_node *key;   // the key that a map has it under, else NULL
    struct yaml_node *first; // of a list or map
    struct yaml_node *next;  // in the list or map that this is in
    size_t count;            // of a list or map
};

// Reads one document. Anchors, aliases and tags are errors, and so is a key that a map has twice.
// *out is NULL when the document is empty or could not be read; then it has been reported.
// Returns 0 or -ENOMEM.
int yaml_parse(struct str text, const char *file, struct arena *arena, struct yaml_node **out,
               struct diagnostics *diagnostics);

bool yaml_is_null(const struct yaml_node *node); // nothing, ~ or null

// What the readers below share.
struct yaml_reader {
    struct arena *arena;
    struct diagnostics *diagnostics;
    bool no_memory; // some reader could not allocate
};

// Reads `node` into *out, or reports what is wrong with it and leaves *out alone.
typedef void yaml_read(struct yaml_reader *reader, const struct yaml_node *node, void *out);

yaml_read yaml_read_text;     // struct str, not empty
yaml_read yaml_read_bool;     // bool
yaml_read yaml_read_duration; // nsec_t
yaml_read yaml_read_bytes;    // uint64_t, of "10M"

// Returns false when `node` is no number from `least` to `most`; it has been reported.
bool yaml_read_number(struct yaml_reader *reader, const struct yaml_node *node, unsigned long least,
                      unsigned long most, unsigned *out);

// A key that a map may have: `read` gets the address `offset` bytes into the map's target.
struct yaml_field {
    const char *name;
    yaml_read *read;
    size_t offset;
};

// Reads a map into `target`, field by field. Keys that are not in `fields` are reported with the
// nearest one that is. A map that is null has no fields.
void yaml_read_fields(struct yaml_reader *reader, const struct yaml_node *node,
                      const struct yaml_field *fields, size_t count, void *target);

// Returns false when `node` is of another kind; it has been reported. Null is neither.
bool yaml_expect(struct yaml_reader *reader, const struct yaml_node *node, enum yaml_kind kind);

// "'web'" for the value of the key web, "the file" for the root: the subject of a message.
enum { YAML_SUBJECT_BYTES = 80 };
const char *yaml_subject(const struct yaml_node *node, char out[YAML_SUBJECT_BYTES]);
