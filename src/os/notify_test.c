// SPDX-License-Identifier: MIT
// Real sockets, with sd_notify(3)'s side of them played by hand: what it says, who says it, and the
// descriptors of its barrier.
#include "os/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct notify_packet packet;

static int open_socket(void)
{
    int fd = -1;
    assert_int_equal(notify_open(&fd), 0);
    return fd;
}

// As sd_notify does it: "@" stands for the NUL of the abstract name.
static struct sockaddr_un address_of(int fd, socklen_t *size)
{
    char name[NOTIFY_NAME_BYTES];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_int_equal(notify_name(fd, name), 0);
    assert_int_equal(name[0], '@');
    memcpy(address.sun_path, name, strlen(name));
    address.sun_path[0] = '\0';
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    return address;
}

static ssize_t send_to(int fd, const void *bytes, size_t size)
{
    socklen_t address_size;
    struct sockaddr_un address = address_of(fd, &address_size);
    int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ssize_t sent = sendto(sender, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT,
                          (struct sockaddr *)&address, address_size);
    int error = errno;
    assert_int_equal(close(sender), 0);
    errno = error;
    return sent;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send_to(fd, text, strlen(text)), strlen(text));
}

static void says(const char *text, unsigned words)
{
    struct notify_message message;
    notify_parse(str_of(text), &message);
    assert_int_equal(message.words, words);
}

static void words_are_understood(void **state)
{
    (void)state;
    says("READY=1", NOTIFY_READY);
    says("READY=1\n", NOTIFY_READY);
    says("RELOADING=1\nMONOTONIC_USEC=123", NOTIFY_RELOADING);
    says("STOPPING=1", NOTIFY_STOPPING);
    says("WATCHDOG=1", NOTIFY_WATCHDOG);
    says("WATCHDOG=trigger", NOTIFY_WATCHDOG_TRIGGER);
    says("READY=1\nSTATUS=serving\nMAINPID=17", NOTIFY_READY | NOTIFY_STATUS | NOTIFY_MAINPID);
    says("BARRIER=1", 0);
}

static void what_is_unknown_is_left_out(void **state)
{
    (void)state;
    const char *const texts[] = {
        "",
        "\n\n\n",
        "=",
        "=1",
        "READY",
        "READY=0",
        "READY=11",
        "READY= 1",
        "ready=1",
        " READY=1",
        "FDSTORE=1\nFDNAME=x",
        "ERRNO=2",
        "BUSERROR=x",
        "X_MINE=1",
        "WATCHDOG=",
        "WATCHDOG_USEC=1",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        says(texts[i], 0);
}

static void values_are_taken(void **state)
{
    (void)state;
    struct notify_message message;
    notify_parse(str_of("STATUS=first\nSTATUS=a = b\nMAINPID=x1"), &message);
    assert_true(str_is(message.status, "a = b"));
    assert_true(str_is(message.main_pid, "x1"));
    notify_parse(str_of("EXTEND_TIMEOUT_USEC=2500000"), &message);
    assert_int_equal(message.words, NOTIFY_EXTEND);
    assert_true(message.extend == 2500 * NSEC_PER_MSEC);
    notify_parse(str_of("EXTEND_TIMEOUT_USEC=18446744073709551615"), &message);
    assert_true(message.extend == 24 * 3600 * NSEC_PER_SEC);
    const char *const nonsense[] = {"EXTEND_TIMEOUT_USEC=", "EXTEND_TIMEOUT_USEC=-1",
                                    "EXTEND_TIMEOUT_USEC=soon",
                                    "EXTEND_TIMEOUT_USEC=99999999999999999999999999"};
    for (size_t i = 0; i < 4; i++) {
        notify_parse(str_of(nonsense[i]), &message);
        assert_true(message.extend == 0);
    }
}

static void a_message_stays_until_it_is_taken(void **state)
{
    (void)state;
    int fd = open_socket();
    assert_int_equal(notify_peek(fd, &packet), 0);
    say(fd, "READY=1");
    say(fd, "STATUS=x");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(notify_peek(fd, &packet), 1);
        assert_int_equal(packet.size, 7);
        assert_memory_equal(packet.bytes, "READY=1", 7);
    }
    notify_take(fd);
    assert_int_equal(notify_peek(fd, &packet), 1);
    assert_memory_equal(packet.bytes, "STATUS=x", 8);
    notify_take(fd);
    assert_int_equal(notify_peek(fd, &packet), 0);
    notify_take(fd); // of nothing: does not wait
    assert_int_equal(close(fd), 0);
}

static void the_kernel_says_who_it_is(void **state)
{
    (void)state;
    int fd = open_socket();
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && setuid(65534) < 0)
            _exit(1);
        _exit(send_to(fd, "READY=1", 7) == 7 ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(notify_peek(fd, &packet), 1);
    assert_int_equal(packet.sender, child);
    assert_int_equal(packet.uid, geteuid() == 0 ? 65534 : geteuid());
    assert_int_equal(close(fd), 0);
}

