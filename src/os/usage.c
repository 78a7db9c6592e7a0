// SPDX-License-Identifier: MIT
// From /proc/PID/stat (proc(5)), which costs a few microseconds a process. The proportional set
// size would share out common pages fairly, but the kernel walks all pages for it.
#include "os/usage.h"

#include "os/proc.h"

#include <unistd.h>

void usage_read(const struct tree *tree, const char *name, pid_t leader, struct usage *out)
{
    struct kin_list members = {0};
    const nsec_t tick = NSEC_PER_SEC / sysconf(_SC_CLK_TCK);
    const uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    struct usage sum = {0};
    tree_branch_list(tree, name, leader, &members);
    for (size_t i = 0; i < members.count; i++) {
        struct proc_status status;
        if (proc_read_status(members.items[i].pid, &status) < 0 || status.state == 'Z')
            continue;
        sum.tasks++;
        sum.cpu += (nsec_t)status.cpu_ticks * tick;
        sum.memory_bytes += status.resident_pages * page_bytes;
    }
    kin_fini(&members);
    *out = sum;
}
