// SPDX-License-Identifier: MIT
// Who outlives a main process: most often a program that has become a daemon, or what a shell was
// told to run in the background.
#include "manager/state.h"

#include "os/proc.h"
#include "view/foreground.h"

#include <stdio.h>
#include <string.h>

enum { NAMED = 5, NAME_BYTES = 16 };

// A process names itself as it likes.
static void read_name(pid_t pid, char out[NAME_BYTES])
{
    proc_read_name(pid, out, NAME_BYTES);
    for (char *at = out; *at; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
}

unsigned left_look(struct process *process)
{
    struct manager *manager = process->manager;
    struct left *left = &process->left;
    struct kin_list list = {0};
    pid_t leader = supervisor_process(manager->supervisor, process->slot)->pid;
    unsigned count = tree_branch_members(branch_tree(manager), process->name, leader, &list);
    size_t size = 0;
    size_t named = 0;
    *left = (struct left){0};
    for (size_t i = 0; i < list.count && named < NAMED; i++) {
        char name[NAME_BYTES];
        read_name(list.items[i].pid, name);
        if (!name[0])
            continue;
        int written = snprintf(left->who + size, sizeof(left->who) - size, "%s%s (pid %d)",
                               named > 0 ? ", " : "", name, list.items[i].pid);
        size += written > 0 ? (size_t)written : 0; // five of them have room
        named++;
        if (!left->program[0] && foreground_command(str_of(name)).size > 0)
            memcpy(left->program, name, sizeof(name));
    }
    if (named > 0 && count > named)
        (void)snprintf(left->who + size, sizeof(left->who) - size, " and %u more",
                       count - (unsigned)named);
    kin_fini(&list);
    return count;
}
