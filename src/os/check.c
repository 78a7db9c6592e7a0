// SPDX-License-Identifier: MIT
// It leads its process group until it is waited for, so a signal never hits another's group. What
// it leaves in the group is ended with it.
#include "os/check.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

static int wait_status(const siginfo_t *info)
{
    if (info->si_code == CLD_EXITED)
        return (info->si_status & 0xff) << 8;
    return info->si_status | (info->si_code == CLD_DUMPED ? 0x80 : 0);
}

static void reap(struct check *check)
{
    siginfo_t info = {0};
    int pidfd = check->source.fd;
    if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
        return;
    check_kill(check);
    (void)waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED);
    loop_remove(check->loop, &check->source);
    (void)close(pidfd);
    check->has_ended = true;
    check->wait_status = wait_status(&info);
}

static void on_end(struct loop_source *source, uint32_t events)
{
    struct check *check = loop_owner(source, struct check, source);
    (void)events;
    reap(check);
    if (check->has_ended)
        check->news(check);
}

int check_begin(struct check *check, struct loop *loop, const struct spawn_request *request,
                check_news *news, enum spawn_stage *stage)
{
    int pidfd;
    *check = (struct check){.loop = loop, .news = news};
    int result = spawn_process(request, &check->pid, &pidfd, stage);
    if (result < 0)
        return result;
    result = loop_add(loop, &check->source, pidfd, EPOLLIN, on_end);
    if (result == 0)
        return 0;
    check_kill(check); // its end could not be learned
    (void)waitid(P_PIDFD, (id_t)pidfd, &(siginfo_t){0}, WEXITED);
    (void)close(pidfd);
    *stage = SPAWN_STAGE_CLONE;
    return result;
}

int check_adopt(struct check *check, struct loop *loop, pid_t pid, check_news *news)
{
    int pidfd = pidfd_open(pid, 0);
    if (pidfd < 0)
        return -errno;
    *check = (struct check){.loop = loop, .news = news, .pid = pid};
    int result = loop_add(loop, &check->source, pidfd, EPOLLIN, on_end);
    if (result < 0)
        (void)close(pidfd);
    return result;
}

void check_kill(const struct check *check)
{
    if (!check->has_ended && kill(-check->pid, SIGKILL) < 0 && errno == ESRCH)
        (void)kill(check->pid, SIGKILL);
}

void check_wait(struct check *check, int patience_ms)
{
    struct pollfd end = {.fd = check->source.fd, .events = POLLIN};
    if (!check->has_ended && poll(&end, 1, patience_ms) == 1)
        reap(check);
}
