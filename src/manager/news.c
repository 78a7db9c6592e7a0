// SPDX-License-Identifier: MIT
// What stands on the board becomes inputs. An exit is passed on only when everything that the
// process had written before is shown, so its last words stand before "exited with code …", and
// its place is free only when nothing of its tree is left.
#include "manager/serve.h"
#include "manager/state.h"
#include "manager/upgrade.h"

#include "os/clock.h"
#include "view/sentence.h"

#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

// How often to look for the end of a tree that the kernel does not tell of.
#define LOOK_AGAIN_AFTER (20 * NSEC_PER_MSEC)

static void look_again(struct manager *manager)
{
    nsec_t at = clock_now() + LOOK_AGAIN_AFTER;
    if (at < manager->look_again_at) // another one's turn is not put off
        manager->look_again_at = at;
}

static bool tree_is_empty(const struct process *process)
{
    struct manager *manager = process->manager;
    pid_t leader = supervisor_process(manager->supervisor, process->slot)->pid;
    if (process->tree_fd >= 0) {
        int result = tree_watched_is_empty(process->tree_fd);
        if (result < 0) // it will not be told once more
            look_again(manager);
        return result > 0;
    }
    return tree_branch_is_empty(branch_tree(manager), process->name, leader);
}

// Nothing of it lives; what it wrote is read, or shall be.
static void settle_empty(struct process *process)
{
    struct manager *manager = process->manager;
    if (!output_read_rest(process, true))
        return;
    process->is_emptying = false;
    if (process->tree_fd >= 0) {
        loop_remove(&manager->loop, &process->tree_source);
        (void)close(process->tree_fd);
        process->tree_fd = -1;
    }
    if (process->tree_was_killed)
        tree_branch_remove(&manager->tree, process->name);
    process->tree_was_killed = false;
    process->oom_kills = limits_oom_kills(process); // the next life counts from here
    decide_later(manager, (struct input){.kind = INPUT_EMPTIED, .slot = process->slot});
}

static void on_tree(struct loop_source *source, uint32_t events)
{
    struct process *process = loop_owner(source, struct process, tree_source);
    (void)events;
    news_settle(process);
}

static void watch_tree(struct process *process)
{
    struct manager *manager = process->manager;
    if (process->tree_fd >= 0)
        return;
    int fd = tree_branch_watch(&manager->tree, process->name);
    if (fd >= 0 && loop_add(&manager->loop, &process->tree_source, fd, EPOLLPRI, on_tree) < 0) {
        (void)close(fd);
        fd = -1;
    }
    process->tree_fd = fd;
}

static void report_left(struct process *process)
{
    struct manager *manager = process->manager;
    unsigned count = left_look(process);
    decide_later(manager, (struct input){.kind = INPUT_LEFT,
                                         .slot = process->slot,
                                         .value = (int)(count ? count : 1)});
}

void news_settle(struct process *process)
{
    struct manager *manager = process->manager;
    bool was_dead = process->is_dead;
    bool is_empty = tree_is_empty(process); // from then on nobody writes any more
    if (was_dead) {
        if (!output_read_rest(process, is_empty))
            return;
        process->is_dead = false;
        process->is_emptying = true;
        decide_later(manager, (struct input){.kind = INPUT_EXITED,
                                             .slot = process->slot,
                                             .value = process->wait_status});
    }
    if (!process->is_emptying)
        return;
    if (!is_empty) {
        // Watched before it is looked at, so that no change falls in between.
        watch_tree(process);
        is_empty = tree_is_empty(process);
        if (was_dead && !is_empty)
            report_left(process);
    }
    if (is_empty)
        settle_empty(process);
    else if (process->tree_fd < 0)
        look_again(manager);
}

void news_settle_all(struct manager *manager)
{
    manager->look_again_at = NSEC_NEVER;
    for (unsigned slot = 0; slot < supervisor_slot_count(manager->supervisor); slot++) {
        struct process *process = process_of(manager, slot);
        if (process && (process->is_dead || process->is_emptying))
            news_settle(process);
    }
}

