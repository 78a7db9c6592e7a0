// SPDX-License-Identifier: MIT
// epoll, level-triggered, in batches. A callback may remove any source: the batch forgets it.
// epoll_pwait2 takes nanoseconds, so a deadline is neither missed by a millisecond nor spun for.
#include "os/loop.h"

#include "os/clock.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

int loop_open(struct loop *loop)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0)
        return -errno;
    *loop = (struct loop){.fd = fd};
    return 0;
}

void loop_close(struct loop *loop)
{
    (void)close(loop->fd);
    loop->fd = -1;
}

int loop_add(struct loop *loop, struct loop_source *source, int fd, uint32_t events,
             loop_ready *ready)
{
    struct epoll_event event = {.events = events, .data.ptr = source};
    if (epoll_ctl(loop->fd, EPOLL_CTL_ADD, fd, &event) < 0)
        return -errno;
    *source = (struct loop_source){.fd = fd, .ready = ready, .is_added = true};
    return 0;
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
    if (!source->is_added)
        return;
    (void)epoll_ctl(loop->fd, EPOLL_CTL_DEL, source->fd, NULL);
    source->is_added = false;
    for (int i = 0; i < loop->batch_count; i++)
        if (loop->batch[i].data.ptr == source)
            loop->batch[i].data.ptr = NULL;
}

int loop_run_once(struct loop *loop, nsec_t until)
{
    struct timespec timeout = {0};
    if (until != NSEC_NEVER) {
        nsec_t now = clock_now();
        nsec_t rest = until > now ? until - now : 0;
        timeout = (struct timespec){rest / NSEC_PER_SEC, rest % NSEC_PER_SEC};
    }
    int count = epoll_pwait2(loop->fd, loop->batch, LOOP_BATCH,
                             until == NSEC_NEVER ? NULL : &timeout, NULL);
    int error = errno;
    if (loop->woken) // also by EINTR, which a stop and its end are
        loop->woken(loop);
    if (count < 0)
        return error == EINTR ? 0 : -error;
    loop->batch_count = count;
    for (int i = 0; i < count; i++) {
        struct loop_source *source = loop->batch[i].data.ptr;
        if (source)
            source->ready(source, loop->batch[i].events);
    }
    loop->batch_count = 0;
    return 0;
}
