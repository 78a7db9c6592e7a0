// SPDX-License-Identifier: MIT
// Against real pipes, terminals, sockets and files: nothing blocks, nothing is lost, and the
// descriptor's other users find its flags and its offset as they were.
#include "stream/outlet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { LARGE_BYTES = 1024 * 1024 };

static bool is_non_blocking(int fd)
{
    return fcntl(fd, F_GETFL) & O_NONBLOCK;
}

// Numbered lines, so that a lost or doubled byte shows.
static void append_large(struct buffer *buffer)
{
    for (unsigned i = 0; buffer->size < LARGE_BYTES; i++)
        buffer_append_format(buffer, "line %u\n", i);
}

static void append_from(struct buffer *buffer, int fd)
{
    char bytes[65536];
    ssize_t size = read(fd, bytes, sizeof(bytes));
    assert_true(size >= 0);
    buffer_append(buffer, bytes, (size_t)size);
}

// Reads as the other side while the outlet is busy, and compares everything in the end.
static void assert_moves_everything(struct outlet *outlet, int reader)
{
    struct buffer expected = {0};
    struct buffer seen = {0};
    append_large(&expected);
    append_large(outlet_buffer(outlet));
    assert_true(outlet_is_full(outlet));
    assert_int_equal(outlet_push(outlet), OUTLET_BUSY); // and did not block
    assert_true(outlet_waiting_bytes(outlet) > 0);
    while (outlet_push(outlet) == OUTLET_BUSY) {
        append_from(&seen, reader);
        struct pollfd writable = {.fd = outlet_fd(outlet), .events = POLLOUT};
        while (poll(&writable, 1, 0) == 0)
            append_from(&seen, reader);
    }
    assert_int_equal(outlet->state, OUTLET_IDLE);
    assert_false(outlet_is_full(outlet));
    while (seen.size < expected.size)
        append_from(&seen, reader);
    assert_int_equal(seen.size, expected.size);
    assert_memory_equal(seen.bytes, expected.bytes, expected.size);
    buffer_fini(&expected);
    buffer_fini(&seen);
}

static void test_pipe(void **state)
{
    (void)state;
    int ends[2];
    struct outlet outlet;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(outlet_open(&outlet, ends[1], NULL), 0);
    assert_int_equal(outlet.kind, OUTLET_OWN);
    assert_true(is_non_blocking(outlet_fd(&outlet)));
    assert_false(is_non_blocking(ends[1]));
    assert_false(outlet.is_terminal);
    assert_moves_everything(&outlet, ends[0]);

    buffer_append_text(outlet_buffer(&outlet), "x");
    close(ends[0]);
    assert_int_equal(outlet_push(&outlet), OUTLET_CLOSED);
    assert_int_equal(outlet_waiting_bytes(&outlet), 0);
    buffer_append_text(outlet_buffer(&outlet), "y");
    assert_int_equal(outlet_push(&outlet), OUTLET_CLOSED);
    assert_int_equal(outlet_waiting_bytes(&outlet), 0);
    outlet_close(&outlet);
    close(ends[1]);
}

static void test_pipe_without_a_reader(void **state)
{
    (void)state;
    int ends[2];
    struct outlet outlet;
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(outlet_open(&outlet, ends[1], NULL), 0);
    buffer_append_text(outlet_buffer(&outlet), "x");
    assert_int_equal(outlet_push(&outlet), OUTLET_CLOSED);
    outlet_close(&outlet);
    close(ends[1]);
}

// As when stdout belongs to another user and /proc forbids to open it.
static void test_pipe_that_cannot_be_reopened(void **state)
{
    (void)state;
    int ends[2];
    struct outlet outlet;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(outlet_open(&outlet, ends[1], NULL), 0);
    close(outlet.fd);
    outlet.kind = OUTLET_POLLED;
    outlet.fd = ends[1];
    assert_moves_everything(&outlet, ends[0]);
    close(ends[0]);
    buffer_append_text(outlet_buffer(&outlet), "x");
    assert_int_equal(outlet_push(&outlet), OUTLET_CLOSED);
    outlet_close(&outlet);
    assert_true(fcntl(ends[1], F_GETFD) >= 0); // it is the caller's
    close(ends[1]);
}

