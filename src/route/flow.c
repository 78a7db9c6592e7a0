// SPDX-License-Identifier: MIT
// Three ways, by what comes. A few bytes are read into a block and written from it: two calls, and
// less than a pipe would cost. Once a whole block comes at a time, bytes are spliced through a pipe
// and never copied (bench/route measures both). And if all blocks hold what others do not take,
// bytes are only looked at (MSG_PEEK), written, and taken off when they are written: that holds
// nothing at all.
#include "route/flow.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

enum {
    ROUNDS = 4,                    // … of a block or a pipe, then it is others' turn
    LITTLE = POOL_BLOCK_BYTES / 4, // in a pipe: not worth it
};

static enum flow_news news_of_source(int error)
{
    switch (error) {
    case EAGAIN:
        return FLOW_DRY;
    case EINTR:
        return FLOW_GOES_ON;
    case ENOMEM:
    case ENOBUFS:
        return FLOW_SHORT;
    default:
        return FLOW_SOURCE_LOST;
    }
}

static enum flow_news news_of_target(int error)
{
    switch (error) {
    case EAGAIN:
        return FLOW_STUCK;
    case EINTR:
        return FLOW_GOES_ON;
    case ENOMEM:
    case ENOBUFS:
        return FLOW_SHORT;
    default:
        return FLOW_TARGET_LOST;
    }
}

void flow_fini(struct flow *flow, struct pool *pool)
{
    if (flow->block)
        pool_give_block(pool, flow->block);
    if (flow->pipe)
        pool_give_pipe(pool, flow->pipe, flow->size == 0);
    flow->block = NULL;
    flow->pipe = NULL;
    flow->size = 0;
}

// Writes from what it holds until that is empty (FLOW_GOES_ON). An empty block goes back at once, a
// pipe is kept for the next piece.
static enum flow_news flush(struct flow *flow, struct pool *pool, int target, uint64_t *moved)
{
    while (flow->size > 0) {
        ssize_t size = flow->block
                           ? send(target, flow->block->bytes + flow->from, flow->size, MSG_NOSIGNAL)
                           : splice(flow->pipe->read_end, NULL, target, NULL, flow->size,
                                    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        enum flow_news news = size < 0 ? news_of_target(errno) : FLOW_GOES_ON;
        if (news == FLOW_TARGET_LOST)
            flow_fini(flow, pool);
        if (news != FLOW_GOES_ON)
            return news;
        if (size > 0) {
            flow->from += (uint32_t)size;
            flow->size -= (uint32_t)size;
            *moved += (uint64_t)size;
        }
    }
    if (flow->block)
        pool_give_block(pool, flow->block);
    flow->block = NULL;
    return FLOW_GOES_ON;
}

// Fills the empty pipe.
static enum flow_news fill_pipe(struct flow *flow, int source)
{
    ssize_t size = splice(source, NULL, flow->pipe->write_end, NULL, POOL_PIPE_BYTES,
                          SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (size < 0 && errno == EINVAL) {
        flow->is_unfit = true;
        return FLOW_GOES_ON;
    }
    if (size < 0)
        return news_of_source(errno);
    if (size == 0)
        return FLOW_ENDED;
    flow->is_bulk = size >= LITTLE;
    flow->size = (uint32_t)size;
    return FLOW_GOES_ON;
}

// Fills the empty block. Less than that is all that there was: epoll(7), question 9.
static enum flow_news fill_block(struct flow *flow, int source, bool has_end, bool *is_all)
{
    ssize_t size = recv(source, flow->block->bytes, POOL_BLOCK_BYTES, 0);
    if (size < 0)
        return news_of_source(errno);
    if (size == 0)
        return FLOW_ENDED;
    flow->is_bulk = size == POOL_BLOCK_BYTES;
    *is_all = !flow->is_bulk && !has_end;
    flow->from = 0;
    flow->size = (uint32_t)size;
    return FLOW_GOES_ON;
}

static enum flow_news peek_and_write(struct pool *pool, int source, int target, uint64_t *moved)
{
    ssize_t size = recv(source, pool->last.bytes, POOL_BLOCK_BYTES, MSG_PEEK);
    if (size < 0)
        return news_of_source(errno);
    if (size == 0)
        return FLOW_ENDED;
    ssize_t written = send(target, pool->last.bytes, (size_t)size, MSG_NOSIGNAL);
    if (written < 0)
        return news_of_target(errno);
    *moved += (uint64_t)written;
    while (written > 0) { // they are there
        size = recv(source, pool->last.bytes, (size_t)written, 0);
        if (size < 0 && errno != EINTR)
            return FLOW_SOURCE_LOST;
        written -= size > 0 ? size : 0;
    }
    return FLOW_GOES_ON;
}

static bool wants_pipe(struct flow *flow, struct pool *pool)
{
    if (!flow->is_bulk || flow->is_unfit)
        return false;
    if (!flow->pipe)
        flow->pipe = pool_take_pipe(pool);
    return flow->pipe;
}

// One piece, if nothing is held.
static enum flow_news move_piece(struct flow *flow, struct pool *pool, int source, int target,
                                 bool has_end, uint64_t *moved)
{
    bool is_all = false;
    enum flow_news news;
    if (wants_pipe(flow, pool)) {
        news = fill_pipe(flow, source);
    } else {
        flow_fini(flow, pool);
        flow->block = pool_take_block(pool);
        if (!flow->block)
            return peek_and_write(pool, source, target, moved);
        news = fill_block(flow, source, has_end, &is_all);
    }
    if (news == FLOW_GOES_ON)
        news = flush(flow, pool, target, moved);
    if (news == FLOW_DRY)
        flow->is_bulk = false;
    return news == FLOW_GOES_ON && is_all ? FLOW_DRY : news;
}

enum flow_news flow_move(struct flow *flow, struct pool *pool, int source, int target, bool has_end,
                         uint64_t *moved)
{
    enum flow_news news = flush(flow, pool, target, moved);
    for (unsigned i = 0; i < ROUNDS && news == FLOW_GOES_ON; i++)
        news = move_piece(flow, pool, source, target, has_end, moved);
    if (!flow_has_bytes(flow))
        flow_fini(flow, pool);
    return news == FLOW_GOES_ON ? FLOW_YIELDED : news;
}
