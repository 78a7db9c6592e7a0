// SPDX-License-Identifier: MIT
// TSTP, TTIN and TTOU keep their default, so that Ctrl-Z stops the supervisor as the shell expects.
#include "guard/setup.h"

#include "os/pid1.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/statfs.h>
#include <unistd.h>

int setup_look_at_system(const char **lack)
{
    char seen[16] = "";
    char own[16];
    struct statfs system;
    int code = 0;
    (void)snprintf(own, sizeof(own), "%d", getpid());
    if (statfs("/proc", &system) < 0 || system.f_type != PROC_SUPER_MAGIC) {
        *lack = "/proc is not mounted: 'mount -t proc proc /proc' does it";
        code = ENOENT;
    } else if (readlink("/proc/self", seen, sizeof(seen) - 1) < 0 || strcmp(seen, own) != 0) {
        *lack = "/proc shows the processes of another pid namespace: mount that of this one "
                "(unshare --mount-proc does)";
        code = ENXIO;
    } else if (access("/dev/null", R_OK | W_OK) < 0) {
        *lack = errno == ENOENT ? "there is no /dev/null: 'mknod -m 666 /dev/null c 1 3' makes it"
                                : "/dev/null cannot be opened";
        code = errno;
    }
    return -code;
}

int setup_standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd < 0)
        return -errno;
    (void)close(fd);
    return 0;
}

void setup_descriptor_limit(struct rlimit *before)
{
    struct rlimit raised;
    (void)getrlimit(RLIMIT_NOFILE, before);
    raised = *before;
    raised.rlim_cur = raised.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &raised);
}

int setup_meaning_of(int signal)
{
    bool asks_for_end = signal == SIGPWR || signal == SIGRTMIN + 3;
    return asks_for_end && pid1_is_own() ? SIGTERM : signal;
}

int setup_signals(bool *ignores_hangup)
{
    sigset_t set;
    struct sigaction ignored;
    *ignores_hangup = sigaction(SIGHUP, NULL, &ignored) == 0 && ignored.sa_handler == SIG_IGN;
    for (int number = 1; number < NSIG; number++)
        (void)signal(number, SIG_DFL); // an ignored signal would stay ignored in every process
    (void)sigfillset(&set);
    (void)sigdelset(&set, SIGTSTP);
    (void)sigdelset(&set, SIGTTIN);
    (void)sigdelset(&set, SIGTTOU);
    (void)sigprocmask(SIG_SETMASK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}
