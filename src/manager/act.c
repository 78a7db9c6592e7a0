// SPDX-License-Identifier: MIT
// Carrying out what was decided. What fails here comes back as an input, never as a decision.
#include "manager/state.h"

#include "os/channel.h"
#include "os/program.h"
#include "plan/launch.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void act_send(struct manager *manager, struct guard_request request, const int *fds,
              size_t fd_count)
{
    const struct timespec pause = {.tv_nsec = NSEC_PER_MSEC};
    int result;
    // Waits while the guard's queue is full; the guard never waits for us. The kernel may be short of
    // memory, or have too many descriptors under way (unix(7)) until the guard has taken some: a
    // request that is lost would be waited for in vain.
    while ((result = channel_send(MANAGER_CHANNEL, &request, sizeof(request), fds, fd_count,
                                  false)) == -ETOOMANYREFS ||
           result == -ENOMEM || result == -ENOBUFS)
        (void)nanosleep(&pause, NULL);
    if (result == -EPIPE)
        manager->guard_is_gone = true;
}

static void refuse(struct manager *manager, const struct action *action, enum spawn_stage stage,
                   int error)
{
    struct process *process = process_of(manager, action->slot);
    if (process)
        process->failed_stage = stage;
    decide_later(manager, (struct input){.kind = INPUT_SPAWN_FAILED,
                                         .slot = action->slot,
                                         .token = action->token,
                                         .value = error});
}

// The launch as the guard reads it: program, directory, arguments, environment, each with its NUL.
static size_t launch_bytes(const struct launch *launch, const char *program)
{
    size_t size = strlen(program) + 1 + strlen(launch->directory) + 1;
    for (size_t i = 0; i < launch->argc; i++)
        size += strlen(launch->argv[i]) + 1;
    for (size_t i = 0; i < launch->envc; i++)
        size += strlen(launch->envp[i]) + 1;
    return size;
}

static void write_launch(char *to, const struct launch *launch, const char *program)
{
    to = stpcpy(to, program) + 1;
    to = stpcpy(to, launch->directory) + 1;
    for (size_t i = 0; i < launch->argc; i++)
        to = stpcpy(to, launch->argv[i]) + 1;
    for (size_t i = 0; i < launch->envc; i++)
        to = stpcpy(to, launch->envp[i]) + 1;
}

// The ring is full while the guard is busy with earlier launches, a hundred and more; some hundred
// microseconds each. Looking more often than now and then would only take it the processor.
static char *reserve_launch(struct manager *manager, size_t size, uint64_t *at)
{
    const struct timespec pause = {.tv_nsec = 2 * NSEC_PER_MSEC};
    char *to;
    while (!(to = launch_ring_reserve(&manager->launches, size, at)) && !manager->guard_is_gone) {
        (void)nanosleep(&pause, NULL);
        if (getppid() != manager->board->guard_pid)
            manager->guard_is_gone = true;
    }
    return to;
}

// The descriptors that go with a spawn: the output's ends the first time, and the cgroup folder.
static size_t descriptors_of(struct process *process, int folder, int fds[CHANNEL_DESCRIPTORS],
                             uint32_t *flags)
{
    size_t count = 0;
    if (process->has_terminal)
        *flags |= GUARD_SPAWN_TERMINAL;
    if (process->far >= 0) {
        *flags |= GUARD_SPAWN_OUTPUT;
        fds[count++] = process->near;
        fds[count++] = process->far;
    }
    if (folder >= 0) {
        *flags |= GUARD_SPAWN_CGROUP;
        fds[count++] = folder;
    }
    return count;
}

