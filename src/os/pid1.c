// SPDX-License-Identifier: MIT
// Every signal is blocked and taken by sigwaitinfo(2), which PID 1 gets even without a handler, and
// passed on to the program's process group, as the supervisor does and Docker's users expect.
#include "os/pid1.h"

#include "os/clock.h"

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUND (20 * NSEC_PER_MSEC) // between looks at those that are no children of ours
#define KILLED_END_WITHIN NSEC_PER_SEC

static sigset_t mask_before; // once signals are held
static bool holds_signals;

struct program {
    pid_t pid;
    bool has_ended;
    int status;
};

bool pid1_is_own(void)
{
    enum { FIRST = 1 };
    return getpid() == FIRST;
}

void pid1_hold_signals(void)
{
    sigset_t all;
    if (holds_signals || !pid1_is_own())
        return;
    (void)sigfillset(&all);
    holds_signals = sigprocmask(SIG_SETMASK, &all, &mask_before) == 0;
}

// A terminal can be that of one session only. That we give it up is told to the foreground by
// SIGHUP and SIGCONT: to ourselves.
static void release_terminal(void)
{
    const struct timespec at_once = {0};
    sigset_t told;
    if (getsid(0) != getpid() || ioctl(STDIN_FILENO, TIOCNOTTY) < 0)
        return;
    (void)sigemptyset(&told);
    (void)sigaddset(&told, SIGHUP);
    (void)sigaddset(&told, SIGCONT);
    while (sigtimedwait(&told, NULL, &at_once) > 0) {
    }
}

// One that was stopped by the terminal would wait for ever: nobody here could continue it. In a
// session of its own, an orphaned group, Ctrl-Z stops nothing.
static void begin_program(void)
{
    (void)setsid();
    (void)ioctl(STDIN_FILENO, TIOCSCTTY, 0); // if it is one, and no other session's
    (void)sigprocmask(SIG_SETMASK, &mask_before, NULL);
}

// All that have ended, strangers too.
static void reap(struct program *program)
{
    siginfo_t info = {0};
    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) == 0 && info.si_pid != 0) {
        if (info.si_pid == program->pid) {
            program->has_ended = true;
            program->status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
        }
        info.si_pid = 0;
    }
}

// What only a job control shell could mean for us says nothing to the program.
static bool is_passed_on(int signal)
{
    return signal != SIGCHLD && signal != SIGTTIN && signal != SIGTTOU;
}

static void serve(struct program *program, const sigset_t *all)
{
    while (!program->has_ended) {
        int signal = sigwaitinfo(all, NULL);
        if (signal == SIGCHLD)
            reap(program);
        else if (signal > 0 && is_passed_on(signal) && kill(-program->pid, signal) < 0)
            (void)kill(program->pid, signal); // it has no group of its own yet
    }
}

static bool asks_for_end(int signal)
{
    return signal == SIGTERM || signal == SIGINT || signal == SIGQUIT || signal == SIGHUP;
}

// Until nobody else is there, or it is time. Whoever is impatient asks once more.
static void outwait(struct program *program, const sigset_t *all, nsec_t until)
{
    const struct timespec round = {.tv_nsec = ROUND};
    for (;;) {
        reap(program);
        if (kill(-1, 0) < 0 || clock_now() >= until)
            return;
        int signal = sigtimedwait(all, NULL, &round);
        if (signal > 0 && asks_for_end(signal))
            return;
    }
}

// kill(2) with -1 means all in the namespace but ourselves. Those that hang when we go are killed
// by the kernel.
static void end_others(struct program *program, const sigset_t *all, int stop_signal, nsec_t grace)
{
    (void)kill(-1, stop_signal);
    (void)kill(-1, SIGCONT); // a stopped one could not end
    outwait(program, all, clock_now() + grace);
    (void)kill(-1, SIGKILL);
    outwait(program, all, clock_now() + KILLED_END_WITHIN); // cgroup folders must be empty
}

int pid1_fork(int stop_signal, nsec_t grace, int *status)
{
    sigset_t all;
    (void)sigfillset(&all);
    pid1_hold_signals();
    release_terminal();
    struct program program = {.pid = fork()};
    if (program.pid == 0) {
        begin_program();
        return 0;
    }
    if (program.pid < 0)
        return -errno;
    serve(&program, &all);
    end_others(&program, &all, stop_signal, grace);
    *status = program.status;
    return 1;
}
