// SPDX-License-Identifier: MIT
// epoll, level-triggered, in batches. A callback may remove any source: the batch forgets it.
// epoll_pwait2 takes nanoseconds, so a deadline is neither missed by a millisecond nor spun for.
#include "os/loop.h"

#include "os/clock.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#define MEND_AFTER (50 * NSEC_PER_MSEC)

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
    int result = epoll_ctl(loop->fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
    bool waits = result == -ENOMEM || result == -ENOSPC;
    if (result < 0 && !waits)
        return result;
    *source = (struct loop_source){
        .fd = fd, .ready = ready, .is_added = true, .waits = waits, .events = events};
    if (waits) {
        source->next = loop->waiting;
        loop->waiting = source;
    }
    return 0;
}

nsec_t loop_mend(struct loop *loop)
{
    struct loop_source **at = &loop->waiting;
    while (*at) {
        struct loop_source *source = *at;
        struct epoll_event event = {.events = source->events, .data.ptr = source};
        source->waits = epoll_ctl(loop->fd, EPOLL_CTL_ADD, source->fd, &event) < 0;
        if (source->waits)
            at = &source->next;
        else
            *at = source->next;
    }
    return loop->waiting ? clock_now() + MEND_AFTER : NSEC_NEVER;
}

static void forget_waiting(struct loop *loop, const struct loop_source *source)
{
    struct loop_source **at = &loop->waiting;
    while (*at && *at != source)
        at = &(*at)->next;
    if (*at)
        *at = source->next;
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
    if (!source->is_added)
        return;
    if (source->waits)
        forget_waiting(loop, source);
    else
        (void)epoll_ctl(loop->fd, EPOLL_CTL_DEL, source->fd, NULL);
    source->is_added = source->waits = false;
    for (int i = 0; i < loop->batch_count; i++)
        if (loop->batch[i].data.ptr == source)
            loop->batch[i].data.ptr = NULL;
}

int loop_run_once(struct loop *loop, nsec_t until)
{
    struct timespec timeout = {0};
    nsec_t mend_at = loop_mend(loop);
    if (mend_at < until)
        until = mend_at;
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