static void send_launch(struct manager *manager, const struct action *action,
                        const struct launch *launch, const char *program)
{
    struct process *process = process_of(manager, action->slot);
    int fds[CHANNEL_DESCRIPTORS];
    size_t size = launch_bytes(launch, program);
    if (size > LIMIT_LAUNCH_BYTES || launch->argc + launch->envc + 2 > LIMIT_LAUNCH_STRINGS) {
        refuse(manager, action, SPAWN_STAGE_EXEC, E2BIG);
        return;
    }
    int folder = tree_branch_open(&manager->tree, process->name);
    if (folder < -1) {
        refuse(manager, action, SPAWN_STAGE_CLONE, -folder);
        return;
    }
    struct guard_request request = {
        .kind = GUARD_SPAWN,
        .slot = action->slot,
        .token = action->token,
        .argc = (uint32_t)launch->argc,
        .envc = (uint32_t)launch->envc,
        .launch_size = (uint32_t)size,
    };
    size_t fd_count = descriptors_of(process, folder, fds, &request.flags);
    char *to = reserve_launch(manager, size, &request.launch_at);
    if (to) {
        write_launch(to, launch, program);
        act_send(manager, request, fds, fd_count);
    }
    if (folder >= 0)
        (void)close(folder);
    if (process->far >= 0)
        (void)close(process->far);
    process->far = -1;
}

// Found once for all processes of a type that are started in one round of decisions.
static int find_program(struct manager *manager, unsigned type, const struct launch *launch,
                        const char **out)
{
    struct found_program *found = &manager->found;
    if (!found->is_valid || found->type != type) {
        found->is_valid = true;
        found->type = type;
        found->result = program_find(launch->argv[0], launch_variable(launch, "PATH"),
                                     launch->directory, found->path);
    }
    *out = found->result < 0 ? launch->argv[0] : found->path;
    return found->result;
}

static void spawn(struct manager *manager, const struct action *action)
{
    const struct process_record *record = supervisor_process(manager->supervisor, action->slot);
    struct process *process = process_of(manager, action->slot);
    struct arena arena = {0};
    struct launch launch;
    const char *program;
    int result = process ? 0 : process_open(manager, action->slot, &process);
    if (result < 0) {
        refuse(manager, action, SPAWN_STAGE_DESCRIPTORS, -result);
        return;
    }
    result = launch_make(manager->plan, record->id, environ, manager->mark, &arena, &launch, NULL);
    if (result < 0) {
        refuse(manager, action, SPAWN_STAGE_EXEC, -result);
    } else {
        result = find_program(manager, record->id.type, &launch, &program);
        // A folder that is gone is found out by the process itself, and told as that.
        if (result < 0 && access(launch.directory, X_OK) == 0)
            refuse(manager, action, SPAWN_STAGE_EXEC, -result);
        else
            send_launch(manager, action, &launch, program);
    }
    arena_fini(&arena);
}

static void send_signal(struct manager *manager, const struct action *action, int signal)
{
    act_send(manager,
             (struct guard_request){.kind = GUARD_SIGNAL,
                                    .slot = action->slot,
                                    .token = action->token,
                                    .value = signal},
             NULL, 0);
}

static void signal_tree(struct manager *manager, const struct action *action, int signal)
{
    struct process *process = process_of(manager, action->slot);
    const struct process_record *record = supervisor_process(manager->supervisor, action->slot);
    if (!process)
        return;
    process->tree_was_killed = process->tree_was_killed || signal == SIGKILL;
    tree_branch_signal(branch_tree(manager), process->name, record->pid, signal);
}

void act(struct manager *manager, const struct action *action)
{
    switch (action->kind) {
    case ACTION_SPAWN:
        spawn(manager, action);
        break;
    case ACTION_SIGNAL:
        send_signal(manager, action, action->value);
        send_signal(manager, action, SIGCONT); // a stopped process cannot act on it otherwise
        break;
    case ACTION_SIGNAL_TREE:
        signal_tree(manager, action, action->value);
        signal_tree(manager, action, SIGCONT);
        break;
    case ACTION_KILL_TREE:
        send_signal(manager, action, SIGKILL);
        signal_tree(manager, action, SIGKILL);
        break;
    case ACTION_BURY:
        act_send(manager,
                 (struct guard_request){.kind = GUARD_BURY,
                                        .slot = action->slot,
                                        .token = action->token},
                 NULL, 0);
        break;
    case ACTION_END:
        manager->is_over = true;
        manager->exit_status = action->value;
        break;
    }
}
