// SPDX-License-Identifier: MIT
// A process keeps its output from one incarnation to the next: bytes of the old one are read before
// those of the new one, in order, from the same pipe.
#include "manager/serve.h"
#include "manager/state.h"

#include "os/channel.h"
#include "os/output.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

struct process *process_of(struct manager *manager, unsigned slot)
{
    return slot < LIMIT_PROCESSES ? manager->processes[slot] : NULL;
}

static void open_inlet(struct process *process, unsigned which, struct output_pair pair)
{
    struct inlet *inlet = &process->inlets[which];
    inlet->near = pair.near;
    inlet->far = pair.far;
    output_watch(inlet);
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
    for (unsigned i = 0; i < INLETS; i++)
        process->inlets[i] = (struct inlet){
            .process = process,
            .near = -1,
            .far = -1,
            .lines.budget = &manager->budget,
            .pending_at = NSEC_NEVER,
        };
    process->tree_fd = -1;
    process->has_terminal = manager->plan->types[record->id.type].tty;
    process->voice.source = slot;
    process->voice.id = record->id;
    process->voice.color = log_color(record->id.type);
    process->voice.built_at = -1;
    process->status_text = manager->memory->status_texts[slot];
    plan_process_name(manager->plan, record->id, process->name);
    manager->processes[slot] = process;
    open_inlet(process, INLET_OUTPUT, output);
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

// Without the descriptors for it both go the same way, as before.
void process_tell_apart(struct process *process)
{
    struct output_pair pair;
    if (process->inlets[INLET_ERRORS].near < 0 &&
        output_pipe(process->manager->pipe_bytes, &pair) == 0)
        open_inlet(process, INLET_ERRORS, pair);
}

int process_adopt(struct manager *manager, unsigned slot)
{
    struct guard_request answer;
    int fds[CHANNEL_DESCRIPTORS];
    size_t fd_count = 0;
    struct process *process;
    const struct guard_request request = {.kind = GUARD_FETCH, .slot = slot};
    int result = act_fetch(manager, request, &answer, fds, &fd_count);
    if (result < 0)
        return result;
    result = new_process(manager, slot, (struct output_pair){fds[0], -1}, &process);
    if (result < 0) {
        for (size_t i = 0; i < fd_count; i++)
            (void)close(fds[i]);
        return result;
    }
    size_t taken = 1; // those behind it may lack for want of room in our table (unix(7))
    if (answer.flags & GUARD_SPAWN_ERRORS && taken < fd_count)
        open_inlet(process, INLET_ERRORS, (struct output_pair){fds[taken++], -1});
    process->tree_was_killed = true; // or was not: nobody is left who would know
    process->oom_kills = limits_oom_kills(process);
    if (answer.flags & GUARD_SPAWN_NOTIFY && taken < fd_count)
        watch_adopt(process, fds[taken]);
    return 0;
}

static void free_process(struct process *process)
{
    watch_end(process);
    for (unsigned i = 0; i < INLETS; i++)
        lines_fini(&process->inlets[i].lines);
    free(process);
}

void process_free_all(struct manager *manager)
{
    for (unsigned slot = 0; slot < LIMIT_PROCESSES; slot++)
        if (manager->processes[slot])
            free_process(manager->processes[slot]);
}

static void close_inlet(struct inlet *inlet)
{
    loop_remove(&inlet->process->manager->outputs, &inlet->source);
    if (inlet->near >= 0)
        (void)close(inlet->near);
    if (inlet->far >= 0)
        (void)close(inlet->far);
    output_forget(inlet);
}

void process_close(struct manager *manager, unsigned slot)
{
    struct process *process = process_of(manager, slot);
    if (!process)
        return;
    attach_end_of(process);
    output_read_again(manager); // it may be among those that are held up
    manager->processes[slot] = NULL;
    loop_remove(&manager->loop, &process->tree_source);
    if (process->tree_fd >= 0)
        (void)close(process->tree_fd);
    for (unsigned i = 0; i < INLETS; i++)
        close_inlet(&process->inlets[i]);
    free_process(process);
    act_send(manager, (struct guard_request){.kind = GUARD_FORGET, .slot = slot}, NULL, 0);
}

void process_resize_terminals(struct manager *manager)
{
    for (unsigned slot = 0; slot < supervisor_slot_count(manager->supervisor); slot++) {
        const struct process *process = process_of(manager, slot);
        if (process && process->has_terminal && !process->attachment)
            output_terminal_resize(process->inlets[INLET_OUTPUT].near, show_margin(&manager->show));
    }
}
