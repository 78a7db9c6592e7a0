// SPDX-License-Identifier: MIT
// Many that want one path, several users, one lock.
#include "os/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { BACKLOG = 64, NOBODY = 65534 };

static char folder[] = "/tmp/formation-sockets-XXXXXX";

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

// Many start at once, with and without a stale socket in the way: one listens, all others are told
// its pid. A racer holds on until all have tried.
static void race(const char *path)
{
    enum { RACERS = 20 };
    int start[2];
    int told[2];
    int end[2];
    pid_t racers[RACERS];
    pid_t winner = 0;
    struct outcome {
        pid_t pid;
        pid_t holder;
        int result;
    } outcomes[RACERS];
    assert_true(pipe(start) == 0 && pipe(told) == 0 && pipe(end) == 0);
    for (int i = 0; i < RACERS; i++) {
        racers[i] = fork();
        assert_true(racers[i] >= 0);
        if (racers[i] > 0)
            continue;
        struct outcome outcome = {.pid = getpid()};
        char byte;
        (void)close(start[1]);
        (void)close(end[1]);
        (void)!read(start[0], &byte, 1); // its end
        outcome.result = socket_listen(path, BACKLOG, &(int){0}, &outcome.holder, NULL);
        (void)!write(told[1], &outcome, sizeof(outcome));
        (void)!read(end[0], &byte, 1);
        _exit(0);
    }
    (void)close(start[1]);
    for (int i = 0; i < RACERS; i++)
        assert_int_equal(read(told[0], &outcomes[i], sizeof(*outcomes)), sizeof(*outcomes));
    for (int i = 0; i < RACERS; i++)
        if (outcomes[i].result == 0) {
            assert_int_equal(winner, 0);
            winner = outcomes[i].pid;
        }
    assert_true(winner > 0);
    for (int i = 0; i < RACERS; i++)
        if (outcomes[i].pid != winner) {
            assert_int_equal(outcomes[i].result, -EADDRINUSE);
            assert_int_equal(outcomes[i].holder, winner);
        }
    int client = connect_to(path);
    struct socket_peer peer;
    assert_int_equal(socket_read_peer(client, &peer), 0);
    assert_int_equal(peer.pid, winner);
    (void)close(client);
    (void)close(end[1]);
    for (int i = 0; i < RACERS; i++)
        assert_int_equal(waitpid(racers[i], NULL, 0), racers[i]);
    int left[] = {start[0], told[0], told[1], end[0]};
    for (size_t i = 0; i < 4; i++)
        (void)close(left[i]);
}

static void test_one_of_many_wins(void **state)
{
    (void)state;
    assert_int_equal(mkdir("race", 0700), 0);
    for (int round = 0; round < 10; round++) // the second one on finds the stale one of the first
        race("race/here");
    assert_int_equal(socket_remove_stale("race/here"), 0);
    assert_int_equal(rmdir("race"), 0); // nothing else was left
}

static int connect_as_nobody(const char *path)
{
    int fd = -1;
    if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
        return 1;
    return -socket_connect(path, NSEC_PER_SEC, &fd);
}

static void test_other_users(void **state)
{
    (void)state;
    struct socket_peer peer;
    int accepted;
    if (geteuid() != 0)
        skip();
    assert_int_equal(chmod(folder, 0755), 0);
    int listener = listen_at("foreign");
    assert_int_equal(status_of(connect_as_nobody, "foreign"), EACCES);
    assert_int_equal(chmod("foreign", 0666), 0);
    assert_int_equal(status_of(connect_as_nobody, "foreign"), 0);
    assert_int_equal(socket_accept(listener, &accepted), 0);
    assert_int_equal(socket_read_peer(accepted, &peer), 0);
    assert_int_equal(peer.uid, NOBODY);
    assert_int_equal(peer.gid, NOBODY);
    assert_false(socket_peer_is_trusted(&peer));
    (void)close(accepted);
    socket_close(listener);
    assert_int_equal(socket_remove_stale("foreign"), 0);
}

// A child that holds the folder's lock until something is written to `*release`.
static pid_t hold_lock(const char *path, int *release)
{
    char byte;
    int held[2];
    int until[2];
    assert_true(pipe(held) == 0 && pipe(until) == 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int fd = open(path, O_RDONLY | O_DIRECTORY);
        int failed = flock(fd, LOCK_EX);
        (void)!write(held[1], "", 1);
        (void)!read(until[0], &byte, 1);
        _exit(failed ? 1 : 0);
    }
    assert_int_equal(read(held[0], &byte, 1), 1);
    (void)close(held[0]);
    (void)close(held[1]);
    (void)close(until[0]);
    *release = until[1];
    return child;
}

static int let_go;

static void release_lock(int signal)
{
    (void)signal;
    (void)!write(let_go, "", 1);
}

static int listen_and_tell(const char *path)
{
    struct error error = {0};
    int listener;
    struct itimerval soon = {.it_value = {.tv_usec = 20000}};
    struct sigaction action = {.sa_handler = release_lock};
    (void)sigaction(SIGALRM, &action, NULL);
    (void)setitimer(ITIMER_REAL, &soon, NULL); // while it waits
    return socket_listen(path, BACKLOG, &listener, NULL, &error) == 0 ? 0 : 1;
}

static void test_waits_for_the_lock(void **state)
{
    (void)state;
    int status;
    assert_int_equal(mkdir("locked", 0700), 0);
    pid_t holder = hold_lock("locked", &let_go);
    assert_int_equal(status_of(listen_and_tell, "locked/here"), 0);
    assert_int_equal(waitpid(holder, &status, 0), holder);
    assert_int_equal(status, 0);
    (void)close(let_go);
    assert_int_equal(socket_remove_stale("locked/here"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_of_many_wins),
        cmocka_unit_test(test_other_users),
        cmocka_unit_test(test_waits_for_the_lock),
    };
    return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
