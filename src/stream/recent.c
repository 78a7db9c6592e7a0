// SPDX-License-Identifier: MIT
// A ring of records, each in one piece. What is overwritten is given up before it is touched, and a
// record counts only once it is whole, so a writer may be killed between any two instructions.
#include "stream/recent.h"

#include <stdatomic.h>
#include <string.h>

struct record {
    uint64_t sequence;
    int64_t at;
    uint32_t owner;
    uint16_t size; // PADDING: nothing more up to the ring's end
    uint16_t is_cut;
};

#define PADDING UINT16_MAX

_Static_assert(RECENT_LINE_BYTES < PADDING, "a size fits its field");
_Static_assert(RECENT_RING_BYTES % 8 == 0, "records are aligned");

static size_t offset_of(uint64_t at)
{
    return (size_t)(at % RECENT_RING_BYTES);
}

static size_t whole_size(size_t line_bytes)
{
    return sizeof(struct record) + (line_bytes + 7) / 8 * 8;
}

static const struct record *record_at(const struct recent_ring *ring, uint64_t at)
{
    return (const struct record *)(const void *)(ring->bytes + offset_of(at));
}

// How much of the ring's end is left empty at this position; 0: a record is there.
static size_t padding_at(const struct recent_ring *ring, uint64_t at)
{
    size_t rest = RECENT_RING_BYTES - offset_of(at);
    return rest < sizeof(struct record) || record_at(ring, at)->size == PADDING ? rest : 0;
}

static uint64_t behind(const struct recent_ring *ring, uint64_t at)
{
    size_t padding = padding_at(ring, at);
    return at + (padding ? padding : whole_size(record_at(ring, at)->size));
}

// Makes room at the end, and returns where.
static uint64_t make_room(struct recent_ring *ring, size_t size)
{
    uint64_t at = ring->end;
    size_t rest = RECENT_RING_BYTES - offset_of(at);
    uint64_t start = rest < size ? at + rest : at;
    while (start + size - ring->first > RECENT_RING_BYTES)
        ring->first = behind(ring, ring->first);
    atomic_signal_fence(memory_order_seq_cst);
    if (start != at && rest >= sizeof(struct record)) {
        const struct record padding = {.size = PADDING};
        memcpy(ring->bytes + offset_of(at), &padding, sizeof(padding));
    }
    return start;
}

// Of a line that is too long: its start, or if it was written over itself, that of its last state.
static struct str part_to_keep(struct str line)
{
    struct str end = line;
    while (end.size > 0 && end.bytes[end.size - 1] == '\r')
        end.size--;
    const char *returned = memrchr(end.bytes, '\r', end.size);
    if (returned)
        end = str_slice(end, (size_t)(returned + 1 - end.bytes), end.size);
    return str_slice(returned ? end : line, 0, RECENT_LINE_BYTES);
}

uint64_t recent_add(struct recent *recent, unsigned source, uint32_t owner, nsec_t at,
                    struct str line)
{
    struct recent_ring *ring = &recent->rings[source];
    struct record record = {
        .sequence = ++recent->newest,
        .at = at,
        .owner = owner,
        .is_cut = line.size > RECENT_LINE_BYTES,
    };
    if (record.is_cut)
        line = part_to_keep(line);
    record.size = (uint16_t)line.size;
    uint64_t start = make_room(ring, whole_size(line.size));
    char *to = ring->bytes + offset_of(start);
    memcpy(to, &record, sizeof(record));
    memcpy(to + sizeof(record), line.bytes, line.size);
    atomic_signal_fence(memory_order_seq_cst);
    ring->end = start + whole_size(line.size);
    return record.sequence;
}

// From which one on all fit into an empty ring.
static size_t first_to_keep(const struct str *lines, size_t count)
{
    size_t room = RECENT_RING_BYTES;
    while (count > 0) {
        size_t size = lines[count - 1].size;
        size = whole_size(size < RECENT_LINE_BYTES ? size : RECENT_LINE_BYTES);
        if (size > room)
            break;
        room -= size;
        count--;
    }
    return count;
}

uint64_t recent_add_all(struct recent *recent, unsigned source, uint32_t owner, nsec_t at,
                        const struct str *lines, size_t count)
{
    size_t first = first_to_keep(lines, count);
    recent->newest += first;
    for (size_t i = first; i < count; i++)
        (void)recent_add(recent, source, owner, at, lines[i]);
    return recent->newest;
}

bool recent_next(const struct recent *recent, unsigned source, uint64_t *cursor,
                 struct recent_line *out)
{
    const struct recent_ring *ring = &recent->rings[source];
    uint64_t at = *cursor < ring->first ? ring->first : *cursor;
    if (at < ring->end)
        at += padding_at(ring, at);
    *cursor = at;
    if (at >= ring->end)
        return false;
    const struct record *record = record_at(ring, at);
    *out = (struct recent_line){
        .sequence = record->sequence,
        .at = record->at,
        .owner = record->owner,
        .is_cut = record->is_cut,
        .text = str_from(ring->bytes + offset_of(at) + sizeof(*record), record->size),
    };
    *cursor = behind(ring, at);
    return true;
}
