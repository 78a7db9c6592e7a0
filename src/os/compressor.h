// SPDX-License-Identifier: MIT
// Files are compressed by a child with low priority, one after the other.
#pragma once

#include "os/check.h"
#include "os/loop.h"

#include <stdbool.h>
#include <stddef.h>

// Told of each file in its turn. `failure` is a sentence, or NULL: PATH.zst is there, or PATH was
// gone already. More may be added from within.
struct compressor;
typedef void compressor_done(struct compressor *compressor, const char *path, const char *failure);

// Zero-initialise.
struct compressor {
    struct loop *loop;
    const char *program; // borrowed
    compressor_done *done;
    char **paths; // those that wait, and first the one that is at work; owned
    size_t count;
    bool is_running;
    struct check check;
    int errors; // what the child says, to read from
};

// `program` is the path of one that understands `compress PATH`, as /proc/self/exe does. Whoever
// adds nothing pays nothing. 0 or -ENOMEM.
int compressor_open(struct compressor *compressor, struct loop *loop, const char *program,
                    compressor_done *done);

// 0, also when the path waits already; -ENOBUFS: LIMIT_COMPRESSIONS wait; or why no child can be
// started. Then the file stays as it is, to be added again. `path` is copied; `done` is not called.
int compressor_add(struct compressor *compressor, const char *path);

// Not from within `done`. Nothing more is told. A child that is at work is killed: it loses
// nothing, see os/compress.h, and what it has begun is removed.
void compressor_close(struct compressor *compressor);
