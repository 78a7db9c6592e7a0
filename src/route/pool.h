// SPDX-License-Identifier: MIT
// What bytes are in while they pass: blocks of memory and pipes, each bounded in number, so that
// clients that take nothing cost as much as clients that are idle once the bound is reached.
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { POOL_BLOCK_BYTES = 64 * 1024, POOL_PIPE_BYTES = 256 * 1024 };

struct pool_block {
    struct pool_block *next;
    char bytes[POOL_BLOCK_BYTES];
};

// Empty, and does not block.
struct pool_pipe {
    struct pool_pipe *next;
    int read_end;
    int write_end;
};

// Zero-initialise to use, but for:
struct pool {
    unsigned most_pipes;       // of them, each of two descriptors
    struct pool_block *blocks; // not in use
    struct pool_pipe *pipes;
    unsigned block_count; // all of them
    unsigned pipe_count;
    unsigned free_block_count;
    unsigned free_pipe_count;
    unsigned without;       // … so many times it is not tried to make a pipe
    struct pool_block last; // never lent: for what is read and given away at once
};

void pool_fini(struct pool *pool); // frees what is not in use

// NULL: there is none, or no more of them may be.
struct pool_block *pool_take_block(struct pool *pool);
void pool_give_block(struct pool *pool, struct pool_block *block);

struct pool_pipe *pool_take_pipe(struct pool *pool);
// `is_empty`: else it is closed, and what is in it is gone.
void pool_give_pipe(struct pool *pool, struct pool_pipe *pipe, bool is_empty);
