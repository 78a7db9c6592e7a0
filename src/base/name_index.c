// SPDX-License-Identifier: MIT
// Open addressing with a fixed size: the tables are filled once, from a list whose length is known,
// so that nothing ever grows, moves or is removed.
#include "base/name_index.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>

struct name_slot {
    struct str name; // bytes NULL: free
    size_t number;
};

int name_index_init(struct name_index *index, size_t expected, struct arena *arena)
{
    size_t capacity = 8;
    while (capacity < expected * 2)
        capacity *= 2;
    struct name_slot *slots = arena_alloc(arena, capacity * sizeof(*slots));
    if (!slots)
        return -ENOMEM;
    *index = (struct name_index){.slots = slots, .capacity = capacity};
    return 0;
}

static uint64_t hash(struct str name) // FNV-1a
{
    uint64_t value = 14695981039346656037u;
    for (size_t i = 0; i < name.size; i++)
        value = (value ^ (unsigned char)name.bytes[i]) * 1099511628211u;
    return value ^ value >> 32;
}

// The slot that has the name, or the free one where it belongs.
static struct name_slot *slot_of(const struct name_index *index, struct str name)
{
    size_t at = hash(name) & (index->capacity - 1);
    while (index->slots[at].name.bytes && !str_equal(index->slots[at].name, name))
        at = (at + 1) & (index->capacity - 1);
    return &index->slots[at];
}

void name_index_put(struct name_index *index, struct str name, size_t number)
{
    struct name_slot *slot = slot_of(index, name);
    if (!slot->name.bytes) {
        assert(index->count < index->capacity / 2);
        index->count++;
        slot->name = str_from(name.bytes, name.size);
    }
    slot->number = number;
}

bool name_index_find(const struct name_index *index, struct str name, size_t *out)
{
    const struct name_slot *slot = slot_of(index, name);
    if (!slot->name.bytes)
        return false;
    *out = slot->number;
    return true;
}
