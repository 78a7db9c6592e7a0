// SPDX-License-Identifier: MIT
// A process keeps its output from one incarnation to the next: bytes of the old one are read before
// those of the new one, in order, from the same pipe.
#include "manager/serve.h"
#include "manager/state.h"

#include "os/channel.h"
#include "os/oom.h"
#include "os/output.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

struct process *process_of(struct manager *manager, unsigned slot)
{
    return slot < LIMIT_PROCESSES ? manager->processes[slot] : NULL;
}

static int new_process(struct manager *manager, unsigned slot, struct output_pair output,
                       struct process **out)
{
    const struct process_record *record = supervisor_process(manager->supervisor, slot);
    struct process *process = calloc(1, sizeof(*process));
    if (!process)
        return -ENOMEM;
    process->manager = manager;
    process->slot = slot;
    process->near = output.near;
    process->far = output.far;
    process->tree_fd = -1;
    process->pending_at = NSEC_NEVER;
    process->has_terminal = manager->plan->types[record->id.type].tty;
    process->lines.budget = &manager->budget;
    process->voice.source = slot;
    process->voice.id = record->id;
    process->voice.color = log_color(record->id.type);
    process->voice.built_at = -1;
    process->status_text = manager->memory->status_texts[slot];
    plan_process_name(manager->plan, record->id, process->name);
    manager->processes[slot] = process;
    output_watch(process);
    *out = process;
    return 0;
}

int process_open(struct manager *manager, unsigned slot, struct process **out)
{
    const struct process_record *record = supervisor_process(manager->supervisor, slot);
    struct output_pair pair;
    int result = manager->plan->types[record->id.type].tty
                     ? output_terminal(show_margin(&manager->show), &pair)
                     : output_pipe(manager->pipe_bytes, &pair);
    if (result < 0)
        return result;
    result = new_process(manager, slot, pair, out);
    if (result < 0) {
        (void)close(pair.near);
        (void)close(pair.far);
    }
    return result;
}

int process_adopt(struct manager *manager, unsigned slot)
{
    struct guard_request answer;
    int fds[CHANNEL_DESCRIPTORS];
    size_t fd_count = 0;
    struct process *process;
    act_send(manager, (struct guard_request){.kind = GUARD_FETCH, .slot = slot}, NULL, 0);
    struct pollfd wait = {.fd = MANAGER_CHANNEL, .events = POLLIN};
    while (poll(&wait, 1, -1) < 0 && errno == EINTR) {
    }
    int result = channel_receive(MANAGER_CHANNEL, &answer, sizeof(answer), fds, &fd_count);
    if (result < 0)
        return result;
    if (fd_count == 0)
        return -ENOENT;
    result = new_process(manager, slot, (struct output_pair){fds[0], -1}, &process);
    if (result < 0) {
        for (size_t i = 0; i < fd_count; i++)
            (void)close(fds[i]);
        return result;
    }
    process->tree_was_killed = true; // or was not: nobody is left who would know
    process->oom_kills = oom_kills(&process->manager->tree, process->name);
    if (fd_count > 1)
        watch_adopt(process, fds[1]);
    return 0;
}

static void free_process(struct process *process)
{
    watch_end(process);
    lines_fini(&process->lines);
    free(process);
}

void process_free_all(struct manager *manager)
{
    for (unsigned slot = 0; slot < LIMIT_PROCESSES; slot++)
        if (manager->processes[slot])
            free_process(manager->processes[slot]);
}

void process_close(struct manager *manager, unsigned slot)
{
    struct process *process = process_of(manager, slot);
    if (!process)
        return;
    attach_end_of(process);
    manager->processes[slot] = NULL;
    loop_remove(&manager->outputs, &process->source);
    loop_remove(&manager->loop, &process->tree_source);
    if (process->tree_fd >= 0)
        (void)close(process->tree_fd);
    (void)close(process->near);
    if (process->far >= 0)
        (void)close(process->far);
    output_forget(process);
    free_process(process);
    act_send(manager, (struct guard_request){.kind = GUARD_FORGET, .slot = slot}, NULL, 0);
}

void process_resize_terminals(struct manager *manager)
{
    for (unsigned slot = 0; slot < supervisor_slot_count(manager->supervisor); slot++) {
        const struct process *process = process_of(manager, slot);
        if (process && process->has_terminal && !process->attachment)
            output_terminal_resize(process->near, show_margin(&manager->show));
    }
}
