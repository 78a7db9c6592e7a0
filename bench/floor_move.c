// SPDX-License-Identifier: MIT
// floor_move copy|splice COUNT PROGRAM: the limits for output. The least that one process must do
// to bring the bytes of so many writers to its standard output: through memory, 64 KiB at a time,
// or without a look at them. Nothing is known of lines, so those of two writers may get mixed.
#include "feed.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

enum { COPY_BYTES = 64 * 1024, SPLICE_BYTES = 1024 * 1024, EVENTS = 64 };

static void move_copying(int input)
{
    static char bytes[COPY_BYTES];
    ssize_t got = read(input, bytes, sizeof bytes);
    if (got <= 0)
        exit(got < 0);
    for (ssize_t done = 0; done < got;) {
        ssize_t wrote = write(STDOUT_FILENO, bytes + done, (size_t)(got - done));
        if (wrote < 0)
            exit(1);
        done += wrote;
    }
}

static void move_splicing(int input)
{
    ssize_t moved = splice(input, NULL, STDOUT_FILENO, NULL, SPLICE_BYTES, SPLICE_F_MOVE);
    if (moved <= 0)
        exit(moved < 0);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    void (*move)(int) = strcmp(argv[1], "splice") == 0 ? move_splicing : move_copying;
    size_t count = strtoul(argv[2], NULL, 10);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int input = -1;
    for (size_t i = 0; i < count; i++) {
        input = feed_start(argv[3], count);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = input};
        if (input < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, input, &event) < 0)
            return 1;
    }
    while (count == 1)
        move(input); // which waits by itself
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++)
            move(events[i].data.fd);
    }
}
