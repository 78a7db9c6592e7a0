// SPDX-License-Identifier: MIT
// Neither clock costs a system call (vdso(7)).
#include "os/clock.h"

#include <time.h>

nsec_t clock_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

nsec_t clock_wall(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

nsec_t clock_wall_offset(nsec_t before)
{
    enum { MOST_TRIES = 5 }; // whoever is interrupted between two readings takes them again
    const nsec_t close_enough = 50 * NSEC_PER_USEC;
    const nsec_t same = 5 * NSEC_PER_MSEC;
    nsec_t offset = 0;
    nsec_t best = NSEC_NEVER;
    for (int i = 0; i < MOST_TRIES && best > close_enough; i++) {
        nsec_t first = clock_now();
        nsec_t wall = clock_wall();
        nsec_t took = clock_now() - first;
        if (took < best) {
            best = took;
            offset = wall - first - took / 2;
        }
    }
    return offset - before > same || before - offset > same ? offset : before;
}

nsec_t clock_wall_second(void)
{
    return clock_wall() / NSEC_PER_SEC;
}

size_t clock_wall_text(const char *format, char *out, size_t capacity)
{
    time_t now = (time_t)clock_wall_second();
    struct tm local;
    if (!localtime_r(&now, &local))
        return 0;
    return strftime(out, capacity, format, &local);
}
