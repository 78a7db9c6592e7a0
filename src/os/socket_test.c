// SPDX-License-Identifier: MIT
// Real sockets in a folder of their own, with other processes and another user at the other end.
#include "os/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { BACKLOG = 64 };

static char folder[] = "/tmp/formation-socket-XXXXXX";

static int enter_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[64];
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    return chdir("/") == 0 ? system(command) : -1;
}

static int listen_at(const char *path)
{
    struct error error = {0};
    int listener = -1;
    int result = socket_listen(path, BACKLOG, &listener, NULL, &error);
    if (result < 0)
        fail_msg("%s", error.text);
    return listener;
}

static int connect_to(const char *path)
{
    int fd = -1;
    assert_int_equal(socket_connect(path, NSEC_PER_SEC, &fd), 0);
    return fd;
}

static void leave(int listener, const char *path)
{
    socket_close(listener);
    (void)socket_remove_stale(path);
}

// What a crash leaves: the file, and nobody behind it.
static void leave_stale(const char *path)
{
    int listener = listen_at(path);
    assert_int_equal(close(listener), 0);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static unsigned count_files(const char *path)
{
    char command[512];
    unsigned count = 0;
    (void)snprintf(command, sizeof(command), "find '%s' ! -type d | wc -l", path);
    FILE *listing = popen(command, "r");
    assert_non_null(listing);
    assert_int_equal(fscanf(listing, "%u", &count), 1);
    (void)pclose(listing);
    return count;
}

// The exit status of a child that runs `act`.
static int status_of(int (*act)(const char *path), const char *path)
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(act(path));
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_bytes_go_through(void **state)
{
    (void)state;
    char got[8] = {0};
    int accepted = -1;
    struct socket_peer peer;
    int listener = listen_at("plain");
    int client = connect_to("plain");
    assert_int_equal(socket_accept(listener, &accepted), 0);
    assert_int_equal(write(client, "hello", 5), 5);
    assert_int_equal(read(accepted, got, sizeof(got)), 5);
    assert_string_equal(got, "hello");
    for (int i = 0; i < 2; i++) { // from both ends
        assert_int_equal(socket_read_peer(i ? client : accepted, &peer), 0);
        assert_int_equal(peer.pid, getpid());
        assert_int_equal(peer.uid, geteuid());
        assert_true(socket_peer_is_trusted(&peer));
    }
    assert_int_equal(read(client, got, sizeof(got)), -1); // none of them blocks
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(read(accepted, got, sizeof(got)), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(socket_accept(listener, &(int){-1}), -EAGAIN);
    int all[] = {listener, client, accepted};
    for (size_t i = 0; i < 3; i++) {
        assert_true(fcntl(all[i], F_GETFD) & FD_CLOEXEC);
        assert_int_equal(close(all[i]), 0);
    }
    assert_int_equal(unlink("plain"), 0);
}

static void test_private_whatever_the_umask(void **state)
{
    (void)state;
    static const mode_t masks[] = {0, 022, 0777};
    for (size_t i = 0; i < sizeof(masks) / sizeof(*masks); i++) {
        struct stat status;
        mode_t before = umask(masks[i]);
        int listener = listen_at("private");
        (void)umask(before);
        assert_int_equal(stat("private", &status), 0);
        assert_int_equal(status.st_mode, S_IFSOCK | 0600);
        leave(listener, "private");
        assert_int_equal(access("private", F_OK), -1);
    }
}

// Folders of 100 bytes, one in the other, until the path has about `size` bytes.
static void make_long_path(char *out, size_t size, const char *name)
{
    (void)snprintf(out, 512, "%s", folder);
    while (strlen(out) + strlen(name) + 1 < size) {
        size_t used = strlen(out);
        (void)snprintf(out + used, 512 - used, "/%0100d", 0);
        if (mkdir(out, 0700) < 0)
            assert_int_equal(errno, EEXIST);
    }
    size_t used = strlen(out);
    (void)snprintf(out + used, 512 - used, "/%s", name);
}

static void test_long_paths(void **state)
{
    (void)state;
    char path[512];
    char name[201];
    make_long_path(path, 300, "control.sock");
    assert_true(strlen(path) >= 300);
    int listener = listen_at(path);
    assert_int_equal(close(connect_to(path)), 0);
    assert_int_equal(close(listener), 0);
    leave(listen_at(path), path); // over the stale one
    memset(name, 'n', 200);       // also a name that alone is too long
    name[200] = '\0';
    make_long_path(path, 300, name);
    listener = listen_at(path);
    assert_int_equal(close(connect_to(path)), 0);
    leave(listener, path);
    *strrchr(path, '/') = '\0';
    assert_int_equal(count_files(path), 0);
}

static void test_longest_plain_address(void **state)
{
    (void)state;
    struct sockaddr_un address;
    for (size_t size = sizeof(address.sun_path) - 3; size < sizeof(address.sun_path) + 3; size++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/%0*d", folder, (int)(size - strlen(folder) - 1), 0);
        assert_int_equal(strlen(path), size);
        int listener = listen_at(path);
        assert_int_equal(close(connect_to(path)), 0);
        leave(listener, path);
    }
}

enum { CANNOT_HIDE_PROC = 77 };

static int live_without_proc(const char *long_path)
{
    int listener;
    int client;
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", "/proc", "tmpfs", 0, NULL) < 0)
        return CANNOT_HIDE_PROC;
    if (socket_listen(long_path, 1, &listener, NULL, NULL) != -ENAMETOOLONG)
        return 1;
    for (int i = 0; i < 2; i++) // the second time in place of a stale one
        if (socket_listen("short", 1, &listener, NULL, NULL) < 0 ||
            socket_connect("short", NSEC_PER_SEC, &client) < 0 ||
            socket_listen("short", 1, &client, NULL, NULL) != -EADDRINUSE || close(listener) < 0)
            return 2;
    return -socket_remove_stale("short");
}

static void test_without_proc(void **state)
{
    (void)state;
    char path[512];
    make_long_path(path, 300, "control.sock");
    int status = status_of(live_without_proc, path);
    if (status == CANNOT_HIDE_PROC)
        skip();
    assert_int_equal(status, 0);
    assert_int_equal(count_files("."), 0);
}

static void test_stale_is_replaced(void **state)
{
    (void)state;
    int fd;
    leave_stale("stale");
    assert_int_equal(socket_connect("stale", NSEC_PER_SEC, &fd), -ECONNREFUSED);
    int listener = listen_at("stale");
    assert_int_equal(close(connect_to("stale")), 0);
    assert_int_equal(socket_remove_stale("stale"), -EADDRINUSE);
    assert_int_equal(close(listener), 0);
    assert_int_equal(socket_remove_stale("stale"), 0);
    assert_int_equal(socket_remove_stale("stale"), -ENOENT);
    assert_int_equal(count_files("."), 0);
}

static void test_second_is_told_who_listens(void **state)
{
    (void)state;
    struct error error;
    char wanted[64];
    pid_t holder = 0;
    int second = -1;
    int listener = listen_at("held");
    assert_int_equal(socket_listen("held", BACKLOG, &second, &holder, &error), -EADDRINUSE);
    assert_int_equal(holder, getpid());
    assert_int_equal(second, -1);
    (void)snprintf(wanted, sizeof(wanted), "process %d listens at held already", getpid());
    assert_string_equal(error.text, wanted);
    leave(listener, "held");
}

static int listen_again(const char *number)
{
    return socket_listen_again(atoi(number), BACKLOG) == 0 ? 0 : 1;
}

static void test_who_listens_can_change(void **state)
{
    (void)state;
    char number[16];
    struct error error;
    pid_t holder = 0;
    int listener = listen_at("handed");
    (void)snprintf(number, sizeof(number), "%d", listener);
    assert_int_equal(status_of(listen_again, number), 0);
    assert_int_equal(socket_listen("handed", 1, &(int){0}, &holder, &error), -EADDRINUSE);
    assert_true(holder > 0 && holder != getpid());
    assert_int_equal(socket_listen_again(listener, BACKLOG), 0);
    assert_int_equal(socket_listen("handed", 1, &(int){0}, &holder, &error), -EADDRINUSE);
    assert_int_equal(holder, getpid());
    leave(listener, "handed");
}

static void test_other_files_are_left_alone(void **state)
{
    (void)state;
    char got[8] = {0};
    struct error error;
    int fd = -1;
    write_file("file", "mine");
    assert_int_equal(socket_listen("file", 1, &fd, NULL, &error), -EEXIST);
    assert_string_equal(error.text, "file is no stream socket; move it out of the way");
    assert_int_equal(socket_connect("file", 0, &fd), -ENOTSOCK);
    assert_int_equal(socket_remove_stale("file"), -EEXIST);
    FILE *file = fopen("file", "r");
    assert_non_null(fgets(got, sizeof(got), file));
    assert_string_equal(got, "mine");
    (void)fclose(file);

    leave_stale("real"); // a link is not followed to what it may lead to
    assert_int_equal(symlink("real", "link"), 0);
    assert_int_equal(socket_listen("link", 1, &fd, NULL, &error), -EEXIST);
    assert_int_equal(socket_remove_stale("link"), -EEXIST);
    assert_int_equal(mkdir("dir", 0700), 0);
    assert_int_equal(socket_listen("dir", 1, &fd, NULL, &error), -EEXIST);

    int datagrams = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "datagrams"};
    assert_int_equal(bind(datagrams, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(socket_listen("datagrams", 1, &fd, NULL, &error), -EEXIST);
    (void)close(datagrams);
}

static void test_leaving_does_not_take_what_is_not_ours(void **state)
{
    (void)state;
    int first = listen_at("taken");
    assert_int_equal(unlink("taken"), 0); // somebody tidied up …
    int second = listen_at("taken");      // … and somebody else came
    leave(first, "taken");
    assert_int_equal(close(connect_to("taken")), 0);
    leave(second, "taken");
    first = listen_at("taken");
    assert_int_equal(unlink("taken"), 0);
    write_file("taken", "mine");
    leave(first, "taken");
    assert_int_equal(access("taken", F_OK), 0);
    assert_int_equal(unlink("taken"), 0);
}

static void test_leaving_ends_it_for_all_who_hold_it(void **state)
{
    (void)state;
    int listener = listen_at("shared");
    int copy = dup(listener); // as a guard or a manager has it that still runs
    leave(listener, "shared");
    assert_int_equal(access("shared", F_OK), -1);
    (void)close(copy);
}

static void test_tells_why_not(void **state)
{
    (void)state;
    struct error error;
    int fd = -1;
    assert_int_equal(socket_listen("nosuch/here", 1, &fd, NULL, &error), -ENOENT);
    assert_string_equal(error.text, "cannot listen at nosuch/here: No such file or directory");
    assert_int_equal(socket_listen("file/here", 1, &fd, NULL, &error), -ENOTDIR);
    assert_int_equal(socket_listen("ends/", 1, &fd, NULL, &error), -EISDIR);
    assert_int_equal(socket_connect("nosuch", 0, &fd), -ENOENT);
    assert_int_equal(fd, -1);
}

static void on_alarm(int signal)
{
    (void)signal;
}

static void test_a_full_queue_has_an_end(void **state)
{
    (void)state;
    int clients[3];
    int last = -1;
    int listener = -1;
    pid_t holder = 1;
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval often = {{0, 5000}, {0, 5000}};
    assert_int_equal(socket_listen("full", 2, &listener, NULL, NULL), 0);
    for (int i = 0; i < 3; i++) // the queue holds one more than asked for
        clients[i] = connect_to("full");
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0); // a signal is no answer
    assert_int_equal(socket_connect("full", 50 * NSEC_PER_MSEC, &last), -ETIMEDOUT);
    assert_int_equal(setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL), 0);
    assert_int_equal(socket_connect("full", 0, &last), -ETIMEDOUT);
    assert_int_equal(socket_listen("full", 1, &last, &holder, NULL), -EADDRINUSE);
    assert_int_equal(holder, 0); // it is there, and too busy to tell
    for (int i = 0; i < 3; i++)
        (void)close(clients[i]);
    leave(listener, "full");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_go_through),
        cmocka_unit_test(test_private_whatever_the_umask),
        cmocka_unit_test(test_long_paths),
        cmocka_unit_test(test_longest_plain_address),
        cmocka_unit_test(test_without_proc),
        cmocka_unit_test(test_stale_is_replaced),
        cmocka_unit_test(test_second_is_told_who_listens),
        cmocka_unit_test(test_who_listens_can_change),
        cmocka_unit_test(test_other_files_are_left_alone),
        cmocka_unit_test(test_leaving_does_not_take_what_is_not_ours),
        cmocka_unit_test(test_leaving_ends_it_for_all_who_hold_it),
        cmocka_unit_test(test_tells_why_not),
        cmocka_unit_test(test_a_full_queue_has_an_end),
    };
    return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
