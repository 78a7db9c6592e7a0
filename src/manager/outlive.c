// SPDX-License-Identifier: MIT
// The guard was killed. Its children got SIGKILL from the kernel (parent-death signal); the rest of
// their trees is ended here, and what they had written is shown: with the guard gone nobody holds
// the writing ends any more, so every pipe comes to its end.
#include "manager/state.h"

#include <signal.h>
#include <sys/resource.h>

void outlive_guard(struct manager *manager)
{
    enum { PATIENCE_MS = 5000, HIGHEST_PRIORITY = -20 };
    (void)setpriority(PRIO_PROCESS, 0, HIGHEST_PRIORITY); // or a storm of forks is not outrun
    unsigned left = tree_kill_all(&manager->tree, PATIENCE_MS);
    for (unsigned slot = 0; slot < supervisor_slot_count(manager->supervisor); slot++) {
        struct process *process = process_of(manager, slot);
        if (process)
            (void)output_read_rest(process, true);
    }
    show_now(&manager->show);
    show_system(&manager->show,
                str_of(left ? "the guard was killed; not all processes could be ended"
                            : "the guard was killed; all processes were ended"));
    manager->is_over = true;
    manager->exit_status = 128 + SIGKILL;
}
