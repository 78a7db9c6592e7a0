// SPDX-License-Identifier: MIT
// The kernel tells the inode of a socket that listens; whose it is stands in /proc/PID/fd only.
#include "os/holder.h"

#include "os/diag.h"
#include "os/proc.h"

#include <dirent.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINK_BYTES = 48 };

struct holder_search {
    struct holder *out;
    uint32_t inode; // 0: nobody listens
    char link[LINK_BYTES];
    bool is_found;
};

static void note(const struct diag_tcp *socket, void *context)
{
    struct holder_search *search = context;
    if (search->inode != 0 || socket->inode == 0)
        return;
    search->inode = socket->inode;
    search->out->uid = socket->uid;
}

static bool has_descriptor(pid_t pid, const char *wanted)
{
    char path[LINK_BYTES];
    char link[LINK_BYTES];
    bool has = false;
    (void)snprintf(path, sizeof(path), "/proc/%d/fd", pid);
    DIR *folder = opendir(path);
    if (!folder)
        return false;
    for (const struct dirent *entry; !has && (entry = readdir(folder));) {
        ssize_t size = readlinkat(dirfd(folder), entry->d_name, link, sizeof(link) - 1);
        if (size > 0) {
            link[size] = '\0';
            has = strcmp(link, wanted) == 0;
        }
    }
    (void)closedir(folder);
    return has;
}

static bool visit(pid_t pid, void *context)
{
    struct holder_search *search = context;
    search->is_found = has_descriptor(pid, search->link);
    search->out->pid = pid;
    return !search->is_found;
}

void holder_name(struct holder *holder)
{
    proc_read_name(holder->pid, holder->name, sizeof(holder->name));
    if (!holder->name[0])
        (void)snprintf(holder->name, sizeof(holder->name), "?");
}

enum holder_outcome holder_find(int family, uint16_t port, struct holder *out)
{
    const uint32_t states = 1U << TCP_LISTEN;
    struct holder_search search = {.out = out};
    *out = (struct holder){0};
    if (family != AF_INET6)
        (void)diag_each_tcp(AF_INET, states, port, note, &search);
    // One of IPv6 may take IPv4, too.
    (void)diag_each_tcp(AF_INET6, states, port, note, &search);
    if (search.inode == 0)
        return HOLDER_UNKNOWN;
    (void)snprintf(search.link, sizeof(search.link), "socket:[%u]", search.inode);
    (void)proc_each(visit, &search);
    if (!search.is_found)
        return HOLDER_HIDDEN;
    holder_name(out);
    return HOLDER_FOUND;
}
