// SPDX-License-Identifier: MIT
// The kernel shows the first child that has ended, and that may be one of ours, which stays a
// zombie until its tree is empty: seconds, if that takes its grace. What orphans end meanwhile must
// not fill a container's pids, so those behind it are found by the kernel's list of our children.
#include "guard/strangers.h"

#include "os/clock.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { AT_A_TIME = 1024 };

static bool is_ours(const struct guard *guard, pid_t pid)
{
    return pid == guard->manager_pid || holds_pid(&guard->holds, pid);
}

static bool has_ended(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

// Strangers that have ended, from the list; it must not become shorter while it is read.
static size_t find_ended(const struct guard *guard, int list, pid_t found[AT_A_TIME])
{
    char piece[4096];
    size_t count = 0;
    pid_t pid = 0; // a number may go on in the next piece
    for (ssize_t size; (size = read(list, piece, sizeof(piece))) > 0;) {
        for (ssize_t i = 0; i < size; i++) {
            if (piece[i] >= '0' && piece[i] <= '9') {
                pid = 10 * pid + (piece[i] - '0');
                continue;
            }
            if (pid > 0 && count < AT_A_TIME && has_ended(pid) && !is_ours(guard, pid))
                found[count++] = pid;
            pid = 0;
        }
    }
    return count;
}

static void reap_listed(const struct guard *guard)
{
    static pid_t found[AT_A_TIME];
    size_t count;
    do {
        int list = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
        count = list < 0 ? 0 : find_ended(guard, list, found);
        if (list >= 0)
            (void)close(list);
        for (size_t i = 0; i < count; i++)
            (void)waitid(P_PID, (id_t)found[i], &(siginfo_t){0}, WEXITED | WNOHANG);
    } while (count == AT_A_TIME);
}

bool strangers_reap(struct guard *guard)
{
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
            return true;
        if (is_ours(guard, info.si_pid))
            break;
        (void)waitid(P_PID, (id_t)info.si_pid, &(siginfo_t){0}, WEXITED | WNOHANG);
    }
    // To look at thousands of children costs milliseconds: not with every end.
    if (clock_now() < guard->strangers_due_at)
        return false;
    reap_listed(guard);
    guard->strangers_due_at = clock_now() + STRANGERS_PAUSE_MS * NSEC_PER_MSEC;
    return true;
}
