// SPDX-License-Identifier: MIT
// O_NONBLOCK belongs to the open file description, which our stdout shares with the shell that
// started us. So a pipe or terminal is opened a second time through /proc/self/fd and gets a
// description of our own. Regular files are written through the caller's descriptor: only that
// keeps the offset that `>>` and `2>&1` share.
#include "stream/outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/errqueue.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

// After a very long line the queue's memory is given back.
enum {
    KEPT_BYTES = 1024 * 1024,
    MESSAGE_BATCH = 32, // to one system call
};

// How often a drain asks a full disk again.
static const nsec_t no_space_pause = 100 * NSEC_PER_MSEC;

// A terminal's master side has one file for all: opening that makes another terminal.
static bool can_reopen(const struct stat *file)
{
    return !S_ISCHR(file->st_mode) || file->st_rdev != makedev(5, 2);
}

static int reopen(int fd, const struct stat *file)
{
    char path[sizeof("/proc/self/fd/-2147483648")];
    struct stat opened;
    if (!can_reopen(file))
        return -1;
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (own < 0)
        return -1;
    if (fstat(own, &opened) == 0 && opened.st_dev == file->st_dev &&
        opened.st_ino == file->st_ino && opened.st_rdev == file->st_rdev)
        return own;
    close(own);
    return -1;
}

int outlet_open(struct outlet *outlet, int fd, struct error *error)
{
    struct stat file;
    if (fstat(fd, &file) < 0)
        return error_set(error, errno, "cannot write to descriptor %d: %s", fd, strerror(errno));
    *outlet = (struct outlet){.fd = fd, .kind = OUTLET_FILE, .is_terminal = isatty(fd) == 1};
    outlet->is_null = S_ISCHR(file.st_mode) && file.st_rdev == makedev(1, 3); // null(4)
    if (S_ISSOCK(file.st_mode)) {
        outlet->kind = OUTLET_SOCKET;
    } else if (S_ISFIFO(file.st_mode) || outlet->is_terminal) {
        int own = reopen(fd, &file);
        outlet->kind = own >= 0 ? OUTLET_OWN : OUTLET_POLLED;
        outlet->fd = own >= 0 ? own : fd;
        outlet->is_pipe = S_ISFIFO(file.st_mode);
    }
    return 0;
}

void outlet_open_socket(struct outlet *outlet, int fd, bool has_messages)
{
    *outlet = (struct outlet){.fd = fd, .kind = has_messages ? OUTLET_MESSAGES : OUTLET_SOCKET};
}

void outlet_resume(struct outlet *outlet, int fd)
{
    outlet->sent_from = outlet->tray ? outlet->tray->state->from : 0;
    outlet->fd = fd;
    outlet->state = OUTLET_IDLE;
    outlet->error = 0;
    outlet->frame_sent_bytes = 0;
}

size_t outlet_message_begin(struct outlet *outlet)
{
    struct buffer *queue = outlet_buffer(outlet);
    const uint32_t unknown = 0;
    buffer_append(queue, &unknown, sizeof(unknown));
    return queue->size;
}

void outlet_message_end(struct outlet *outlet, size_t begin)
{
    struct buffer *queue = outlet_buffer(outlet);
    uint32_t size = (uint32_t)(queue->size - begin);
    if (!queue->failed)
        memcpy(queue->bytes + begin - sizeof(size), &size, sizeof(size));
}

void outlet_close(struct outlet *outlet)
{
    if (outlet->kind == OUTLET_OWN && outlet->fd >= 0)
        close(outlet->fd);
    buffer_fini(&outlet->queue);
    *outlet = (struct outlet){.fd = -1, .state = OUTLET_CLOSED};
}

void outlet_use_tray(struct outlet *outlet, struct tray *tray)
{
    outlet->tray = tray;
}

struct buffer *outlet_buffer(struct outlet *outlet)
{
    return outlet->tray ? &outlet->tray->queue : &outlet->queue;
}

int outlet_fd(const struct outlet *outlet)
{
    return outlet->fd;
}

struct str outlet_unwritten(const struct outlet *outlet)
{
    if (outlet->tray)
        return tray_unwritten(outlet->tray);
    return str_slice(buffer_str(&outlet->queue), outlet->sent_bytes, outlet->queue.size);
}

