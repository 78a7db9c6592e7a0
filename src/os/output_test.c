// SPDX-License-Identifier: MIT
// Pipes of the wanted size where the kernel gives them, smaller ones where it does not; terminals.
#include "os/output.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

enum { KIB = 1024, MIB = 1024 * KIB, NOBODY = 65534 };

static void close_pair(struct output_pair *pair)
{
    assert_int_equal(close(pair->near), 0);
    assert_int_equal(close(pair->far), 0);
}

static void test_sizes(void **state)
{
    (void)state;
    assert_int_equal(output_pipe_bytes(0), MIB);
    assert_int_equal(output_pipe_bytes(1), MIB);
    assert_int_equal(output_pipe_bytes(32), MIB);
    assert_int_equal(output_pipe_bytes(33), MIB / 2);
    assert_int_equal(output_pipe_bytes(1000), 64 * KIB);
    assert_int_equal(output_pipe_bytes(8192), 64 * KIB);
}

static void test_pipe(void **state)
{
    (void)state;
    static char bytes[MIB];
    struct output_pair pair;
    assert_int_equal(output_pipe(MIB, &pair), 0);
    assert_int_equal(fcntl(pair.near, F_GETPIPE_SZ), MIB);
    assert_int_equal(fcntl(pair.near, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(pair.far, F_GETFD), FD_CLOEXEC);
    assert_true(fcntl(pair.near, F_GETFL) & O_NONBLOCK);
    assert_false(fcntl(pair.far, F_GETFL) & O_NONBLOCK); // the process's business
    assert_int_equal(output_waiting_bytes(pair.near), 0);
    assert_int_equal(read(pair.near, bytes, 1), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(write(pair.far, bytes, MIB), MIB); // without a reader: it fits
    assert_true(output_waiting_bytes(pair.near) >= MIB);
    close_pair(&pair);
}

// An ordinary user's pipes become small once they hold pipe-user-pages-soft together (pipe(7)).
static int exhaust_pages(void)
{
    struct output_pair pair;
    struct rlimit most;
    if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setuid(NOBODY) < 0))
        return 2;
    (void)getrlimit(RLIMIT_NOFILE, &most);
    most.rlim_cur = most.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &most);
    int previous = MIB;
    for (int i = 0; i < 400; i++) {
        if (output_pipe(MIB, &pair) < 0)
            return 3;
        int size = fcntl(pair.near, F_GETPIPE_SZ);
        if (size < 4 * KIB || size > previous)
            return 4;
        previous = size;
        char byte = 'x';
        if (write(pair.far, &byte, 1) != 1 || read(pair.near, &byte, 1) != 1)
            return 5;
    }
    return previous < MIB ? 0 : 77; // an administrator may have allowed more
}

static void test_pages_are_exhausted(void **state)
{
    (void)state;
    int status = -1;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(exhaust_pages());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(status, 0);
}

static void test_no_descriptors(void **state)
{
    (void)state;
    struct rlimit before;
    struct output_pair pair = {-7, -7};
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit few = {.rlim_cur = 4, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    int first = dup(0); // one is left at most: not enough for two
    int pipe_result = output_pipe(MIB, &pair);
    int terminal_result = output_terminal(0, &pair);
    if (first >= 0)
        (void)close(first);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(pipe_result, -EMFILE);
    assert_int_equal(terminal_result, -EMFILE);
    assert_int_equal(pair.near, -7);
}

static void expect_text(int fd, const char *text)
{
    char got[64] = "";
    size_t size = 0;
    while (size < strlen(text)) {
        assert_int_equal(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 10000), 1);
        ssize_t count = read(fd, got + size, sizeof(got) - 1 - size);
        assert_true(count > 0);
        size += (size_t)count;
    }
    assert_string_equal(got, text);
}

static void test_terminal(void **state)
{
    (void)state;
    struct output_pair pair;
    struct winsize size = {0};
    assert_int_equal(output_terminal(0, &pair), 0);
    assert_true(isatty(pair.far));
    assert_int_equal(fcntl(pair.near, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(pair.far, F_GETFD), FD_CLOEXEC);
    assert_int_equal(ioctl(pair.far, TIOCGWINSZ, &size), 0);
    assert_true(size.ws_col > 0 && size.ws_row > 0);
    size = (struct winsize){.ws_row = 1, .ws_col = 1};
    assert_int_equal(ioctl(pair.near, TIOCSWINSZ, &size), 0);
    output_terminal_resize(pair.near, 0);
    assert_int_equal(ioctl(pair.far, TIOCGWINSZ, &size), 0);
    assert_true(size.ws_col > 1);
    assert_int_equal(write(pair.far, "hello\n", 6), 6);
    expect_text(pair.near, "hello\r\n");
    close_pair(&pair);
}

// A terminal serves one incarnation after the other, though each is its session's leader.
static void test_terminal_outlives_its_session(void **state)
{
    (void)state;
    struct output_pair pair;
    assert_int_equal(output_terminal(0, &pair), 0);
    for (int i = 0; i < 3; i++) {
        int status = -1;
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            _exit(setsid() < 0 || ioctl(pair.far, TIOCSCTTY, 0) < 0 ||
                  tcgetpgrp(pair.far) != getpid() || write(pair.far, "x\n", 2) != 2);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        expect_text(pair.near, "x\r\n");
    }
    close_pair(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_pipe),
        cmocka_unit_test(test_pages_are_exhausted),
        cmocka_unit_test(test_no_descriptors),
        cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_terminal_outlives_its_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
