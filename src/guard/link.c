// SPDX-License-Identifier: MIT
// Positions are counted in bytes that never go back, so that full, empty and wrapped need no flags.
// A way round ends after LAP_BYTES, though there is room for more: pages that were never touched
// cost nothing. The next way begins at the front once the guard has read everything.
#include "guard/link.h"

enum { LAP_BYTES = 256 * 1024 };

static size_t offset_of(uint64_t at)
{
    return (size_t)(at % BOARD_LAUNCH_BYTES);
}

void launch_ring_init(struct launch_ring *ring, struct board *board)
{
    uint64_t read = atomic_load(&board->launches_read);
    *ring = (struct launch_ring){.board = board, .written = read, .lap = read};
}

char *launch_ring_reserve(struct launch_ring *ring, size_t size, uint64_t *at)
{
    uint64_t read = atomic_load_explicit(&ring->board->launches_read, memory_order_acquire);
    uint64_t start = ring->written;
    bool is_empty = read == start;
    if (is_empty)
        ring->lap = start += (BOARD_LAUNCH_BYTES - offset_of(start)) % BOARD_LAUNCH_BYTES;
    else if (start - ring->lap + size > LAP_BYTES)
        return NULL;
    ring->written = start + size;
    *at = start;
    return ring->board->launch + offset_of(start);
}

const char *launch_ring_read(struct board *board, const struct guard_request *request)
{
    size_t offset = offset_of(request->launch_at);
    size_t size = request->launch_size;
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