size_t outlet_waiting_bytes(const struct outlet *outlet)
{
    return outlet->tray ? tray_waiting_bytes(outlet->tray)
                        : outlet->queue.size - outlet->sent_bytes;
}

bool outlet_is_full(const struct outlet *outlet)
{
    return outlet_waiting_bytes(outlet) >= OUTLET_FULL_BYTES;
}

// A pipe that polls as writable takes PIPE_BUF bytes without blocking (pipe(7)).
static ssize_t write_polled(int fd, const char *bytes, size_t size)
{
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    int count = poll(&ready, 1, 0);
    if (count < 0)
        return -1;
    if (count == 0) {
        errno = EAGAIN;
        return -1;
    }
    return write(fd, bytes, size < PIPE_BUF ? size : PIPE_BUF);
}

// What the queue's datagrams take in it, a batch at most.
static size_t batch_bytes(struct str queue)
{
    size_t at = 0;
    uint32_t size;
    for (int i = 0; i < MESSAGE_BATCH && at + sizeof(size) <= queue.size; i++) {
        memcpy(&size, queue.bytes + at, sizeof(size));
        at += sizeof(size) + size;
    }
    return at;
}

// To a stream that tells messages apart itself. One that is half sent stays, for whoever is
// connected next is to get all of it.
static long send_frames(struct outlet *outlet, const char *bytes, size_t size)
{
    struct iovec parts[MESSAGE_BATCH];
    struct msghdr message = {.msg_iov = parts};
    parts[0] = (struct iovec){0}; // who calls has one message at least, which no analyser knows
    uint32_t length;
    for (size_t at = 0; message.msg_iovlen < MESSAGE_BATCH && at < size; message.msg_iovlen++) {
        memcpy(&length, bytes + at, sizeof(length));
        parts[message.msg_iovlen] = (struct iovec){(char *)bytes + at + sizeof(length), length};
        at += sizeof(length) + length;
    }
    parts[0].iov_base = (char *)parts[0].iov_base + outlet->frame_sent_bytes;
    parts[0].iov_len -= outlet->frame_sent_bytes;
    ssize_t sent = sendmsg(outlet->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0)
        return -1;
    size_t done = 0;
    for (size_t i = 0; i < message.msg_iovlen; i++) {
        if ((size_t)sent < parts[i].iov_len) {
            outlet->frame_sent_bytes += (size_t)sent;
            break;
        }
        sent -= (ssize_t)parts[i].iov_len;
        done = (size_t)((char *)parts[i].iov_base - bytes) + parts[i].iov_len;
        outlet->frame_sent_bytes = 0;
    }
    return (long)done;
}

static bool is_refusal(const struct msghdr *message)
{
    for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at;
         at = CMSG_NXTHDR((struct msghdr *)message, at)) {
        const struct sock_extended_err *error = (const struct sock_extended_err *)CMSG_DATA(at);
        if ((at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_RECVERR) ||
            (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_RECVERR))
            return error->ee_origin != SO_EE_ORIGIN_LOCAL;
    }
    return false;
}

