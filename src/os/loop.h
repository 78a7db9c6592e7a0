// SPDX-License-Identifier: MIT
// One thread waits for many descriptors; whoever owns a descriptor is called when it is ready.
#pragma once

#include "base/duration.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop_source;
typedef void loop_ready(struct loop_source *source, uint32_t events);

// Embedded in its owner, which finds itself by container_of. `fd` is borrowed.
struct loop_source {
    int fd;
    loop_ready *ready;
    bool is_added;
    bool waits; // the kernel had no memory for it yet
    uint32_t events;
    struct loop_source *next; // that waits
};

enum { LOOP_BATCH = 64 };

// A loop's own descriptor is readable while one of its sources is ready, so a loop can be a source
// of another: removing it there pauses all of its sources at once.
struct loop {
    int fd;
    struct loop_source *waiting;
    void (*woken)(struct loop *loop); // called after the wait, before any source; NULL
    int batch_count;
    struct epoll_event batch[LOOP_BATCH];
};

#define loop_owner(source, type, member) ((type *)((char *)(source)-offsetof(type, member)))

int loop_open(struct loop *loop); // 0 or -errno
void loop_close(struct loop *loop);

// Calls `ready` with EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLHUP or EPOLLERR; level-triggered. A source
// for which the kernel has no memory, or no watch left for this user, is added as soon as it has.
int loop_add(struct loop *loop, struct loop_source *source, int fd, uint32_t events,
             loop_ready *ready);
void loop_remove(struct loop *loop, struct loop_source *source); // also from inside a callback

// Tries again to add those. A loop that is a source of another is to be mended by whoever runs
// that one. Returns when the next try is due, NSEC_NEVER without any.
nsec_t loop_mend(struct loop *loop);

// Waits until a source is ready or the moment `until` (CLOCK_MONOTONIC) has come, and calls each
// ready source once. Returns 0 or -errno (EINTR counts as 0).
int loop_run_once(struct loop *loop, nsec_t until);
