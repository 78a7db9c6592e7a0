// SPDX-License-Identifier: MIT
#include "guard/herald.h"

#include "os/clock.h"
#include "os/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOKS = 8, FIRST_SOCKET = 3 };

// A variable that is a number from 1 to `most` and nothing else, or 0.
static long number_of(const char *name, long most)
{
    const char *text = getenv(name);
    char *end;
    if (!text || *text < '0' || *text > '9')
        return 0;
    long number = strtol(text, &end, 10);
    return *end == '\0' && number <= most ? number : 0;
}

static bool is_socket(int fd)
{
    int type;
    socklen_t size = sizeof(type);
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
}

void herald_take_sockets(struct herald *herald)
{
    int count = (int)number_of("LISTEN_FDS", 1 << 16);
    int above = FIRST_SOCKET + count > SPAWN_RESERVED ? FIRST_SOCKET + count : SPAWN_RESERVED;
    herald->socket_count = 0;
    if (count == 0 || number_of("LISTEN_PID", INT32_MAX) != getpid())
        return; // they are somebody else's
    for (int i = 0; i < count && i < LIMIT_SOCKETS; i++) {
        int fd = is_socket(FIRST_SOCKET + i) ? fcntl(FIRST_SOCKET + i, F_DUPFD_CLOEXEC, above) : -1;
        if (fd < 0) {
            herald->socket_count = BOARD_SOCKETS_BROKEN;
            return;
        }
        herald->sockets[i] = fd;
    }
    for (int i = 0; i < count; i++)
        (void)close(FIRST_SOCKET + i);
    herald->socket_count = count > LIMIT_SOCKETS ? BOARD_SOCKETS_TOO_MANY : count;
}

// A path, or an abstract name behind "@". (A virtual machine's "vsock:…" is neither.)
static socklen_t address_of(const char *name, struct sockaddr_un *out)
{
    size_t size = name ? strlen(name) : 0;
    if (size < 2 || size >= sizeof(out->sun_path) || (name[0] != '/' && name[0] != '@'))
        return 0;
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(out->sun_path, name, size);
    if (name[0] == '@')
        out->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + (name[0] == '/' ? 1 : 0));
}

void herald_open(struct herald *herald)
{
    herald->socket = -1;
    herald->look_at = NSEC_NEVER;
    herald->address_size = address_of(getenv("NOTIFY_SOCKET"), &herald->address);
    if (herald->address_size > 0)
        herald->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

bool herald_is_reloaded_by_hangup(const struct herald *herald)
{
    int terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
    if (terminal >= 0)
        (void)close(terminal);
    return herald->socket >= 0 && terminal < 0;
}

void herald_hear(struct herald *herald)
{
    herald->silent_looks = 0;
}

bool herald_finds_silence(struct herald *herald)
{
    herald->look_at = herald->promise > 0 ? clock_now() + herald->promise / LOOKS : NSEC_NEVER;
    return herald->promise > 0 && ++herald->silent_looks > LOOKS;
}

// An init that takes no more for now must not hold us up: the manager sees that it was not sent,
// and asks again.
void herald_notify(struct herald *herald, struct board *board, const struct guard_request *request)
{
    const char *text = launch_ring_read(board, request);
    if (text && herald->socket >= 0 &&
        sendto(herald->socket, text, request->launch_size - 1, MSG_DONTWAIT | MSG_NOSIGNAL,
               (const struct sockaddr *)&herald->address, herald->address_size) >= 0 &&
        request->token != 0)
        atomic_store(&board->notified, request->token);
    if (text)
        launch_ring_release(board, request);
    herald->promise = request->value > 0 ? request->value * NSEC_PER_MSEC : 0;
    herald->look_at = NSEC_NEVER;
    if (herald->promise > 0)
        herald->look_at = clock_now() + herald->promise / LOOKS;
}