// How many datagrams were sent in vain, of which the kernel tells one by one (ip(7), IP_RECVERR).
// Without that, sendmmsg(2) forgets a refusal that it finds behind its first datagram.
static size_t take_refusals(const struct outlet *outlet)
{
    size_t count = 0;
    _Alignas(struct cmsghdr) char control[256];
    struct msghdr message = {.msg_control = control, .msg_controllen = sizeof(control)};
    while (outlet->hears_refusals &&
           recvmsg(outlet->fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0) {
        count += is_refusal(&message);
        message.msg_controllen = sizeof(control);
    }
    return count;
}

// Where a tray is committed with what has moved, this is, too.
static void count_refused(struct outlet *outlet, size_t count)
{
    outlet->refused_count += count;
    if (outlet->tray)
        outlet->tray->state->counts.refused += count;
}

void outlet_hear_refusals(struct outlet *outlet)
{
    count_refused(outlet, take_refusals(outlet));
}

// What is left of what sendmmsg(2) has said: those that were refused within the call, which is so
// on this machine only, were not sent.
static int without_refused(struct outlet *outlet, int sent)
{
    int code = errno;
    size_t refused = take_refusals(outlet);
    size_t most = outlet->refuses_at_once && sent > 0 ? (size_t)sent : 0;
    size_t again = refused < most ? refused : most;
    count_refused(outlet, refused - again);
    errno = again > 0 ? ECONNREFUSED : code;
    return again > 0 && again == (size_t)sent ? -1 : sent - (int)again;
}

static long send_messages(struct outlet *outlet, const char *bytes, size_t size)
{
    struct mmsghdr messages[MESSAGE_BATCH] = {0};
    struct iovec parts[MESSAGE_BATCH];
    size_t ends[MESSAGE_BATCH] = {0};
    unsigned count = 0;
    uint32_t length;
    for (size_t at = 0; count < MESSAGE_BATCH && at < size; at = ends[count++]) {
        memcpy(&length, bytes + at, sizeof(length));
        parts[count] = (struct iovec){(char *)bytes + at + sizeof(length), length};
        messages[count].msg_hdr = (struct msghdr){.msg_iov = &parts[count], .msg_iovlen = 1};
        ends[count] = at + sizeof(length) + length;
    }
    outlet_hear_refusals(outlet); // of earlier ones
    int sent = sendmmsg(outlet->fd, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    sent = without_refused(outlet, sent);
    if (sent > 0)
        return (long)ends[sent - 1];
    if (errno != EMSGSIZE)
        return -1;
    count_refused(outlet, 1);
    return (long)ends[0];
}

static long write_bytes(void *context, const char *bytes, size_t size)
{
    struct outlet *outlet = context;
    switch (outlet->kind) {
    case OUTLET_SOCKET:
        return send(outlet->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    case OUTLET_MESSAGES:
        return outlet->is_framed ? send_frames(outlet, bytes, size)
                                 : send_messages(outlet, bytes, size);
    case OUTLET_POLLED:
        return write_polled(outlet->fd, bytes, size);
    case OUTLET_OWN:
    case OUTLET_FILE:
        break;
    }
    return write(outlet->fd, bytes, size);
}

static long write_some(struct outlet *outlet)
{
    struct str waiting = outlet_unwritten(outlet);
    size_t size = outlet->kind == OUTLET_MESSAGES ? batch_bytes(waiting) : waiting.size;
    if (outlet->tray && outlet->is_pipe) // never waits, whoever opened it
        return tray_write_pipe(outlet->tray, outlet->fd);
    if (outlet->tray)
        return tray_write(outlet->tray, outlet->fd, size, write_bytes, outlet);
    long written = write_bytes(outlet, waiting.bytes, size);
    outlet->sent_bytes += written > 0 ? (size_t)written : 0;
    return written;
}

static enum outlet_state state_after(const struct outlet *outlet, int code)
{
    if (code == EAGAIN || code == EWOULDBLOCK)
        return OUTLET_BUSY;
    // A disk that fails may be back in a moment, as one that is full; a terminal is not.
    if (code == ENOSPC || code == EDQUOT || code == ENOBUFS || code == ENOMEM ||
        (code == EIO && !outlet->is_terminal))
        return OUTLET_NO_SPACE;
    if (code == EPIPE || code == ECONNRESET || code == ECONNREFUSED || code == ENOTCONN ||
        (code == EIO && outlet->is_terminal))
        return OUTLET_CLOSED;
    return OUTLET_FAILED;
}

static void drop_queue(struct outlet *outlet)
{
    if (outlet->tray)
        tray_clear(outlet->tray);
    else if (outlet->queue.capacity > KEPT_BYTES)
        buffer_fini(&outlet->queue);
    else
        buffer_clear(&outlet->queue);
    outlet->sent_bytes = 0;
}

// Moves what waits to the front, once it is the smaller half: each byte moves once at most, on
// the average.
static void close_gap(struct outlet *outlet)
{
    if (outlet->tray) {
        tray_compact(outlet->tray);
        return;
    }
    size_t waiting = outlet_waiting_bytes(outlet);
    if (waiting > outlet->sent_bytes)
        return;
    memmove(outlet->queue.bytes, outlet->queue.bytes + outlet->sent_bytes, waiting);
    outlet->queue.size = waiting;
    outlet->sent_bytes = 0;
}

// Where the first message begins that TCP has no acknowledgement of.
static uint64_t first_unacknowledged(const struct outlet *outlet)
{
    int unsure = 0;
    uint32_t length;
    uint64_t at = outlet->sent_from;
    uint64_t end = outlet->tray->state->from;
    uint64_t sent = 0;
    if (ioctl(outlet->fd, SIOCOUTQ, &unsure) < 0 || (size_t)unsure <= outlet->frame_sent_bytes)
        return end;
    for (uint64_t next = at; next < end; next += sizeof(length) + length) {
        memcpy(&length, outlet->tray->queue.bytes + next, sizeof(length));
        sent += length;
    }
    uint64_t lacking = (size_t)unsure - outlet->frame_sent_bytes;
    while (at < end && sent > lacking) {
        memcpy(&length, outlet->tray->queue.bytes + at, sizeof(length));
        if (sent - length < lacking)
            break;
        sent -= length;
        at += sizeof(length) + length;
    }
    return at;
}

void outlet_take_back(struct outlet *outlet)
{
    struct tray *tray = outlet->tray;
    if (!tray || !outlet->is_framed || outlet->fd < 0)
        return;
    tray->state->from = outlet->sent_from = first_unacknowledged(outlet);
    outlet->frame_sent_bytes = 0;
    if (tray->desk)
        desk_commit(tray->desk);
}

// What was sent to another machine is kept until that has it. (Who is killed while it moves sends
// some of it twice.)
static void forget_acknowledged(struct outlet *outlet)
{
    struct tray *tray = outlet->tray;
    uint64_t from = tray->state->from;
    size_t size = tray->queue.size;
    outlet->sent_from = first_unacknowledged(outlet);
    if (outlet->sent_from == size) {
        tray_clear(tray);
        outlet->sent_from = 0;
        return;
    }
    tray->state->from = outlet->sent_from;
    tray_compact(tray);
    uint64_t moved = size - tray->queue.size;
    outlet->sent_from -= moved;
    tray->state->from = from - moved;
    if (moved > 0 && tray->desk)
        desk_commit(tray->desk);
}

static bool is_over(enum outlet_state state)
{
    return state == OUTLET_CLOSED || state == OUTLET_FAILED;
}

enum outlet_state outlet_push(struct outlet *outlet)
{
    struct buffer *queue = outlet_buffer(outlet);
    if (queue->failed) {
        queue->failed = false;
        outlet->lost_bytes = true;
    }
    if (!is_over(outlet->state))
        outlet->state = OUTLET_IDLE;
    while (outlet->state == OUTLET_IDLE && outlet_waiting_bytes(outlet) > 0) {
        long written = write_some(outlet);
        if (written <= 0 && (written == 0 || errno != EINTR))
            outlet->state = state_after(outlet, written == 0 ? EAGAIN : errno);
        if (outlet->state == OUTLET_NO_SPACE || is_over(outlet->state))
            outlet->error = errno;
    }
    if (outlet->is_framed && outlet->tray)
        forget_acknowledged(outlet);
    else if (outlet->state == OUTLET_IDLE || (is_over(outlet->state) && !outlet->outlives_reader))
        drop_queue(outlet);
    else
        close_gap(outlet);
    return outlet->state;
}

enum outlet_state outlet_offer(struct outlet *outlet)
{
    if (outlet_waiting_bytes(outlet) < OUTLET_WRITE_BYTES)
        return outlet->state;
    return outlet_push(outlet);
}

static nsec_t moment(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

// Until the outlet can take more, or the time is over.
static void wait_for_room(const struct outlet *outlet, nsec_t limit)
{
    struct pollfd ready = {.fd = outlet->fd, .events = POLLOUT};
    bool can_poll = outlet->state == OUTLET_BUSY;
    nsec_t pause = can_poll || limit < no_space_pause ? limit : no_space_pause;
    struct timespec time = {.tv_sec = pause / NSEC_PER_SEC, .tv_nsec = pause % NSEC_PER_SEC};
    (void)ppoll(&ready, can_poll, pause == NSEC_NEVER ? NULL : &time, NULL);
}

enum outlet_state outlet_drain(struct outlet *outlet, nsec_t limit)
{
    nsec_t start = moment();
    for (;;) {
        enum outlet_state state = outlet_push(outlet);
        if (state != OUTLET_BUSY && state != OUTLET_NO_SPACE)
            return state;
        nsec_t passed = limit == NSEC_NEVER ? 0 : moment() - start;
        if (passed >= limit)
            return state;
        wait_for_room(outlet, limit == NSEC_NEVER ? NSEC_NEVER : limit - passed);
    }
}
