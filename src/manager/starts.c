// SPDX-License-Identifier: MIT
// Spawns that were decided wait here for their turn, so that the start of a thousand processes does
// not keep everything else waiting: a few milliseconds a round, and none while the guard has enough
// to do. A manager that dies with some in the queue is followed by one that finds them in the
// journal (recover.c).
#include "manager/confining.h"
#include "manager/state.h"

#include "guard/guard.h"
#include "manager/sockets.h"
#include "os/channel.h"
#include "os/clock.h"
#include "os/program.h"
#include "plan/launch.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define ROUND_LASTS (2 * NSEC_PER_MSEC)

// The ring is full of a hundred launches and more, each of which takes the guard some hundred
// microseconds: looking more often would only take it the processor.
#define RING_IS_FULL_FOR (5 * NSEC_PER_MSEC)

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

// Its ends the first time.
static size_t put_ends(const struct inlet *inlet, enum guard_request_flag flag, int *fds,
                       uint32_t *flags)
{
    if (inlet->far < 0)
        return 0;
    *flags |= flag;
    fds[0] = inlet->near;
    fds[1] = inlet->far;
    return 2;
}

static void give_up_ends(struct process *process)
{
    for (unsigned i = 0; i < INLETS; i++) {
        if (process->inlets[i].far >= 0)
            (void)close(process->inlets[i].far);
        process->inlets[i].far = -1;
    }
}

// A guard of another kind may know of one output only, for the moment of an upgrade.
static bool is_to_be_told_apart(const struct process *process)
{
    const struct manager *manager = process->manager;
    return !process->has_terminal && manager->board->guard_revision == GUARD_REVISION &&
           sinks_tell_apart(manager, process);
}

// The descriptors that go with a spawn: the outputs' ends and NOTIFY_SOCKET the first time, and the
// cgroup folder.
static size_t descriptors_of(struct process *process, int folder, int fds[CHANNEL_DESCRIPTORS],
                             uint32_t *flags)
{
    size_t count = 0;
    if (process->has_terminal)
        *flags |= GUARD_SPAWN_TERMINAL;
    count += put_ends(&process->inlets[INLET_OUTPUT], GUARD_SPAWN_OUTPUT, fds, flags);
    if (is_to_be_told_apart(process)) {
        process_tell_apart(process);
        count += put_ends(&process->inlets[INLET_ERRORS], GUARD_SPAWN_ERRORS, fds + count, flags);
        *flags |= GUARD_SPAWN_APART;
    }
    if (process->watch && process->watch->notify >= 0 && !process->watch->guard_has_it) {
        *flags |= GUARD_SPAWN_NOTIFY;
        fds[count++] = process->watch->notify;
    }
    if (folder >= 0) {
        *flags |= GUARD_SPAWN_CGROUP;
        fds[count++] = folder;
    }
    return count;
}

static void close_all(const int *fds, int count)
{
    for (int i = 0; i < count; i++)
        (void)close(fds[i]);
}

// Its place in the tree, limited: the folder that it is born in, or -1, and files of others that it
// has to go to. 0, or -errno with the stage.
static int open_place(struct process *process, int *folder, int groups[CONTROLLERS],
                      enum spawn_stage *stage)
{
    *stage = SPAWN_STAGE_CLONE;
    *folder = tree_branch_open(&process->manager->tree, process->name);
    if (*folder < -1)
        return *folder;
    *stage = SPAWN_STAGE_LIMITS;
    int count = limits_put(process, groups);
    if (count > 0 && process->manager->board->guard_revision < GUARD_LIMITS_SINCE) {
        close_all(groups, count);
        count = -EPROTO;
    }
    if (count < 0 && *folder >= 0)
        (void)close(*folder);
    return count;
}

