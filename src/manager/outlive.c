// SPDX-License-Identifier: MIT
// The guard was killed. Its children got SIGKILL from the kernel (parent-death signal); the rest of
// their trees is ended here, and what they had written is shown: with the guard gone nobody holds
// the writing ends any more, so every pipe comes to its end.
#include "manager/state.h"

#include "os/clock.h"

#include <signal.h>

void outlive_guard(struct manager *manager)
{
    enum { PATIENCE_MS = 5000 };
    const nsec_t show_limit = 5 * NSEC_PER_SEC;
    unsigned left = tree_kill_all(&manager->tree, PATIENCE_MS);
    for (unsigned slot = 0; slot < supervisor_slot_count(manager->supervisor); slot++) {
        struct process *process = process_of(manager, slot);
        while (process && !output_read_rest(process, true) &&
               outlet_drain(&manager->show.outlet, show_limit) == OUTLET_IDLE) {
        }
    }
    show_now(&manager->show);
    show_system(&manager->show, str_of(left ? "the guard was killed; not all processes could be ended"
                                            : "the guard was killed; all processes were ended"));
    (void)outlet_drain(&manager->show.outlet, show_limit);
    manager->is_over = true;
    manager->exit_status = 128 + SIGKILL;
}
