// SPDX-License-Identifier: MIT
// The physical limit: the least that a manager must do to start N processes with a pipe each,
// replace the one that dies and stop them all. No names, no plan, no output, no errors told.
// clone(2) with a stack of its own is clone3(2) for the kernel and needs no assembly.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
    pid_t pid;
    int pidfd;
    int output[2]; // read end, write end: kept over restarts
};

struct launch {
    char **argv;
    int output;
};

static char child_stack[64 * 1024] __attribute__((aligned(16)));

// Runs in the parent's memory until exec: no allocation, no lock.
static int child_main(void *argument)
{
    const struct launch *launch = argument;
    sigset_t none;
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(launch->output, STDOUT_FILENO);
    dup2(launch->output, STDERR_FILENO);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(launch->argv[0], launch->argv);
    _exit(127);
}

static void child_spawn(struct child *child, int epoll, char **argv)
{
    struct launch launch = {.argv = argv, .output = child->output[1]};
    child->pid = clone(child_main, child_stack + sizeof child_stack,
                       CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &launch, &child->pidfd);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = child};
    if (child->pid < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, child->pidfd, &event) < 0)
        exit(1);
}

static void child_reap(struct child *child)
{
    siginfo_t info;
    waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED);
    close(child->pidfd);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    size_t count = strtoul(argv[1], NULL, 10);
    struct child *children = calloc(count, sizeof *children);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll, EPOLL_CTL_ADD, signalfd(-1, &term, SFD_CLOEXEC), &event);

    for (size_t i = 0; i < count; i++) {
        if (pipe2(children[i].output, O_CLOEXEC) < 0)
            return 1;
        child_spawn(&children[i], epoll, argv + 2);
    }
    for (;;) {
        if (epoll_wait(epoll, &event, 1, -1) != 1)
            continue;
        struct child *child = event.data.ptr;
        if (!child)
            break; // SIGTERM
        child_reap(child);
        child_spawn(child, epoll, argv + 2);
    }
    for (size_t i = 0; i < count; i++)
        kill(-children[i].pid, SIGTERM);
    for (size_t i = 0; i < count; i++)
        child_reap(&children[i]);
    free(children);
    return 0;
}