// A slot of the board as it is at one moment. False while the guard writes it; it then tells of it.
static bool look(const struct board_slot *on_board, struct board_slot *out)
{
    uint32_t state = atomic_load_explicit(&on_board->state, memory_order_acquire);
    *out = (struct board_slot){
        .state = state,
        .token = on_board->token,
        .pid = on_board->pid,
        .status = on_board->status,
        .error = on_board->error,
        .stage = on_board->stage,
    };
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&on_board->state, memory_order_relaxed) == state;
}

static void on_failed(struct manager *manager, unsigned slot, const struct board_slot *seen)
{
    struct process *process = process_of(manager, slot);
    if (process)
        process->failed_stage = (enum spawn_stage)seen->stage;
    decide_later(manager, (struct input){.kind = INPUT_SPAWN_FAILED,
                                         .slot = slot,
                                         .token = seen->token,
                                         .value = seen->error});
    // The guard may have got no output to hold: it is made anew for the next spawn.
    if (seen->stage == SPAWN_STAGE_DESCRIPTORS)
        process_close(manager, slot);
}

// Whether it was the kernel, for want of memory: it kills by SIGKILL, which we did not send, of
// which a shell that has run the killed one makes a code, and it has counted one of this life. Only
// who lost a part of it so, lived on, and was later sent SIGKILL by somebody looks the same.
static bool was_out_of_memory(const struct process *process, int wait_status)
{
    struct manager *manager = process->manager;
    const struct process_record *record = supervisor_process(manager->supervisor, process->slot);
    bool was_killed = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) == SIGKILL
                                               : WEXITSTATUS(wait_status) == 128 + SIGKILL;
    return was_killed && !(record->flags & RECORD_KILLED) &&
           limits_oom_kills(process) > process->oom_kills;
}

// Whether what the process has left behind, since it ended last, was told by an earlier manager.
static bool was_left_told(const struct manager *manager, unsigned slot)
{
    struct journal_cursor cursor = {.next = 1};
    struct event event;
    uint64_t lost;
    bool was_told = false;
    while (journal_next(manager->journal, &cursor, &event, &lost)) {
        if (!event_is_of_process(event.kind) || event.slot != slot)
            continue;
        if (event.kind == EVENT_LEFT)
            was_told = true;
        else if (event.kind == EVENT_EXITED)
            was_told = false;
    }
    return was_told;
}

// An earlier manager has decided on the exit. It may have been killed before it told of what is
// left, or after that and before it has asked the rest to stop: which can be asked twice.
static void take_over_left(struct process *process)
{
    struct manager *manager = process->manager;
    unsigned slot = process->slot;
    process->is_emptying = true;
    news_settle(process);
    if (!process->is_emptying)
        return;
    const struct process_record *record = supervisor_process(manager->supervisor, slot);
    if (!was_left_told(manager, slot))
        report_left(process);
    else if (!(record->flags & RECORD_KILLED))
        act(manager, &(struct action){
                         .kind = ACTION_SIGNAL_TREE,
                         .slot = slot,
                         .token = record->token,
                         .value = manager->plan->types[record->id.type].policy.stop_signal,
                     });
}

// May come twice for one death, and at any time: what is decided meanwhile, below too, can have
// buried it or even asked for the next one.
static void on_dead(struct process *process, const struct board_slot *seen)
{
    struct manager *manager = process->manager;
    unsigned slot = process->slot;
    const struct process_record *record = supervisor_process(manager->supervisor, slot);
    decide_all(manager); // its start, if that is news, before its end
    if (process_of(manager, slot) != process || record->token != seen->token)
        return;
    process->wait_status =
        seen->status | (was_out_of_memory(process, seen->status) ? EXIT_OUT_OF_MEMORY : 0);
    process->is_dead = record->state == PROCESS_RUNNING || record->state == PROCESS_READY ||
                       record->state == PROCESS_STOPPING;
    process->is_emptying = false;
    if (record->state == PROCESS_EXITED)
        take_over_left(process);
    else
        news_settle(process);
}

