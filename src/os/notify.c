// SPDX-License-Identifier: MIT
// The name is an abstract one that the kernel picks (unix(7), "autobind"): it needs no folder, is
// never too long, never stale and never taken. Anybody on the machine may send to it, so the
// sender's credentials, which the kernel vouches for, are what counts.
#include "os/notify.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

// An extension is the app's own wish; a day is as good as any longer one.
#define LONGEST_EXTENSION (24 * 3600 * NSEC_PER_SEC)

int notify_open(int *out)
{
    const struct sockaddr_un nameless = {.sun_family = AF_UNIX};
    const int on = 1;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
        bind(fd, (const struct sockaddr *)&nameless, sizeof(nameless.sun_family)) < 0) {
        int error = errno;
        (void)close(fd);
        return -error;
    }
    *out = fd;
    return 0;
}

int notify_name(int fd, char out[NOTIFY_NAME_BYTES])
{
    struct sockaddr_un address = {0};
    socklen_t size = sizeof(address);
    const size_t front = offsetof(struct sockaddr_un, sun_path) + 1; // with the NUL of the abstract
    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        return -errno;
    if (size <= front || address.sun_path[0] != '\0' || size - front > NOTIFY_NAME_BYTES - 2)
        return -EINVAL;
    out[0] = '@';
    memcpy(out + 1, address.sun_path + 1, size - front);
    out[1 + size - front] = '\0';
    return 0;
}

int notify_peek(int fd, struct notify_packet *out)
{
    struct iovec part = {out->bytes, sizeof(out->bytes)};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(struct ucred))]; // no room for descriptors: none is taken
    } control;
    struct msghdr header = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes),
    };
    struct ucred credentials = {.pid = 0, .uid = (uid_t)-1};
    ssize_t size;
    do {
        size = recvmsg(fd, &header, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (size < 0 && errno == EINTR);
    if (size < 0)
        return errno == EAGAIN ? 0 : -errno;
    const struct cmsghdr *first = CMSG_FIRSTHDR(&header);
    if (first && first->cmsg_level == SOL_SOCKET && first->cmsg_type == SCM_CREDENTIALS)
        memcpy(&credentials, CMSG_DATA(first), sizeof(credentials));
    out->sender = credentials.pid;
    out->uid = credentials.uid;
    out->size = (size_t)size;
    out->is_too_long = header.msg_flags & MSG_TRUNC;
    return 1;
}

void notify_take(int fd)
{
    char byte;
    while (recv(fd, &byte, sizeof(byte), MSG_DONTWAIT) < 0 && errno == EINTR) {
    }
}

static nsec_t microseconds(struct str text)
{
    unsigned long count;
    if (!str_to_unsigned(text, &count))
        return 0;
    bool is_longer = count > LONGEST_EXTENSION / NSEC_PER_USEC;
    return is_longer ? LONGEST_EXTENSION : (nsec_t)count * NSEC_PER_USEC;
}

static void parse_line(struct str name, struct str value, struct notify_message *out)
{
    bool is_one = str_is(value, "1");
    if (str_is(name, "READY") && is_one) {
        out->words |= NOTIFY_READY;
    } else if (str_is(name, "RELOADING") && is_one) {
        out->words |= NOTIFY_RELOADING;
    } else if (str_is(name, "STOPPING") && is_one) {
        out->words |= NOTIFY_STOPPING;
    } else if (str_is(name, "WATCHDOG") && is_one) {
        out->words |= NOTIFY_WATCHDOG;
    } else if (str_is(name, "WATCHDOG") && str_is(value, "trigger")) {
        out->words |= NOTIFY_WATCHDOG_TRIGGER;
    } else if (str_is(name, "STATUS")) {
        out->words |= NOTIFY_STATUS;
        out->status = value;
    } else if (str_is(name, "MAINPID")) {
        out->words |= NOTIFY_MAINPID;
        out->main_pid = value;
    } else if (str_is(name, "EXTEND_TIMEOUT_USEC")) {
        out->words |= NOTIFY_EXTEND;
        out->extend = microseconds(value);
    }
}

void notify_parse(struct str text, struct notify_message *out)
{
    struct str line;
    *out = (struct notify_message){.status = str_of(""), .main_pid = str_of("")};
    while (str_next(&text, '\n', &line)) {
        size_t equals = str_find_char(line, '=');
        if (equals < line.size)
            parse_line(str_slice(line, 0, equals), str_slice(line, equals + 1, line.size), out);
    }
}
