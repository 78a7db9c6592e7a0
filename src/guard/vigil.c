// SPDX-License-Identifier: MIT
// Its end is told by a pidfd. Where none can be had (a filter refuses it, descriptors or watches
// are used up) SIGCHLD, which every end sends, is the occasion to ask whether it was the witness.
#include "guard/vigil.h"

#include "guard/witness.h"
#include "os/clock.h"
#include "os/pid1.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAUSE (100 * NSEC_PER_MSEC) // the system gave no process, or the last one ended at once

static nsec_t started_at, due_at = NSEC_NEVER;

static int open_watched(const struct guard *guard, pid_t pid, uint64_t what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = what};
    int pidfd = pidfd_open(pid, 0);
    if (pidfd < 0 || epoll_ctl(guard->watch, EPOLL_CTL_ADD, pidfd, &event) == 0)
        return pidfd;
    (void)close(pidfd);
    return -1;
}

// As PID 1 there is none: with that the kernel ends its whole namespace (pid_namespaces(7)).
void vigil_begin(struct guard *guard, uint64_t what)
{
    if (pid1_is_own())
        return;
    pid_t pid = witness_start(&guard->tree, guard->witness_pipe);
    guard->board->witness_pid = guard->tree.spared = pid > 0 ? pid : 0;
    started_at = clock_now();
    due_at = pid > 0 ? NSEC_NEVER : started_at + PAUSE;
    guard->witness_pidfd = pid > 0 ? open_watched(guard, pid, what) : -1;
}

void vigil_end(struct guard *guard)
{
    (void)waitid(P_PID, (id_t)guard->board->witness_pid, &(siginfo_t){0}, WEXITED | WNOHANG);
    if (guard->witness_pidfd >= 0)
        (void)close(guard->witness_pidfd);
    guard->witness_pidfd = -1;
    guard->board->witness_pid = guard->tree.spared = 0;
    due_at = started_at + PAUSE;
}

void vigil_look(struct guard *guard)
{
    siginfo_t info = {0};
    pid_t pid = guard->board->witness_pid;
    if (guard->witness_pidfd >= 0 || pid <= 0)
        return;
    int result = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
    if (result < 0 ? errno == ECHILD : info.si_pid == pid)
        vigil_end(guard);
}

nsec_t vigil_due_at(void)
{
    return due_at;
}
