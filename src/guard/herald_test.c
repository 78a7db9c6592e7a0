// SPDX-License-Identifier: MIT
// With a socket in the place of an init.
#include "guard/herald.h"

#include "os/clock.h"
#include "os/spawn.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct board *board;
static struct launch_ring ring;
static struct herald herald;
static int board_fd;
static int init; // what an init reads

static int set_up(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[64];
    (void)state;
    int size = snprintf(name, sizeof(name), "@formation-herald-%d", (int)getpid());
    memcpy(address.sun_path + 1, name + 1, (size_t)size - 1);
    init = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (init < 0 || bind(init, (struct sockaddr *)&address,
                         (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)size)) < 0)
        return -1;
    (void)setenv("NOTIFY_SOCKET", name, 1);
    herald_open(&herald);
    int result = board_make(16, &board_fd, &board);
    if (result == 0)
        launch_ring_init(&ring, board);
    return result;
}

static int tear_down(void **state)
{
    (void)state;
    if (herald.socket >= 0)
        (void)close(herald.socket);
    board_unmap(board, 16);
    (void)close(board_fd);
    return close(init);
}

static struct guard_request request_of(const char *text, uint32_t token, int promise_ms)
{
    struct guard_request request = {
        .kind = GUARD_NOTIFY,
        .token = token,
        .value = promise_ms,
        .launch_size = (uint32_t)strlen(text) + 1,
    };
    char *to = launch_ring_reserve(&ring, request.launch_size, &request.launch_at);
    assert_non_null(to);
    memcpy(to, text, request.launch_size);
    return request;
}

static void say(const char *text, uint32_t token, int promise_ms)
{
    const struct guard_request request = request_of(text, token, promise_ms);
    herald_notify(&herald, board, &request);
}

static void expect(const char *wanted)
{
    char text[256] = "";
    ssize_t size = recv(init, text, sizeof(text) - 1, 0);
    assert_int_equal(size, strlen(wanted));
    assert_string_equal(text, wanted);
}

static void hands_on_what_is_said(void **state)
{
    (void)state;
    assert_true(herald.socket >= 0);
    say("READY=1\nSTATUS=all is well", 7, 0);
    expect("READY=1\nSTATUS=all is well");
    assert_int_equal(atomic_load(&board->notified), 7);
    say("WATCHDOG=1", 0, 0); // whether that arrives nobody asks
    expect("WATCHDOG=1");
    assert_int_equal(atomic_load(&board->notified), 7);
}

static void does_not_wait_for_an_init_that_takes_nothing(void **state)
{
    uint32_t token = 1;
    (void)state;
    do {
        assert_true(token < 100000);
        say("STATUS=more", ++token, 0);
    } while (atomic_load(&board->notified) == token);
    assert_int_equal(atomic_load(&board->notified), token - 1);
    expect("STATUS=more");
    say("STATUS=last", token, 0); // again, once there is room; the ring had been given back, too
    assert_int_equal(atomic_load(&board->notified), token);
}

static void an_init_that_is_gone_is_no_harm(void **state)
{
    (void)state;
    struct sockaddr_un before = herald.address;
    memcpy(herald.address.sun_path, "/nowhere", sizeof("/nowhere"));
    say("READY=1", 3, 0);
    assert_int_equal(atomic_load(&board->notified), 0);
    herald.address = before;
}

static void silence_is_counted_in_looks(void **state)
{
    (void)state;
    assert_false(herald_finds_silence(&herald)); // nothing was promised
    assert_true(herald.look_at == NSEC_NEVER);
    say("WATCHDOG=1", 0, 800);
    assert_true(herald.look_at <= clock_now() + 100 * NSEC_PER_MSEC);
    herald_hear(&herald);
    unsigned looks = 1;
    while (!herald_finds_silence(&herald))
        looks++;
    assert_int_equal(looks, 9); // more than all that the promise has
    herald_hear(&herald);
    assert_false(herald_finds_silence(&herald));
    const struct guard_request end = {.kind = GUARD_NOTIFY}; // takes the promise back, says nothing
    herald_notify(&herald, board, &end);
    assert_true(herald.look_at == NSEC_NEVER);
    assert_false(herald_finds_silence(&herald));
}

static void only_paths_and_abstract_names_are_addresses(void **state)
{
    static const char *const names[] = {"", "/", "@", "vsock:2:1", "relative"};
    char longest[200];
    (void)state;
    memset(longest, 'x', sizeof(longest));
    longest[0] = '/';
    longest[sizeof(longest) - 1] = '\0';
    for (size_t i = 0; i <= sizeof(names) / sizeof(names[0]); i++) {
        struct herald other;
        (void)setenv("NOTIFY_SOCKET", i < sizeof(names) / sizeof(names[0]) ? names[i] : longest, 1);
        herald_open(&other);
        assert_int_equal(other.socket, -1);
    }
    struct herald none;
    (void)unsetenv("NOTIFY_SOCKET");
    herald_open(&none);
    assert_int_equal(none.socket, -1);
    assert_false(herald_is_reloaded_by_hangup(&none));
}

// In a process of its own, since descriptors from 3 on are what LISTEN_FDS counts. Returns what
// stands in socket_count; `kinds` has for each of them whether it is a socket.
static int take(const char *kinds, const char *count, bool is_for_us)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        char number[16];
        struct herald child = {0};
        for (int i = 0; kinds[i]; i++) {
            int fd = kinds[i] == 's' ? socket(AF_UNIX, SOCK_STREAM, 0) : open("/dev/null", O_RDWR);
            if (fd != 3 + i && (dup2(fd, 3 + i) < 0 || close(fd) < 0))
                _exit(99);
        }
        (void)snprintf(number, sizeof(number), "%d", (int)getpid() + !is_for_us);
        (void)setenv("LISTEN_PID", number, 1);
        (void)setenv("LISTEN_FDS", count, 1);
        herald_take_sockets(&child);
        for (int i = 0; i < child.socket_count; i++)
            if (child.sockets[i] < SPAWN_RESERVED || fcntl(3 + i, F_GETFD) >= 0 ||
                fcntl(child.sockets[i], F_GETFD) != FD_CLOEXEC)
                _exit(98);
        _exit(child.socket_count & 0x3f);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void takes_the_sockets_of_an_init(void **state)
{
    (void)state;
    assert_int_equal(take("ss", "2", true), 2);
    assert_int_equal(take("s", "1", false), 0); // somebody else's
    assert_int_equal(take("s", "0", true), 0);
    assert_int_equal(take("s", "1x", true), 0);
    assert_int_equal(take("s", "-1", true), 0);
    assert_int_equal(take("sn", "2", true), BOARD_SOCKETS_BROKEN & 0x3f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hands_on_what_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(does_not_wait_for_an_init_that_takes_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_init_that_is_gone_is_no_harm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(silence_is_counted_in_looks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_paths_and_abstract_names_are_addresses, set_up,
                                        tear_down),
        cmocka_unit_test(takes_the_sockets_of_an_init),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
