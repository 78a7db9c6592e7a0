// SPDX-License-Identifier: MIT
// Writers with a pipe each, for whoever only has to read.
#pragma once

#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

// As large as formation makes its own, so that what is compared is not the size of a pipe.
static inline int feed_pipe_bytes(size_t count)
{
    enum { LARGEST = 1024 * 1024, ALL_TOGETHER = 32 * 1024 * 1024, SMALLEST = 64 * 1024 };
    size_t bytes = LARGEST;
    while (bytes > SMALLEST && bytes * count > ALL_TOGETHER)
        bytes /= 2;
    return (int)bytes;
}

// Starts `program`, one of `count`. Returns the end to read from, which no child inherits; -1.
static inline int feed_start(char *program, size_t count)
{
    int output[2];
    if (pipe2(output, O_CLOEXEC) < 0)
        return -1;
    (void)fcntl(output[1], F_SETPIPE_SZ, feed_pipe_bytes(count));
    pid_t pid = fork();
    if (pid == 0) {
        char *argv[] = {program, NULL};
        dup2(output[1], STDOUT_FILENO);
        execv(program, argv);
        _exit(127);
    }
    close(output[1]);
    if (pid > 0)
        return output[0];
    close(output[0]);
    return -1;
}
