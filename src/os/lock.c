// SPDX-License-Identifier: MIT
// flock(2) of the folder itself: no file is left behind, none can be removed from under a holder,
// and the kernel ends it with its process. Where that is not supported, two that do the same thing
// in the same moment may both believe to have done it: better than not to start there at all.
#include "os/lock.h"

#include "os/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

// Locks are held for microseconds; a holder that is stopped meanwhile does not hold us for ever.
#define LOCK_PATIENCE (5 * NSEC_PER_SEC)

static int lock(int fd)
{
    static const struct timespec pause = {.tv_nsec = NSEC_PER_MSEC};
    nsec_t deadline = clock_now() + LOCK_PATIENCE;
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno == EBADF || errno == ENOLCK || errno == ENOSYS || errno == EOPNOTSUPP)
            return 0;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return -errno;
        if (clock_now() > deadline)
            return -ETIMEDOUT;
        (void)nanosleep(&pause, NULL);
    }
    return 0;
}

int lock_folder(const char *folder, int *out)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int result = lock(fd);
    if (result < 0)
        (void)close(fd);
    else
        *out = fd;
    return result;
}