void news_of_slot(struct manager *manager, unsigned slot)
{
    struct board_slot seen;
    struct process *process = process_of(manager, slot);
    const struct process_record *record = supervisor_process(manager->supervisor, slot);
    if (!look(&manager->board->slots[slot], &seen) || seen.token != record->token)
        return; // the latter is of an earlier incarnation, settled long ago
    // A failed spawn needs no process: an earlier manager may have died before the guard got its
    // output.
    if (seen.state == BOARD_FAILED)
        on_failed(manager, slot, &seen);
    if (!process || (seen.state != BOARD_LIVE && seen.state != BOARD_DEAD))
        return;
    if (record->state == PROCESS_STARTING)
        decide_later(manager, (struct input){.kind = INPUT_SPAWNED,
                                             .slot = slot,
                                             .token = seen.token,
                                             .value = seen.pid});
    if (seen.state == BOARD_DEAD && !process->is_emptying)
        on_dead(process, &seen);
}

bool news_is_started(struct process *process)
{
    struct manager *manager = process->manager;
    unsigned slot = process->slot;
    if (supervisor_process(manager->supervisor, slot)->state == PROCESS_STARTING) {
        news_of_slot(manager, slot);
        decide_all(manager);
    }
    return process_of(manager, slot) == process && // else it was freed meanwhile
           supervisor_process(manager->supervisor, slot)->state != PROCESS_STARTING;
}

static void forward(struct manager *manager, int signal)
{
    struct buffer text = {0};
    sentence_forward(&text, signal);
    show_system(&manager->show, buffer_str(&text));
    buffer_fini(&text);
    for (unsigned slot = 0; slot < supervisor_slot_count(manager->supervisor); slot++) {
        const struct process_record *record = supervisor_process(manager->supervisor, slot);
        if (record->state == PROCESS_RUNNING || record->state == PROCESS_READY)
            act(manager,
                &(struct action){
                    .kind = ACTION_SIGNAL, .slot = slot, .token = record->token, .value = signal});
    }
}

static void on_signal(struct manager *manager, int signal)
{
    switch (signal) {
    case SIGHUP:
        if (manager->board->is_hangup_for_reload) {
            reload_by_signal(manager);
            break;
        }
        decide_later(manager, (struct input){.kind = INPUT_STOP, .value = signal});
        break;
    case SIGTERM:
    case SIGINT:
    case SIGQUIT:
    case SIGABRT: // an init's, whose watchdog we have kept waiting
        decide_later(manager, (struct input){.kind = INPUT_STOP, .value = signal});
        break;
    case SIGUSR2:
        if (manager->options->foreman)
            forward(manager, signal);
        else
            upgrade_by_signal(manager);
        break;
    case SIGUSR1:
        forward(manager, signal);
        break;
    case SIGWINCH:
        process_resize_terminals(manager);
        break;
    default:
        break;
    }
}

static void read_signals(struct manager *manager)
{
    struct board *board = manager->board;
    for (int signal = 1; signal < BOARD_SIGNALS; signal++) {
        uint32_t received = atomic_load(&board->signals_received[signal]);
        while (board->signals_handled[signal] != received) {
            on_signal(manager, signal);
            decide_all(manager);
            board->signals_handled[signal]++;
        }
    }
}

bool news_is_interrupted(const struct manager *manager)
{
    const struct board *board = manager->board;
    return atomic_load(&board->signals_received[SIGINT]) != board->signals_handled[SIGINT];
}

static void on_doorbell(struct loop_source *source, uint32_t events)
{
    struct manager *manager = loop_owner(source, struct manager, doorbell_source);
    uint64_t rings;
    (void)events;
    (void)!read(source->fd, &rings, sizeof(rings));
    read_signals(manager);
    for (unsigned word = 0; word < BOARD_WORDS; word++) {
        uint64_t changed =
            atomic_load_explicit(&manager->board->changed[word], memory_order_relaxed);
        if (changed)
            changed = atomic_exchange(&manager->board->changed[word], 0);
        for (; changed; changed &= changed - 1)
            news_of_slot(manager, word * 64 + (unsigned)__builtin_ctzll(changed));
    }
}

int news_open(struct manager *manager)
{
    int result =
        loop_add(&manager->loop, &manager->doorbell_source, MANAGER_DOORBELL, EPOLLIN, on_doorbell);
    if (result == 0)
        read_signals(manager);
    return result;
}