// False: the ring is full, come again; nothing was done.
static bool send_launch(struct manager *manager, const struct action *action,
                        const struct launch *launch, const char *program)
{
    struct process *process = process_of(manager, action->slot);
    int fds[CHANNEL_DESCRIPTORS];
    static struct confine confine; // large; of use within this call only
    const struct process_record *record = supervisor_process(manager->supervisor, action->slot);
    uint32_t confine_bytes =
        confining_make(&manager->plan->types[record->id.type].confinement.rights, &confine);
    struct guard_listeners listeners = {0};
    int listening = listeners_of(process, &listeners);
    uint32_t before = confine_bytes + (listeners.count > 0 ? (uint32_t)sizeof(listeners) : 0);
    size_t size = before + launch_bytes(launch, program);
    if (listening < 0) {
        refuse(manager, action, SPAWN_STAGE_DESCRIPTORS, -listening);
        return true;
    }
    if (confine_bytes > 0 && manager->board->guard_revision < GUARD_CONFINES_SINCE) {
        refuse(manager, action, SPAWN_STAGE_CONFINEMENT, EPROTO);
        return true;
    }
    if (size > LIMIT_LAUNCH_BYTES || launch->argc + launch->envc + 2 > LIMIT_LAUNCH_STRINGS) {
        refuse(manager, action, SPAWN_STAGE_EXEC, E2BIG);
        return true;
    }
    uint64_t at;
    char *to = launch_ring_reserve(&manager->launches, size, &at);
    if (!to)
        return false;
    int folder;
    int groups[CONTROLLERS];
    enum spawn_stage stage;
    int group_count = open_place(process, &folder, groups, &stage);
    if (group_count < 0) {
        refuse(manager, action, stage, -group_count);
        return true; // the place in the ring is free again with the next launch
    }
    struct guard_request request = {
        .kind = GUARD_SPAWN,
        .slot = action->slot,
        .token = action->token,
        .value = group_count,
        .flags = group_count > 0 ? GUARD_SPAWN_GROUPS : 0,
        .argc = (uint32_t)launch->argc,
        .envc = (uint32_t)launch->envc,
        .launch_size = (uint32_t)size,
        .launch_at = at,
    };
    unsigned type = supervisor_process(manager->supervisor, action->slot)->id.type;
    request.sockets = sockets_of(manager, &manager->plan->types[type]);
    size_t fd_count = descriptors_of(process, folder, fds, &request.flags);
    memcpy(fds + fd_count, groups, (size_t)group_count * sizeof(*groups));
    if (confine_bytes > 0) {
        request.flags |= GUARD_SPAWN_CONFINED;
        memcpy(to, &confine, confine_bytes);
    }
    if (listeners.count > 0) {
        request.flags |= GUARD_SPAWN_LISTENERS;
        memcpy(to + confine_bytes, &listeners, sizeof(listeners));
    }
    write_launch(to + before, launch, program);
    act_send(manager, request, fds, fd_count + (size_t)group_count);
    close_all(&folder, folder >= 0);
    close_all(groups, group_count);
    give_up_ends(process);
    if (process->watch)
        process->watch->guard_has_it = process->watch->notify >= 0;
    return true;
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

// As send_launch.
static bool spawn(struct manager *manager, const struct action *action)
{
    const struct process_record *record = supervisor_process(manager->supervisor, action->slot);
    struct process *process = process_of(manager, action->slot);
    struct arena arena = {0};
    struct launch launch;
    const char *program;
    int result = process ? 0 : process_open(manager, action->slot, &process);
    if (result < 0) {
        refuse(manager, action, SPAWN_STAGE_DESCRIPTORS, -result);
        return true;
    }
    bool is_done = true;
    result = launch_make(manager->plan, record->id, environ, manager->mark, &arena, &launch, NULL);
    if (result == 0)
        result = watch_prepare(process, &arena, &launch);
    if (result == 0)
        result = sockets_prepare(manager, &manager->plan->types[record->id.type], &arena, &launch);
    if (result < 0) {
        refuse(manager, action, SPAWN_STAGE_EXEC, -result);
    } else {
        result = find_program(manager, record->id.type, &launch, &program);
        // A folder that is gone is found out by the process itself, and told as that.
        if (result < 0 && access(launch.directory, X_OK) == 0)
            refuse(manager, action, SPAWN_STAGE_EXEC, -result);
        else
            is_done = send_launch(manager, action, &launch, program);
    }
    arena_fini(&arena);
    return is_done;
}

void starts_add(struct manager *manager, const struct action *action)
{
    struct starts *starts = &manager->starts;
    starts->actions[(starts->first + starts->count++) % LIMIT_PROCESSES] = *action;
    starts->due_at = 0;
}

// Nobody wants it any more: a stop came while it was in the queue.
static bool is_called_off(const struct manager *manager, unsigned slot)
{
    return supervisor_formation(manager->supervisor)->phase != FORMATION_RUNNING ||
           supervisor_process(manager->supervisor, slot)->flags & RECORD_ASKED;
}

void starts_work(struct manager *manager)
{
    struct starts *starts = &manager->starts;
    nsec_t now = clock_now();
    nsec_t end = now + ROUND_LASTS;
    if (starts->count == 0 || now < starts->due_at)
        return;
    manager->found.is_valid = false; // another round, other files
    while (starts->count > 0 && now < end) {
        const struct action *action = &starts->actions[starts->first];
        if (is_called_off(manager, action->slot)) {
            refuse(manager, action, SPAWN_STAGE_CLONE, ECANCELED);
        } else if (!spawn(manager, action)) {
            starts->due_at = now + RING_IS_FULL_FOR;
            return;
        }
        starts->first = (starts->first + 1) % LIMIT_PROCESSES;
        starts->count--;
        if (starts->count == 0)
            starts->first = 0; // else every page of the queue would be touched in the end
        now = clock_now();
    }
}

nsec_t starts_due_at(const struct manager *manager)
{
    return manager->starts.count > 0 ? manager->starts.due_at : NSEC_NEVER;
}