static void names_are_different_and_stay(void **state)
{
    (void)state;
    char one[NOTIFY_NAME_BYTES], other[NOTIFY_NAME_BYTES], again[NOTIFY_NAME_BYTES];
    int first = open_socket(), second = open_socket();
    int copy = dup(first);
    assert_int_equal(notify_name(first, one), 0);
    assert_int_equal(notify_name(second, other), 0);
    assert_string_not_equal(one, other);
    assert_int_equal(close(first), 0);
    say(copy, "READY=1"); // whoever holds it hears what came meanwhile
    assert_int_equal(notify_name(copy, again), 0);
    assert_string_equal(one, again);
    assert_int_equal(notify_peek(copy, &packet), 1);
    assert_int_equal(close(copy), 0);
    assert_int_equal(close(second), 0);
}

static void other_descriptors_have_no_name(void **state)
{
    (void)state;
    char name[NOTIFY_NAME_BYTES];
    int pipe_ends[2], pair[2];
    assert_int_equal(pipe(pipe_ends), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
    assert_int_equal(notify_name(pipe_ends[0], name), -ENOTSOCK);
    assert_int_equal(notify_name(pair[0], name), -EINVAL);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(close(pipe_ends[i]), 0);
        assert_int_equal(close(pair[i]), 0);
    }
}

static void messages_of_any_size(void **state)
{
    (void)state;
    static char bytes[NOTIFY_MESSAGE_BYTES + 1];
    int fd = open_socket();
    memset(bytes, 'x', sizeof(bytes));
    assert_int_equal(send_to(fd, bytes, 0), 0);
    assert_int_equal(notify_peek(fd, &packet), 1);
    assert_int_equal(packet.size, 0);
    notify_take(fd);
    assert_int_equal(send_to(fd, bytes, NOTIFY_MESSAGE_BYTES), NOTIFY_MESSAGE_BYTES);
    assert_int_equal(notify_peek(fd, &packet), 1);
    assert_false(packet.is_too_long);
    notify_take(fd);
    assert_int_equal(send_to(fd, bytes, sizeof(bytes)), sizeof(bytes));
    assert_int_equal(notify_peek(fd, &packet), 1);
    assert_true(packet.is_too_long);
    notify_take(fd);
    assert_int_equal(notify_peek(fd, &packet), 0);
    assert_int_equal(close(fd), 0);
}

static unsigned count_descriptors(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

// sd_notify_barrier(3): one end of a pipe goes along; the sender waits until it is closed.
static void send_barrier(int fd, int end)
{
    socklen_t address_size;
    struct sockaddr_un address = address_of(fd, &address_size);
    struct iovec part = {(char *)(size_t) "BARRIER=1", 9};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr header = {
        .msg_name = &address,
        .msg_namelen = address_size,
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes),
    };
    struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &end, sizeof(int));
    int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(sendmsg(sender, &header, MSG_NOSIGNAL), 9);
    assert_int_equal(close(sender), 0);
}

static bool is_hung_up(int pipe_end)
{
    struct pollfd poll_for = {.fd = pipe_end, .events = 0};
    return poll(&poll_for, 1, 0) == 1 && poll_for.revents & POLLHUP;
}

static void descriptors_that_come_along_are_closed(void **state)
{
    (void)state;
    int fd = open_socket();
    unsigned before = count_descriptors();
    for (int i = 0; i < 1000; i++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        send_barrier(fd, ends[1]);
        assert_int_equal(close(ends[1]), 0);
        assert_int_equal(notify_peek(fd, &packet), 1);
        assert_int_equal(packet.size, 9);
        assert_int_equal(packet.sender, getpid());
        assert_false(is_hung_up(ends[0])); // not before the message was dealt with
        notify_take(fd);
        assert_true(is_hung_up(ends[0]));
        assert_int_equal(close(ends[0]), 0);
    }
    assert_int_equal(count_descriptors(), before);
    assert_int_equal(close(fd), 0);
}

static void who_floods_waits(void **state)
{
    (void)state;
    int fd = open_socket();
    unsigned count = 0;
    while (send_to(fd, "WATCHDOG=1", 10) == 10)
        count++;
    assert_int_equal(errno, EAGAIN); // the queue is the kernel's, and bounded
    for (; notify_peek(fd, &packet) == 1; count--)
        notify_take(fd);
    assert_int_equal(count, 0);
    assert_int_equal(close(fd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_understood),
        cmocka_unit_test(what_is_unknown_is_left_out),
        cmocka_unit_test(values_are_taken),
        cmocka_unit_test(a_message_stays_until_it_is_taken),
        cmocka_unit_test(the_kernel_says_who_it_is),
        cmocka_unit_test(names_are_different_and_stay),
        cmocka_unit_test(other_descriptors_have_no_name),
        cmocka_unit_test(messages_of_any_size),
        cmocka_unit_test(descriptors_that_come_along_are_closed),
        cmocka_unit_test(who_floods_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
