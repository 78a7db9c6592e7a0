// SPDX-License-Identifier: MIT
// Limits are written into a process's folders before each of its lives, so a plan that has changed
// them is obeyed by the next one, for which the process is rolled (plan/merge.h).
#include "manager/state.h"

#include "config/diagnostic.h"
#include "manager/limiting.h"
#include "os/oom.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

// Who is in the supervisor's own cgroup folder. Returns how many.
static size_t list_supervisors(const struct manager *manager, pid_t out[3])
{
    size_t count = 0;
    out[count++] = getpid();
    out[count++] = manager->board->guard_pid;
    if (manager->board->witness_pid > 0)
        out[count++] = manager->board->witness_pid;
    return count;
}

int limits_need(struct manager *manager, const struct plan *plan, struct diagnostics *diagnostics)
{
    pid_t supervisors[3];
    size_t supervisor_count = list_supervisors(manager, supervisors);
    int result = 0;
    for (size_t i = 0; i < plan->type_count; i++) {
        const struct process_type *type = &plan->types[i];
        struct controller_amounts amounts = limiting_amounts(type);
        for (int which = 0; which < CONTROLLERS && !type->is_gone; which++) {
            struct error error;
            if (amounts.of[which] == 0 ||
                controllers_need(&manager->controllers, &manager->tree, (enum controller)which,
                                 supervisors, supervisor_count, &error) == 0)
                continue;
            diagnostics_error(diagnostics, type->confinement.tree.origin,
                              "the %s of '%.*s' cannot be limited: %s",
                              limiting_subject((enum controller)which), STR_ARGS(type->name),
                              error.text);
            result = -EINVAL;
        }
    }
    return result;
}

int limits_put(struct process *process, int fds[CONTROLLERS])
{
    const struct manager *manager = process->manager;
    const struct process_record *record = supervisor_process(manager->supervisor, process->slot);
    struct controller_amounts amounts = limiting_amounts(&manager->plan->types[record->id.type]);
    return controllers_limit(&manager->controllers, &manager->tree, process->name, &amounts, fds);
}

unsigned long limits_oom_kills(const struct process *process)
{
    const struct manager *manager = process->manager;
    return oom_kills(&manager->tree, manager->controllers.groups[CONTROLLER_MEMORY], process->name);
}

void limits_count_own(struct manager *manager)
{
    manager->memory->oom_kills = oom_kills_here();
}

// Who else lives in our folder and was killed so was told as that, and counted: news.c.
int limits_end_of_manager(struct manager *manager)
{
    int status = atomic_load(&manager->board->manager_status);
    unsigned long before = manager->memory->oom_kills;
    limits_count_own(manager);
    bool is_of_kernel = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    return is_of_kernel && manager->memory->oom_kills > before ? status | EXIT_OUT_OF_MEMORY
                                                               : status;
}
