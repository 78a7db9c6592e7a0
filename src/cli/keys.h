// SPDX-License-Identifier: MIT
// Keys that leave an attached terminal, found in what is typed.
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

enum { KEYS_MOST = 16 };

struct keys {
    char bytes[KEYS_MOST];
    size_t count;
    size_t typed; // of them, at the end of what was filtered so far; not passed on yet
};

// Reads "ctrl-p,ctrl-q". False: it is something else.
bool keys_parse(const char *text, struct keys *out);

// Passes on what is typed, but for the keys. True once they were typed: the rest is dropped. `out`
// has room for KEYS_MOST bytes more than `typed` has.
bool keys_filter(struct keys *keys, struct str typed, char *out, size_t *count);
