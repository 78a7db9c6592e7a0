// SPDX-License-Identifier: MIT
// Carrying out what was decided. What fails here comes back as an input, never as a decision.
#include "manager/state.h"

#include "os/channel.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

void act_send(struct manager *manager, struct guard_request request, const int *fds,
              size_t fd_count)
{
    const struct timespec pause = {.tv_nsec = NSEC_PER_MSEC};
    int result;
    // Waits while the guard's queue is full; the guard never waits for us. The kernel may be short
    // of memory, or have too many descriptors under way (unix(7)) until the guard has taken some: a
    // request that is lost would be waited for in vain.
    while ((result = channel_send(MANAGER_CHANNEL, &request, sizeof(request), fds, fd_count,
                                  false)) == -ETOOMANYREFS ||
           result == -ENOMEM || result == -ENOBUFS)
        (void)nanosleep(&pause, NULL);
    if (result == -EPIPE)
        manager->guard_is_gone = true;
}

// An answer that is not taken now would be the answer to the next question.
int act_fetch(struct manager *manager, struct guard_request request, struct guard_request *answer,
              int fds[CHANNEL_DESCRIPTORS], size_t *fd_count)
{
    struct pollfd wait = {.fd = MANAGER_CHANNEL, .events = POLLIN};
    int result;
    act_send(manager, request, NULL, 0);
    do {
        (void)poll(&wait, 1, -1);
        result = channel_receive(MANAGER_CHANNEL, answer, sizeof(*answer), fds, fd_count);
    } while (result == 0 || result == -ENOMEM || result == -ENOBUFS);
    if (result < 0)
        return result;
    return *fd_count > 0 ? 0 : answer->value ? -answer->value : -ENOENT;
}

static void send_signal(struct manager *manager, const struct action *action, int signal)
{
    act_send(
        manager,
        (struct guard_request){
            .kind = GUARD_SIGNAL, .slot = action->slot, .token = action->token, .value = signal},
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
        starts_add(manager, action);
        break;
    case ACTION_SIGNAL:
        send_signal(manager, action, action->value);
        send_signal(manager, action, SIGCONT); // a stopped process cannot act on it otherwise
        forbidden_tell(manager, action);
        break;
    case ACTION_SIGNAL_TREE:
        signal_tree(manager, action, action->value);
        signal_tree(manager, action, SIGCONT);
        break;
    case ACTION_KILL_TREE:
        send_signal(manager, action, SIGKILL);
        signal_tree(manager, action, SIGKILL);
        forbidden_tell(manager, action);
        break;
    case ACTION_BURY:
        act_send(manager,
                 (struct guard_request){
                     .kind = GUARD_BURY, .slot = action->slot, .token = action->token},
                 NULL, 0);
        break;
    case ACTION_END:
        manager->is_over = true;
        manager->exit_status = action->value;
        break;
    }
}
