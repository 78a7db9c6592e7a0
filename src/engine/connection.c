// SPDX-License-Identifier: MIT
// Each byte is looked at once, however small the pieces are that a message comes in.
#include "engine/connection.h"

#include "os/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void connection_init(struct connection *connection, int fd)
{
    *connection = (struct connection){.fd = fd};
}

void connection_fini(struct connection *connection)
{
    buffer_fini(&connection->in);
    if (connection->fd >= 0)
        (void)close(connection->fd);
}

void connection_give_up(struct connection *connection, struct buffer *rest)
{
    buffer_append_str(rest, str_slice(buffer_str(&connection->in), connection->taken, SIZE_MAX));
    buffer_fini(&connection->in);
    connection->taken = connection->scanned = 0;
    connection->fd = -1;
}

// 0 once there may be something, or -errno. A signal is no reason to stop waiting.
static int wait_for(const struct connection *connection, short events, nsec_t deadline)
{
    struct pollfd poll = {.fd = connection->fd, .events = events};
    for (;;) {
        nsec_t rest = deadline == NSEC_NEVER ? 0 : deadline - clock_now();
        if (rest < 0)
            return -ETIMEDOUT;
        struct timespec left = {.tv_sec = rest / NSEC_PER_SEC, .tv_nsec = rest % NSEC_PER_SEC};
        int count = ppoll(&poll, 1, deadline == NSEC_NEVER ? NULL : &left, NULL);
        if (count > 0)
            return 0;
        if (count == 0)
            return -ETIMEDOUT;
        if (errno != EINTR)
            return -errno;
    }
}

int connection_send(struct connection *connection, struct str bytes, nsec_t deadline)
{
    while (bytes.size > 0) {
        ssize_t sent = send(connection->fd, bytes.bytes, bytes.size, MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes = str_slice(bytes, (size_t)sent, bytes.size);
        } else if (errno == EAGAIN) {
            int result = wait_for(connection, POLLOUT, deadline);
            if (result < 0)
                return result;
        } else if (errno != EINTR) {
            return errno == ECONNRESET ? -EPIPE : -errno;
        }
    }
    return 0;
}

// Makes the bytes that were given out room for new ones.
static void drop_taken(struct connection *connection)
{
    struct buffer *in = &connection->in;
    if (connection->taken == 0)
        return;
    in->size -= connection->taken;
    memmove(in->bytes, in->bytes + connection->taken, in->size);
    connection->taken = 0;
}

static int read_more(struct connection *connection, nsec_t deadline)
{
    enum { PIECE = 64 * 1024 };
    struct buffer *in = &connection->in;
    drop_taken(connection);
    if (!buffer_reserve(in, PIECE))
        return -ENOMEM;
    for (;;) {
        ssize_t count = read(connection->fd, in->bytes + in->size, PIECE);
        if (count > 0) {
            in->size += (size_t)count;
            return 0;
        }
        if (count == 0)
            return -ECONNRESET;
        if (errno == EAGAIN) {
            int result = wait_for(connection, POLLIN, deadline);
            if (result < 0)
                return result;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
}

int connection_next(struct connection *connection, size_t limit, nsec_t deadline, struct str *out)
{
    for (;;) {
        struct str rest = str_slice(buffer_str(&connection->in), connection->taken, SIZE_MAX);
        struct str fresh = str_slice(rest, connection->scanned, SIZE_MAX);
        size_t end = connection->scanned + str_find_char(fresh, '\0');
        if (end > limit)
            return -EMSGSIZE;
        if (end < rest.size) {
            *out = str_slice(rest, 0, end);
            connection->taken += end + 1;
            connection->scanned = 0;
            return 0;
        }
        connection->scanned = rest.size;
        int result = read_more(connection, deadline);
        if (result < 0)
            return result;
    }
}

bool connection_has_rest(const struct connection *connection)
{
    return connection->in.size > connection->taken;
}
