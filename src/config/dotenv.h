// SPDX-License-Identifier: MIT
// A .env file is read as Foreman reads it, plus the forms that all dotenv tools agree on.
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "config/diagnostic.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stddef.h>

struct dotenv_entry {
    struct variable variable;
    struct origin origin; // of the name
};

struct dotenv {
    struct dotenv_entry *entries; // each name once in default mode; else the last one counts
    size_t count;
};

// Reads `text`; `file` is its name for messages. Entries and texts are in `arena`. With `foreman`,
// lines that Foreman ignores are ignored and a name may occur twice. Returns 0 or -ENOMEM: what is
// wrong with the text is in `diagnostics`, and `out` holds the lines that could be read.
int dotenv_parse(struct str text, const char *file, bool foreman, struct arena *arena,
                 struct dotenv *out, struct diagnostics *diagnostics);

// Warns of every line that other tools (a shell, Docker, dotenv of Node, Ruby, Python or Go) read
// differently, and says what to write instead. For `check`; it finds no errors.
void dotenv_lint(struct str text, const char *file, struct diagnostics *diagnostics);
