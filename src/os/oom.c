// SPDX-License-Identifier: MIT
// memory.events has a line for each thing that is counted, "oom_kill 1" among them, with what
// happened in the folders below. So has memory.oom_control of version 1, for the folder alone.
#include "os/oom.h"

#include "os/hierarchy.h"

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

// The count of a branch's file, or of its folder's for "."; 0 where nobody counts.
static unsigned long read_count(int folder, const char *format, const char *branch)
{
    char path[PATH_MAX];
    char text[1024] = "\n"; // there are some hundred bytes
    (void)snprintf(path, sizeof(path), format, branch);
    int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text + 1, sizeof(text) - 2);
    if (fd >= 0)
        (void)close(fd);
    const char *counter = got > 0 ? strstr(text, COUNTER) : NULL;
    return counter ? strtoul(counter + strlen(COUNTER), NULL, 10) : 0;
}

unsigned long oom_kills(const struct tree *tree, int group_fd, const char *branch)
{
    return (tree->fd >= 0 ? read_count(tree->fd, OOM_EVENTS_FILE, branch) : 0) +
           (group_fd >= 0 ? read_count(group_fd, "%s/memory.oom_control", branch) : 0);
}

// Of version 2 without what happened in the folders below, where the processes are.
unsigned long oom_kills_here(void)
{
    const int folders[] = {tree_open_own_folder(), hierarchy_open("memory")};
    static const char *const files[] = {"%s/memory.events.local", "%s/memory.oom_control"};
    unsigned long count = 0;
    for (int i = 0; i < 2; i++) {
        if (folders[i] < 0)
            continue;
        count += read_count(folders[i], files[i], ".");
        (void)close(folders[i]);
    }
    return count;
}
