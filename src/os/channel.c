// SPDX-License-Identifier: MIT
// unix(7) SOCK_SEQPACKET keeps message borders and reports the peer's end, which a datagram socket
// does not.
#include "os/channel.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int channel_pair(int out[2])
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    out[0] = pair[0];
    out[1] = pair[1];
    return 0;
}

int channel_send(int channel, const void *message, size_t size, const int *fds, size_t fd_count,
                 bool now)
{
    struct iovec part = {(void *)(size_t)message, size};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int) * CHANNEL_DESCRIPTORS)];
    } control = {0};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd_count > 0) {
        header.msg_control = control.bytes;
        header.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
        assert(rights);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(rights), fds, sizeof(int) * fd_count);
    }
    ssize_t sent;
    do {
        sent = sendmsg(channel, &header, MSG_NOSIGNAL | (now ? MSG_DONTWAIT : 0));
    } while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return errno == ECONNRESET ? -EPIPE : -errno;
    return 0;
}

static size_t take_descriptors(struct msghdr *header, int fds[CHANNEL_DESCRIPTORS])
{
    struct cmsghdr *rights = CMSG_FIRSTHDR(header);
    if (!rights || rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS)
        return 0;
    size_t count = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(fds, CMSG_DATA(rights), count * sizeof(int));
    return count;
}

int channel_receive(int channel, void *message, size_t size, int fds[CHANNEL_DESCRIPTORS],
                    size_t *fd_count)
{
    struct iovec part = {message, size};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int) * CHANNEL_DESCRIPTORS)];
    } control;
    struct msghdr header = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes),
    };
    ssize_t received;
    do {
        received = recvmsg(channel, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (received < 0 && errno == EINTR);
    if (received < 0 && errno == EAGAIN)
        return 0;
    if (received < 0)
        return errno == ECONNRESET ? -EPIPE : -errno;
    if (received == 0)
        return -EPIPE;
    *fd_count = take_descriptors(&header, fds);
    if ((size_t)received == size && !(header.msg_flags & MSG_TRUNC))
        return 1;
    for (size_t i = 0; i < *fd_count; i++)
        (void)close(fds[i]);
    return -EBADMSG;
}
