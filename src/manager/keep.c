// SPDX-License-Identifier: MIT
// A memfd, since it has no name that could be missing, full or somebody else's.
#include "manager/keep.h"

#include "guard/link.h"
#include "os/channel.h"
#include "plan/archive.h"
#include "stream/desk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, struct str bytes)
{
    while (bytes.size > 0) {
        ssize_t size = write(fd, bytes.bytes, bytes.size);
        if (size < 0 && errno != EINTR)
            return -errno;
        bytes = str_slice(bytes, size > 0 ? (size_t)size : 0, bytes.size);
    }
    return 0;
}

int keep_plan(const struct plan *plan)
{
    const struct guard_request request = {.kind = GUARD_KEEP, .value = KEPT_PLAN};
    struct buffer bytes = {0};
    int fd = memfd_create("formation-plan", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    archive_write(plan, &bytes);
    int result = bytes.failed ? -ENOMEM : write_all(fd, buffer_str(&bytes));
    if (result == 0)
        result = channel_send(MANAGER_CHANNEL, &request, sizeof(request), &fd, 1, false);
    if (result == 0) // as if we had been born with it
        (void)dup3(fd, MANAGER_KEPT + KEPT_PLAN, O_CLOEXEC);
    buffer_fini(&bytes);
    (void)close(fd);
    return result;
}

int keep_desk(void)
{
    int parts[DESK_PARTS];
    int result = desk_make(parts);
    for (int i = 0; result == 0 && i < DESK_PARTS; i++) {
        struct guard_request request = {.kind = GUARD_KEEP, .value = KEPT_DESK + i};
        (void)dup3(parts[i], MANAGER_KEPT + KEPT_DESK + i, O_CLOEXEC);
        result = channel_send(MANAGER_CHANNEL, &request, sizeof(request), &parts[i], 1, false);
        (void)close(parts[i]);
    }
    return result;
}

int keep_find_plan(struct plan **out)
{
    struct stat status;
    *out = NULL;
    if (fstat(MANAGER_KEPT + KEPT_PLAN, &status) < 0)
        return -errno;
    if (!S_ISREG(status.st_mode)) // /dev/null: this is the first manager
        return 0;
    size_t size = (size_t)status.st_size;
    void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, MANAGER_KEPT + KEPT_PLAN, 0);
    if (bytes == MAP_FAILED)
        return -errno;
    int result = archive_read(str_from(bytes, size), out);
    (void)munmap(bytes, size);
    return result;
}
