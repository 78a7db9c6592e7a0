// SPDX-License-Identifier: MIT
// A Procfile is read as Foreman reads it, but no line is ever ignored silently.
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "config/diagnostic.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stddef.h>

struct procfile_entry {
    struct str name;
    struct str command;
    struct origin origin; // of the name
    unsigned command_column;
};

struct procfile {
    struct procfile_entry *entries;
    size_t count;
};

// Reads `text`; `file` is its name for messages. Entries and texts are in `arena`. With `foreman`,
// lines that Foreman ignores are ignored and a name may occur twice. Returns 0 or -ENOMEM: what is
// wrong with the text is in `diagnostics`, and `out` holds the lines that could be read.
int procfile_parse(struct str text, const char *file, bool foreman, struct arena *arena,
                   struct procfile *out, struct diagnostics *diagnostics);

// True for 1 to LIMIT_NAME_BYTES letters, digits, '-' and '_'.
bool procfile_is_name(struct str name);