static void test_socket(void **state)
{
    (void)state;
    int ends[2];
    struct outlet outlet;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(outlet_open(&outlet, ends[1], NULL), 0);
    assert_int_equal(outlet.kind, OUTLET_SOCKET);
    assert_moves_everything(&outlet, ends[0]);
    assert_false(is_non_blocking(ends[1]));
    close(ends[0]);
    buffer_append_text(outlet_buffer(&outlet), "x");
    assert_int_equal(outlet_push(&outlet), OUTLET_CLOSED);
    outlet_close(&outlet);
    close(ends[1]);
}

static void open_terminal(int *master, int *slave)
{
    struct termios mode;
    assert_int_equal(openpty(master, slave, NULL, NULL, NULL), 0);
    assert_int_equal(tcgetattr(*slave, &mode), 0);
    cfmakeraw(&mode);
    assert_int_equal(tcsetattr(*slave, TCSANOW, &mode), 0);
}

static void test_terminal(void **state)
{
    (void)state;
    int master;
    int slave;
    struct outlet outlet;
    open_terminal(&master, &slave);
    assert_int_equal(outlet_open(&outlet, slave, NULL), 0);
    assert_true(outlet.is_terminal);
    assert_int_equal(outlet.kind, OUTLET_OWN);
    assert_false(is_non_blocking(slave));
    assert_moves_everything(&outlet, master);
    close(master);
    buffer_append_text(outlet_buffer(&outlet), "x");
    assert_int_equal(outlet_push(&outlet), OUTLET_CLOSED);
    outlet_close(&outlet);
    close(slave);
}

// Opening a master side anew would give another terminal, and the bytes would vanish in it.
static void test_master_side_of_a_terminal(void **state)
{
    (void)state;
    int master;
    int slave;
    char bytes[8] = "";
    struct outlet outlet;
    open_terminal(&master, &slave);
    assert_int_equal(outlet_open(&outlet, master, NULL), 0);
    assert_int_equal(outlet.kind, OUTLET_POLLED);
    buffer_append_text(outlet_buffer(&outlet), "hello");
    assert_int_equal(outlet_push(&outlet), OUTLET_IDLE);
    assert_int_equal(read(slave, bytes, sizeof(bytes)), 5);
    assert_string_equal(bytes, "hello");
    outlet_close(&outlet);
    close(master);
    close(slave);
}

static int temporary_file(void)
{
    char path[] = "/tmp/outlet_test.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(unlink(path), 0);
    return fd;
}

static void test_file_keeps_the_shared_offset(void **state)
{
    (void)state;
    int fd = temporary_file();
    int shared = dup(fd);
    char bytes[16] = "";
    struct outlet outlet;
    assert_int_equal(outlet_open(&outlet, fd, NULL), 0);
    assert_int_equal(outlet.kind, OUTLET_FILE);
    assert_int_equal(write(shared, "one ", 4), 4);
    buffer_append_text(outlet_buffer(&outlet), "two ");
    assert_int_equal(outlet_push(&outlet), OUTLET_IDLE);
    assert_int_equal(write(shared, "three", 5), 5);
    assert_int_equal(pread(fd, bytes, sizeof(bytes), 0), 13);
    assert_string_equal(bytes, "one two three");
    outlet_close(&outlet);
    close(shared);
    close(fd);
}

static void test_file_size_limit(void **state)
{
    (void)state;
    struct rlimit old;
    struct outlet outlet;
    int fd = temporary_file();
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    struct rlimit limit = {.rlim_cur = 4, .rlim_max = old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(outlet_open(&outlet, fd, NULL), 0);
    buffer_append_text(outlet_buffer(&outlet), "123456");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    enum outlet_state after = outlet_push(&outlet);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(after, OUTLET_FAILED);
    assert_int_equal(outlet.error, EFBIG);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 4);
    outlet_close(&outlet);
    close(fd);
}

static void test_full_disk_waits(void **state)
{
    (void)state;
    struct outlet outlet;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(outlet_open(&outlet, fd, NULL), 0);
    buffer_append_text(outlet_buffer(&outlet), "kept");
    assert_int_equal(outlet_push(&outlet), OUTLET_NO_SPACE);
    assert_int_equal(outlet_drain(&outlet, NSEC_PER_MSEC), OUTLET_NO_SPACE);
    assert_int_equal(outlet_waiting_bytes(&outlet), 4);

    int file = temporary_file(); // there is room again
    assert_int_equal(dup2(file, fd), fd);
    assert_int_equal(outlet_push(&outlet), OUTLET_IDLE);
    assert_int_equal(lseek(file, 0, SEEK_CUR), 4);
    outlet_close(&outlet);
    close(file);
    close(fd);
}

