// SPDX-License-Identifier: MIT
// A socket may be opened as a descriptor that another one is to have: so each is moved out of the
// way first.
#include "manager/listening.h"

#include "manager/sockets.h"
#include "os/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct listener_spec listening_spec(const struct listener *listener)
{
    static const int families[] = {
        [LISTENER_ANY] = AF_UNSPEC,
        [LISTENER_IPV4] = AF_INET,
        [LISTENER_IPV6] = AF_INET6,
        [LISTENER_UNIX] = AF_UNIX,
    };
    struct listener_spec spec = {
        .family = families[listener->family],
        .port = (uint16_t)listener->port,
        .path = listener->path.bytes,
        .backlog = (int)listener->backlog,
        .mode = listener->has_mode ? listener->mode : LISTENER_MODE,
        .uid = listener->has_uid ? listener->uid : (uid_t)-1,
        .gid = listener->has_gid ? listener->gid : (gid_t)-1,
    };
    memcpy(spec.host, listener->host, sizeof(spec.host));
    return spec;
}

static int open_above(const struct listener *listener, int *out, struct error *error)
{
    struct listener_spec spec = listening_spec(listener);
    int fd = -1;
    int result = listener_open(&spec, &fd, error);
    if (result < 0)
        return result;
    *out = fcntl(fd, F_DUPFD_CLOEXEC, SOCKETS_FIRST + LIMIT_TYPE_LISTENERS);
    int code = errno;
    (void)close(fd);
    return *out < 0 ? error_set(error, code, "no descriptor is left: %s", strerrordesc_np(code))
                    : 0;
}

int listening_become(const struct process_type *type, struct arena *arena, struct launch *launch,
                     struct error *error)
{
    const struct listening *listening = &type->listening;
    int fds[LIMIT_TYPE_LISTENERS];
    char pid[PID_TEXT_BYTES];
    if (listening->count == 0 || listening->share != LISTENER_PASS)
        return 0;
    for (size_t i = 0; i < listening->count; i++) {
        int result = open_above(&listening->items[i], &fds[i], error);
        if (result < 0)
            return result;
    }
    for (size_t i = 0; i < listening->count; i++)
        if (dup2(fds[i], SOCKETS_FIRST + (int)i) < 0)
            return error_set(error, errno, "no descriptor is left: %s", strerrordesc_np(errno));
    (void)snprintf(pid, sizeof(pid), "%d", getpid());
    return sockets_announce(type, 0, str_of(""), pid, arena, launch) < 0
               ? error_set(error, ENOMEM, "no memory")
               : 0;
}
