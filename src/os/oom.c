// SPDX-License-Identifier: MIT
// memory.events has a line for each thing that is counted, "oom_kill 1" among them, with what
// happened in the folders below.
#include "os/oom.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef OOM_EVENTS_FILE
#define OOM_EVENTS_FILE "%s/memory.events" // in the tree's folder
#endif

// Without a newline in front of it, it could be the end of another one's name.
#define COUNTER "\noom_kill "

static ssize_t read_events(const struct tree *tree, const char *branch, char *out, size_t size)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), OOM_EVENTS_FILE, branch);
    int fd = openat(tree->fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t got = read(fd, out, size);
    (void)close(fd);
    return got;
}

unsigned long oom_kills(const struct tree *tree, const char *branch)
{
    char text[1024] = "\n"; // there are some hundred bytes
    if (tree->fd < 0 || read_events(tree, branch, text + 1, sizeof(text) - 2) <= 0)
        return 0;
    const char *counter = strstr(text, COUNTER);
    return counter ? strtoul(counter + strlen(COUNTER), NULL, 10) : 0;
}
