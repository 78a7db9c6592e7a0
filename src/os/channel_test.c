// SPDX-License-Identifier: MIT
// Messages that are too long, too many, or cut off by the peer's death.
#include "os/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct message {
    uint32_t number;
    char rest[44];
};

static int ends[2];

static int open_channel(void **state)
{
    (void)state;
    return channel_pair(ends);
}

static int close_channel(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0)
            (void)close(ends[i]);
    return 0;
}

static void close_end(int i)
{
    assert_int_equal(close(ends[i]), 0);
    ends[i] = -1;
}

static int send_number(int end, uint32_t number)
{
    struct message message = {.number = number};
    return channel_send(ends[end], &message, sizeof(message), NULL, 0, true);
}

static int receive(int end, struct message *message)
{
    int fds[CHANNEL_DESCRIPTORS];
    size_t fd_count = 99;
    int result = channel_receive(ends[end], message, sizeof(*message), fds, &fd_count);
    if (result > 0)
        assert_int_equal(fd_count, 0);
    return result;
}

static void test_messages_keep_their_borders(void **state)
{
    (void)state;
    struct message message;
    assert_int_equal(receive(1, &message), 0); // none now
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(send_number(0, i), 0);
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(receive(1, &message), 1);
        assert_int_equal(message.number, i);
    }
    assert_int_equal(receive(1, &message), 0);
    assert_int_equal(send_number(1, 7), 0); // both ways
    assert_int_equal(receive(0, &message), 1);
}

static void test_another_size_is_refused(void **state)
{
    (void)state;
    struct message message;
    char longer[sizeof(message) + 1] = "";
    int fd = ends[0];
    assert_int_equal(channel_send(ends[0], longer, sizeof(longer), &fd, 1, true), 0);
    assert_int_equal(channel_send(ends[0], longer, 3, &fd, 1, true), 0);
    assert_int_equal(send_number(0, 5), 0);
    int next = dup(fd); // the lowest free number, also afterwards: nothing was kept
    assert_int_equal(close(next), 0);
    assert_int_equal(receive(1, &message), -EBADMSG);
    assert_int_equal(receive(1, &message), -EBADMSG);
    assert_int_equal(receive(1, &message), 1); // those behind it are whole
    assert_int_equal(message.number, 5);
    int after = dup(fd);
    assert_int_equal(after, next);
    assert_int_equal(close(after), 0);
}

static void test_peer_is_gone(void **state)
{
    (void)state;
    struct message message;
    assert_int_equal(send_number(0, 1), 0);
    assert_int_equal(send_number(0, 2), 0);
    close_end(0);
    assert_int_equal(receive(1, &message), 1); // what it had said is not lost
    assert_int_equal(receive(1, &message), 1);
    assert_int_equal(message.number, 2);
    assert_int_equal(receive(1, &message), -EPIPE);
    assert_int_equal(receive(1, &message), -EPIPE);
    assert_int_equal(send_number(1, 1), -EPIPE); // and no SIGPIPE
}

// It may have left something unread, which unix(7) reports as ECONNRESET.
static void test_peer_is_gone_with_messages_unread(void **state)
{
    (void)state;
    struct message message;
    assert_int_equal(send_number(1, 1), 0);
    assert_int_equal(send_number(0, 2), 0);
    close_end(0);
    int result;
    unsigned count = 0;
    while ((result = receive(1, &message)) > 0)
        count++;
    assert_int_equal(result, -EPIPE);
    assert_true(count <= 1);
    assert_int_equal(send_number(1, 1), -EPIPE);
}

