// SPDX-License-Identifier: MIT
// Where a process writes to: a pipe or a pseudo-terminal, and what is needed to read from it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// Both ends of one process's output. `near` is read by us, not blocking; `far` becomes its
// descriptors 1 and 2, and 0 too if it is a terminal. Both close-on-exec.
struct output_pair {
    int near;
    int far;
};

// Bytes that a pipe may hold, for a formation of so many processes: 1 MiB each for few, less for
// many, since the kernel limits what one user's pipes may hold together
// (/proc/sys/fs/pipe-user-pages-soft, pipe(7)).
size_t output_pipe_bytes(unsigned process_count);

int output_pipe(size_t bytes, struct output_pair *out); // 0 or -errno; a smaller pipe is no error

// Of this terminal's size, `margin` columns narrower, else 80 × 24.
int output_terminal(unsigned margin, struct output_pair *out);
void output_terminal_resize(int near, unsigned margin);

// Bytes that can be read right now, or somewhat more.
size_t output_waiting_bytes(int near);
