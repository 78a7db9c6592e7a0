// SPDX-License-Identifier: MIT
// /proc/PID/task/TID/children (proc(5)) lists the children of each thread, the oldest first; an
// orphan is appended to the list of whoever adopts it. A list longer than a page is read in pieces,
// and a child that is reaped in between may hide another one this time: who must know for certain
// looks again.
#include "os/kin.h"

#include "os/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// More than any machine has pids: a walk that meets pids which are used anew must end too.
enum { KIN_MOST = 1 << 22, FIRST_CAPACITY = 64 };

void kin_fini(struct kin_list *list)
{
    free(list->items);
    *list = (struct kin_list){0};
}

bool kin_add(struct kin_list *list, struct kin kin)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : FIRST_CAPACITY;
        struct kin *items =
            capacity > KIN_MOST ? NULL : realloc(list->items, capacity * sizeof(*items));
        if (!items)
            return false;
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = kin;
    return true;
}

static int add_listed(struct kin_list *list, int fd, pid_t parent)
{
    char piece[4096];
    pid_t pid = 0; // a number may go on in the next piece
    ssize_t size;
    while ((size = read(fd, piece, sizeof(piece))) > 0) {
        for (ssize_t i = 0; i < size; i++) {
            if (piece[i] >= '0' && piece[i] <= '9') {
                pid = 10 * pid + (piece[i] - '0');
                continue;
            }
            if (pid > 0 && !kin_add(list, (struct kin){pid, parent}))
                return -ENOMEM;
            pid = 0;
        }
    }
    return size < 0 ? -errno : 0;
}

// Returns whether there was a list.
static bool add_children_of_thread(struct kin_list *list, pid_t pid, pid_t thread, int *result)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, thread);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        *result = -errno;
        return false;
    }
    int added = add_listed(list, fd, pid);
    if (added < 0)
        *result = added;
    (void)close(fd);
    return true;
}

int kin_add_children(struct kin_list *list, pid_t pid)
{
    char path[64];
    int result = 0;
    bool has_lists = add_children_of_thread(list, pid, pid, &result);
    (void)snprintf(path, sizeof(path), "/proc/%d/task", pid);
    DIR *threads = has_lists && pid != getpid() ? opendir(path) : NULL; // we have no threads
    for (struct dirent *entry; threads && (entry = readdir(threads));) {
        pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);
        int ignored; // one that has just ended
        if (thread > 0 && thread != pid)
            (void)add_children_of_thread(list, pid, thread, &ignored);
    }
    if (threads)
        (void)closedir(threads);
    return result;
}

void kin_descend(struct kin_list *list, size_t first)
{
    for (size_t i = first; i < list->count; i++)
        (void)kin_add_children(list, list->items[i].pid);
}

bool kin_lives(struct kin kin, pid_t adopter)
{
    struct proc_status status;
    if (proc_read_status(kin.pid, &status) < 0 || status.state == 'Z' || status.state == 'X')
        return false;
    return status.parent == kin.parent || status.parent == adopter;
}

static size_t home_of(pid_t pid)
{
    return (uint32_t)pid * UINT32_C(2654435761) % KIN_SET_SIZE; // Knuth's multiplicative hash
}

void kin_set_clear(struct kin_set *set)
{
    if (set->count > 0)
        memset(set, 0, sizeof(*set));
}

void kin_set_add(struct kin_set *set, pid_t pid)
{
    size_t at = home_of(pid);
    while (set->pids[at] != 0 && set->pids[at] != pid)
        at = (at + 1) % KIN_SET_SIZE;
    if (set->pids[at] == 0 && set->count < KIN_SET_SIZE - 1) {
        set->pids[at] = pid;
        set->count++;
    }
}

bool kin_set_has(const struct kin_set *set, pid_t pid)
{
    for (size_t at = home_of(pid); set->pids[at] != 0; at = (at + 1) % KIN_SET_SIZE)
        if (set->pids[at] == pid)
            return true;
    return false;
}