static void test_failures(void **state)
{
    (void)state;
    struct outlet outlet;
    struct error error;
    assert_int_equal(outlet_open(&outlet, 1000, &error), -EBADF);
    assert_string_equal(error.text, "cannot write to descriptor 1000: Bad file descriptor");
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(outlet_open(&outlet, fd, NULL), 0);
    assert_int_equal(outlet_push(&outlet), OUTLET_IDLE);
    buffer_append_text(outlet_buffer(&outlet), "x");
    assert_int_equal(outlet_push(&outlet), OUTLET_FAILED);
    assert_int_equal(outlet.error, EBADF);
    outlet_close(&outlet);
    outlet_close(&outlet);
    close(fd);
}

static void test_offer_gathers(void **state)
{
    (void)state;
    int fd = temporary_file();
    struct outlet outlet;
    assert_int_equal(outlet_open(&outlet, fd, NULL), 0);
    while (outlet_waiting_bytes(&outlet) < OUTLET_WRITE_BYTES) {
        assert_int_equal(outlet_offer(&outlet), OUTLET_IDLE);
        assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
        buffer_append_text(outlet_buffer(&outlet), "0123456789abcdef");
    }
    assert_int_equal(outlet_offer(&outlet), OUTLET_IDLE);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), OUTLET_WRITE_BYTES);
    outlet_close(&outlet);
    close(fd);
}

static void test_lack_of_memory_is_told(void **state)
{
    (void)state;
    int fd = temporary_file();
    struct outlet outlet;
    assert_int_equal(outlet_open(&outlet, fd, NULL), 0);
    buffer_append_text(outlet_buffer(&outlet), "kept");
    outlet_buffer(&outlet)->failed = true;
    buffer_append_text(outlet_buffer(&outlet), "lost");
    assert_int_equal(outlet_push(&outlet), OUTLET_IDLE);
    assert_true(outlet.lost_bytes);
    buffer_append_text(outlet_buffer(&outlet), "kept");
    assert_int_equal(outlet_push(&outlet), OUTLET_IDLE);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 8);
    outlet_close(&outlet);
    close(fd);
}

static void test_drain_waits_for_the_reader(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t reader = fork();
    assert_true(reader >= 0);
    if (reader == 0) {
        close(ends[1]);
        char bytes[4096];
        size_t sum = 0;
        ssize_t size;
        while ((size = read(ends[0], bytes, sizeof(bytes))) > 0)
            sum += (size_t)size;
        _exit(sum >= LARGE_BYTES ? 0 : 1);
    }
    close(ends[0]);
    struct outlet outlet;
    assert_int_equal(outlet_open(&outlet, ends[1], NULL), 0);
    append_large(outlet_buffer(&outlet));
    assert_int_equal(outlet_drain(&outlet, NSEC_NEVER), OUTLET_IDLE);
    assert_int_equal(outlet.queue.capacity, 0); // a large queue's memory is given back
    outlet_close(&outlet);
    close(ends[1]);
    int status = -1;
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_int_equal(status, 0);
}

static void test_drain_gives_up(void **state)
{
    (void)state;
    int ends[2];
    struct outlet outlet;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(outlet_open(&outlet, ends[1], NULL), 0);
    append_large(outlet_buffer(&outlet));
    assert_int_equal(outlet_drain(&outlet, 5 * NSEC_PER_MSEC), OUTLET_BUSY);
    assert_true(outlet_waiting_bytes(&outlet) > 0);
    outlet_close(&outlet);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pipe),
        cmocka_unit_test(test_pipe_without_a_reader),
        cmocka_unit_test(test_pipe_that_cannot_be_reopened),
        cmocka_unit_test(test_socket),
        cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_master_side_of_a_terminal),
        cmocka_unit_test(test_file_keeps_the_shared_offset),
        cmocka_unit_test(test_file_size_limit),
        cmocka_unit_test(test_full_disk_waits),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_offer_gathers),
        cmocka_unit_test(test_lack_of_memory_is_told),
        cmocka_unit_test(test_drain_waits_for_the_reader),
        cmocka_unit_test(test_drain_gives_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
