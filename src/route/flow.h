// SPDX-License-Identifier: MIT
// The bytes of one direction of a connection, in order, each once: from one socket to another,
// which both do not block. Nothing is read while the target takes nothing, so a slow reader slows
// its writer, as it would without us.
#pragma once

#include "route/pool.h"

#include <stdbool.h>
#include <stdint.h>

// Zero-initialise. Holds a block or a pipe only while there are bytes in it.
struct flow {
    struct pool_block *block;
    struct pool_pipe *pipe;
    uint32_t from; // in the block: where the bytes begin that are not written yet
    uint32_t size; // of them, in the block or the pipe
    bool is_bulk;  // what comes is worth a pipe
    bool is_unfit; // the sockets cannot be spliced
};

enum flow_news {
    FLOW_GOES_ON,
    FLOW_DRY,         // the source has nothing more at the moment
    FLOW_STUCK,       // the target takes nothing more at the moment
    FLOW_YIELDED,     // there may be more, but others have their turn
    FLOW_SHORT,       // the kernel has no memory; it is to be tried again soon
    FLOW_ENDED,       // the source has ended, and all of it was written
    FLOW_SOURCE_LOST, // … has been reset, and all that came before was written
    FLOW_TARGET_LOST, // … takes nothing more, ever
};

// Moves what can be moved, up to a bound. `has_end`: the source is known to have ended or failed:
// it is read until that is seen. Adds the written bytes to `moved`. Never FLOW_GOES_ON.
enum flow_news flow_move(struct flow *flow, struct pool *pool, int source, int target, bool has_end,
                         uint64_t *moved);

static inline bool flow_has_bytes(const struct flow *flow)
{
    return flow->size > 0;
}

// Gives back what it holds; the bytes in it are gone.
void flow_fini(struct flow *flow, struct pool *pool);
