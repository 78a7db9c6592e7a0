// SPDX-License-Identifier: MIT
// A few of each are kept for the next one who asks. A pipe that is smaller than what it is for is
// none: the kernel gives those to users who have many (pipe(7), pipe-user-pages-soft), and reading
// and writing is better than carrying drops.
#include "route/pool.h"

#include "base/limits.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { KEPT_BLOCKS = 8, KEPT_PIPES = 16, LEAST_PIPE_BYTES = 64 * 1024, TRIES_LEFT_OUT = 256 };

void pool_fini(struct pool *pool)
{
    while (pool->blocks) {
        struct pool_block *block = pool->blocks;
        pool->blocks = block->next;
        free(block);
    }
    while (pool->pipes) {
        struct pool_pipe *pipe = pool->pipes;
        pool->pipes = pipe->next;
        (void)close(pipe->read_end);
        (void)close(pipe->write_end);
        free(pipe);
    }
}

struct pool_block *pool_take_block(struct pool *pool)
{
    struct pool_block *block = pool->blocks;
    if (block) {
        pool->blocks = block->next;
        pool->free_block_count--;
        return block;
    }
    if (pool->block_count >= LIMIT_ROUTE_BLOCKS)
        return NULL;
    block = malloc(sizeof(*block));
    if (block)
        pool->block_count++;
    return block;
}

void pool_give_block(struct pool *pool, struct pool_block *block)
{
    if (pool->free_block_count >= KEPT_BLOCKS) {
        free(block);
        pool->block_count--;
        return;
    }
    block->next = pool->blocks;
    pool->blocks = block;
    pool->free_block_count++;
}

static bool make_pipe(struct pool_pipe *pipe)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return false;
    if (fcntl(ends[1], F_SETPIPE_SZ, POOL_PIPE_BYTES) < 0 &&
        fcntl(ends[1], F_GETPIPE_SZ) < LEAST_PIPE_BYTES) {
        (void)close(ends[0]);
        (void)close(ends[1]);
        return false;
    }
    *pipe = (struct pool_pipe){.read_end = ends[0], .write_end = ends[1]};
    return true;
}

struct pool_pipe *pool_take_pipe(struct pool *pool)
{
    struct pool_pipe *pipe = pool->pipes;
    if (pipe) {
        pool->pipes = pipe->next;
        pool->free_pipe_count--;
        return pipe;
    }
    if (pool->without > 0) {
        pool->without--;
        return NULL;
    }
    if (pool->pipe_count >= pool->most_pipes)
        return NULL;
    pipe = malloc(sizeof(*pipe));
    if (!pipe || !make_pipe(pipe)) {
        free(pipe);
        pool->without = TRIES_LEFT_OUT;
        return NULL;
    }
    pool->pipe_count++;
    return pipe;
}

void pool_give_pipe(struct pool *pool, struct pool_pipe *pipe, bool is_empty)
{
    if (is_empty && pool->free_pipe_count < KEPT_PIPES) {
        pipe->next = pool->pipes;
        pool->pipes = pipe;
        pool->free_pipe_count++;
        return;
    }
    (void)close(pipe->read_end);
    (void)close(pipe->write_end);
    free(pipe);
    pool->pipe_count--;
}
