// SPDX-License-Identifier: MIT
// Positions are counted in bytes that never go back, so that full, empty and wrapped need no flags.
// Common launches go round in a window at the front, though there is room for more: pages that were
// never touched cost nothing. One that is larger than the window waits until all is read and then
// has the whole ring.
#include "guard/link.h"

enum { WINDOW_BYTES = 256 * 1024 };

_Static_assert(BOARD_LAUNCH_BYTES % WINDOW_BYTES == 0, "both go round at the same position");

static size_t way_round(size_t size)
{
    return size > WINDOW_BYTES ? BOARD_LAUNCH_BYTES : WINDOW_BYTES;
}

static size_t offset_of(uint64_t at, size_t size)
{
    return (size_t)(at % way_round(size));
}

// Where something in one piece can begin, at `at` or behind it.
static uint64_t next_start(uint64_t at, size_t size, bool is_empty)
{
    size_t way = way_round(size);
    size_t offset = (size_t)(at % way);
    bool fits = !is_empty && size <= way - offset;
    return offset == 0 || fits ? at : at + (way - offset);
}

void launch_ring_init(struct launch_ring *ring, struct board *board)
{
    uint64_t read = atomic_load(&board->launches_read);
    *ring = (struct launch_ring){.board = board, .written = read};
}

char *launch_ring_reserve(struct launch_ring *ring, size_t size, uint64_t *at)
{
    uint64_t read = atomic_load_explicit(&ring->board->launches_read, memory_order_acquire);
    bool is_empty = read == ring->written;
    uint64_t start = next_start(ring->written, size, is_empty);
    // What was skipped to begin at the front again is no launch that waits to be read.
    uint64_t oldest = read > ring->emptied ? read : ring->emptied;
    if (is_empty)
        ring->emptied = start;
    else if (start + size - oldest > WINDOW_BYTES)
        return NULL;
    ring->written = start + size;
    *at = start;
    return ring->board->launch + offset_of(start, size);
}

const char *launch_ring_read(struct board *board, const struct guard_request *request)
{
    size_t size = request->launch_size;
    size_t offset = offset_of(request->launch_at, size);
    if (size == 0 || size > BOARD_LAUNCH_BYTES - offset)
        return NULL;
    const char *launch = board->launch + offset;
    return launch[size - 1] == '\0' ? launch : NULL;
}

void launch_ring_release(struct board *board, const struct guard_request *request)
{
    atomic_store_explicit(&board->launches_read, request->launch_at + request->launch_size,
                          memory_order_release);
}
