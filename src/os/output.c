// SPDX-License-Identifier: MIT
// Pipes are as large as the kernel gives: node drops what does not fit the pipe when it exits, and
// each wake-up moves more.
#include "os/output.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

size_t output_pipe_bytes(unsigned process_count)
{
    enum { LARGEST = 1024 * 1024, ALL_TOGETHER = 32 * 1024 * 1024, SMALLEST = 64 * 1024 };
    size_t bytes = LARGEST;
    while (bytes > SMALLEST && bytes * process_count > ALL_TOGETHER)
        bytes /= 2;
    return bytes;
}

int output_pipe(size_t bytes, struct output_pair *out)
{
    enum { GIVEN_ANYWAY = 64 * 1024 };
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    while (fcntl(ends[0], F_SETPIPE_SZ, (int)bytes) < 0 && bytes > GIVEN_ANYWAY)
        bytes /= 2;
    *out = (struct output_pair){.near = ends[0], .far = ends[1]};
    return 0;
}

static struct winsize own_size(unsigned margin)
{
    enum { LEAST_COLUMNS = 20 }; // what is narrower is of no use: then lines are broken
    struct winsize size;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
            if (size.ws_col >= margin + LEAST_COLUMNS)
                size.ws_col = (unsigned short)(size.ws_col - margin);
            return size;
        }
    return (struct winsize){.ws_row = 24, .ws_col = 80};
}

int output_terminal(unsigned margin, struct output_pair *out)
{
    struct winsize size = own_size(margin);
    int near = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (near < 0)
        return -errno;
    char path[64];
    int far = -1;
    if (grantpt(near) == 0 && unlockpt(near) == 0 && ptsname_r(near, path, sizeof(path)) == 0)
        far = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (far < 0) {
        int error = errno;
        (void)close(near);
        return -error;
    }
    (void)ioctl(near, TIOCSWINSZ, &size);
    *out = (struct output_pair){.near = near, .far = far};
    return 0;
}

void output_terminal_resize(int near, unsigned margin)
{
    struct winsize size = own_size(margin);
    (void)ioctl(near, TIOCSWINSZ, &size);
}

size_t output_waiting_bytes(int near)
{
    // A terminal's bytes pass through a work queue of the kernel, which FIONREAD does not count and
    // read(2) waits for. The queue and the terminal itself hold 68 KiB.
    enum { TERMINAL_HOLDS = 128 * 1024 };
    int count = 0;
    if (isatty(near))
        return TERMINAL_HOLDS;
    return ioctl(near, FIONREAD, &count) == 0 && count > 0 ? (size_t)count : 0;
}
