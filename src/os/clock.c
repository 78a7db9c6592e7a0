// SPDX-License-Identifier: MIT
// The coarse wall clock costs no system call (vdso) and is fine for stamps of a second.
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
