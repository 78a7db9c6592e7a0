// SPDX-License-Identifier: MIT
// TSTP, TTIN and TTOU keep their default, so that Ctrl-Z stops the supervisor as the shell expects.
#include "guard/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

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
