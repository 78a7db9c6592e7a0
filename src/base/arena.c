// SPDX-License-Identifier: MIT
// A list of blocks, newest first. A plan lives in one arena and dies with it, so nobody has to
// know who owns a name or a command.
#include "base/arena.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 4096 };

struct arena_block {
    struct arena_block *older;
    size_t used;
    size_t capacity;
    alignas(max_align_t) char bytes[];
};

static size_t aligned(size_t size)
{
    size_t step = alignof(max_align_t);
    return (size + step - 1) / step * step;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    struct arena_block *block = arena->newest;
    size = aligned(size ? size : 1);
    if (!block || block->capacity - block->used < size) {
        size_t capacity = size > BLOCK_BYTES ? size : BLOCK_BYTES;
        block = malloc(sizeof(*block) + capacity);
        if (!block)
            return NULL;
        *block = (struct arena_block){.older = arena->newest, .capacity = capacity};
        arena->newest = block;
    }
    void *memory = block->bytes + block->used;
    block->used += size;
    return memset(memory, 0, size);
}

char *arena_text(struct arena *arena, struct str s)
{
    char *copy = arena_alloc(arena, s.size + 1);
    if (copy && s.size)
        memcpy(copy, s.bytes, s.size);
    return copy;
}

int arena_str(struct arena *arena, struct str s, struct str *out)
{
    char *copy = arena_text(arena, s);
    if (!copy)
        return -ENOMEM;
    *out = (struct str){copy, s.size};
    return 0;
}

void arena_fini(struct arena *arena)
{
    while (arena->newest) {
        struct arena_block *older = arena->newest->older;
        free(arena->newest);
        arena->newest = older;
    }
}