static void test_descriptors_are_passed(void **state)
{
    (void)state;
    struct message message = {.number = 1};
    int pairs[CHANNEL_DESCRIPTORS][2];
    int fds[CHANNEL_DESCRIPTORS];
    size_t fd_count = 0;
    for (int i = 0; i < CHANNEL_DESCRIPTORS; i++) {
        assert_int_equal(pipe(pairs[i]), 0);
        fds[i] = pairs[i][1];
    }
    assert_int_equal(
        channel_send(ends[0], &message, sizeof(message), fds, CHANNEL_DESCRIPTORS, true), 0);
    for (int i = 0; i < CHANNEL_DESCRIPTORS; i++)
        assert_int_equal(close(fds[i]), 0); // those under way live on
    assert_int_equal(channel_receive(ends[1], &message, sizeof(message), fds, &fd_count), 1);
    assert_int_equal(fd_count, CHANNEL_DESCRIPTORS);
    for (int i = 0; i < CHANNEL_DESCRIPTORS; i++) {
        char byte = (char)('a' + i);
        char got = 0;
        assert_int_equal(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
        assert_int_equal(write(fds[i], &byte, 1), 1);
        assert_int_equal(read(pairs[i][0], &got, 1), 1);
        assert_int_equal(got, byte); // in their order
        assert_int_equal(close(fds[i]), 0);
        assert_int_equal(close(pairs[i][0]), 0);
    }
}

static void test_no_room_for_descriptors(void **state)
{
    (void)state;
    struct message message = {.number = 1};
    struct rlimit before;
    int fds[CHANNEL_DESCRIPTORS];
    size_t fd_count = 99;
    int sent[2] = {ends[0], ends[0]};
    assert_int_equal(channel_send(ends[0], &message, sizeof(message), sent, 2, true), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int result = channel_receive(ends[1], &message, sizeof(message), fds, &fd_count);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(result, 1); // whole, but for them
    assert_int_equal(fd_count, 0);
}

static void test_full(void **state)
{
    (void)state;
    struct message message;
    uint32_t sent = 0;
    int result;
    while ((result = send_number(0, sent)) == 0)
        sent++;
    assert_int_equal(result, -EAGAIN);
    assert_true(sent >= 100);
    for (uint32_t i = 0; i < sent; i++) { // all of them, and none twice
        assert_int_equal(receive(1, &message), 1);
        assert_int_equal(message.number, i);
    }
    assert_int_equal(receive(1, &message), 0);
    assert_int_equal(send_number(0, 0), 0);
}

// A blocked sender goes on when there is room, and is told when the reader dies instead.
static void test_sender_waits_for_room(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    struct message message;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(ends[1]);
        for (uint32_t i = 0; i < COUNT; i++) {
            message = (struct message){.number = i};
            if (channel_send(ends[0], &message, sizeof(message), NULL, 0, false) < 0)
                _exit(1);
        }
        int result;
        while ((result = channel_send(ends[0], &message, sizeof(message), NULL, 0, false)) == 0) {
        }
        _exit(result == -EPIPE ? 0 : 2);
    }
    close_end(0);
    for (uint32_t i = 0; i < COUNT;) {
        int result = receive(1, &message);
        assert_true(result >= 0);
        if (result == 0)
            (void)poll(&(struct pollfd){.fd = ends[1], .events = POLLIN}, 1, 10000);
        else
            assert_int_equal(message.number, i++);
    }
    close_end(1);
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_messages_keep_their_borders, open_channel,
                                        close_channel),
        cmocka_unit_test_setup_teardown(test_another_size_is_refused, open_channel, close_channel),
        cmocka_unit_test_setup_teardown(test_peer_is_gone, open_channel, close_channel),
        cmocka_unit_test_setup_teardown(test_peer_is_gone_with_messages_unread, open_channel,
                                        close_channel),
        cmocka_unit_test_setup_teardown(test_descriptors_are_passed, open_channel, close_channel),
        cmocka_unit_test_setup_teardown(test_no_room_for_descriptors, open_channel, close_channel),
        cmocka_unit_test_setup_teardown(test_full, open_channel, close_channel),
        cmocka_unit_test_setup_teardown(test_sender_waits_for_room, open_channel, close_channel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
