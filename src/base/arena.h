// SPDX-License-Identifier: MIT
// Memory with one lifetime: allocate piece by piece, free everything at once.
#pragma once

#include "base/str.h"

#include <stddef.h>

struct arena_block;

// Zero-initialise to use.
struct arena {
    struct arena_block *newest;
};

void *arena_alloc(struct arena *arena, size_t size); // zeroed, aligned; NULL: no memory
char *arena_text(struct arena *arena, struct str s); // a NUL-terminated copy; NULL: no memory
int arena_str(struct arena *arena, struct str s, struct str *out); // a copy; 0 or -ENOMEM
void arena_fini(struct arena *arena);
