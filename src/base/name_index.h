// SPDX-License-Identifier: MIT
// From names to numbers in constant time, for tables that hold each name once.
#pragma once

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct name_slot;

struct name_index {
    struct name_slot *slots;
    size_t capacity; // a power of two, at least twice the names it was made for
    size_t count;
};

// Makes room for `expected` names in `arena`; no more may be put. Returns 0 or -ENOMEM.
int name_index_init(struct name_index *index, size_t expected, struct arena *arena);

// Remembers `number` for `name`, which is borrowed, and forgets what it had before.
void name_index_put(struct name_index *index, struct str name, size_t number);

// Returns false when the name was never put.
bool name_index_find(const struct name_index *index, struct str name, size_t *out);
