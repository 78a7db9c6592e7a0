// SPDX-License-Identifier: MIT
// A guard with managers that behave badly: this very program, which the guard starts as `manager`,
// plays them; what it is to do stands in the environment.
#include "guard/guard.h"

#include "guard/link.h"
#include "os/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { MEMORY = 4096, PATIENCE_MS = 10000 };

// --- the managers

static struct board *board;

static int end_formation(int status)
{
    const struct guard_request request = {.kind = GUARD_END, .value = status};
    return channel_send(MANAGER_CHANNEL, &request, sizeof(request), NULL, 0, false) == 0 ? 0 : 1;
}

static void wait_for_signal(int number)
{
    while (atomic_load(&board->signals_received[number]) == 0) {
        uint64_t rings;
        (void)poll(&(struct pollfd){.fd = MANAGER_DOORBELL, .events = POLLIN}, 1, PATIENCE_MS);
        (void)!read(MANAGER_DOORBELL, &rings, sizeof(rings));
    }
}

// The third one ends it; the others die in their own ways.
static int die_twice(void)
{
    switch (atomic_load(&board->manager_count)) {
    case 1:
        (void)raise(SIGKILL);
        return 1;
    case 2:
        return 5;
    default:
        return end_formation(7);
    }
}

// The first one is stopped; the next one does what was asked for.
static int stop_once(void)
{
    if (atomic_load(&board->manager_count) == 1)
        (void)raise(SIGSTOP);
    wait_for_signal(SIGTERM);
    atomic_store(&board->signals_handled[SIGTERM], atomic_load(&board->signals_received[SIGTERM]));
    return end_formation(9);
}

// None of them ever does anything.
static int stop_always(void)
{
    return raise(SIGSTOP);
}

// An orphan of an orphan is adopted by the guard, and reaped by it when it has ended.
static int leave_orphan(void)
{
    int ends[2];
    pid_t orphan = 0;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return 1;
    pid_t between = fork();
    if (between == 0) {
        orphan = fork();
        if (orphan == 0)
            _exit(pause());
        _exit(write(ends[1], &orphan, sizeof(orphan)) != (ssize_t)sizeof(orphan));
    }
    if (read(ends[0], &orphan, sizeof(orphan)) != (ssize_t)sizeof(orphan) ||
        waitpid(between, NULL, 0) != between || kill(orphan, SIGKILL) < 0)
        return 2;
    for (int waited = 0; kill(orphan, 0) == 0; waited++)
        if (waited > PATIENCE_MS || poll(NULL, 0, 1) < 0)
            return end_formation(99);
    return end_formation(0);
}

// Leaves something that hides, for the guard to end.
static int leave_hidden(void)
{
    pid_t between = fork();
    if (between == 0) {
        if (fork() == 0) {
            (void)setsid();
            (void)clearenv();
            (void)execl("/bin/sleep", "sleep", "1000", NULL);
        }
        _exit(0);
    }
    return waitpid(between, NULL, 0) == between ? end_formation(0) : 1;
}

// The guard has nothing to do with what it does not understand.
static int talk_nonsense(void)
{
    static const struct guard_request nonsense[] = {
        {.kind = 99},
        {.kind = GUARD_FETCH, .slot = UINT32_MAX},
        {.kind = GUARD_SPAWN, .slot = 5, .flags = UINT32_MAX, .launch_size = UINT32_MAX},
        {.kind = GUARD_SPAWN, .slot = 6, .launch_at = UINT64_MAX},
        {.kind = GUARD_SIGNAL, .slot = 7, .value = SIGKILL},
        {.kind = GUARD_BURY, .slot = LIMIT_PROCESSES},
        {.kind = GUARD_FORGET, .slot = 8},
        {.kind = GUARD_NOTIFY, .slot = 9, .launch_size = UINT32_MAX},
        {.kind = GUARD_NOTIFY, .value = INT32_MIN},
        {.kind = GUARD_SPAWN, .slot = 10, .sockets = UINT32_MAX, .launch_size = 1},
    };
    for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++)
        if (channel_send(MANAGER_CHANNEL, &nonsense[i], sizeof(nonsense[i]), NULL, 0, false) < 0 ||
            channel_send(MANAGER_CHANNEL, "short", 5, NULL, 0, false) < 0)
            return 1;
    return end_formation(4);
}

static const struct role {
    const char *name;
    int (*play)(void);
} roles[] = {
    {"die-twice", die_twice},       {"stop-once", stop_once},
    {"stop-always", stop_always},   {"leave-orphan", leave_orphan},
    {"leave-hidden", leave_hidden}, {"talk-nonsense", talk_nonsense},
};

static int be_manager(void)
{
    const char *name = getenv("ROLE");
    if (!name || board_map(MANAGER_BOARD, MEMORY, &board) < 0)
        return 3; // it is never up
    atomic_store(&board->is_managed, true);
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (strcmp(roles[i].name, name) == 0)
            return roles[i].play();
    return 2;
}

// --- the tests

static char own_name[] = "guard-test";

__attribute__((noreturn)) static void be_guard(const char *role)
{
    char *argv[] = {own_name, NULL};
    struct error error = {0};
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (role)
        (void)setenv("ROLE", role, 1);
    int status = guard_run(1, argv, MEMORY, &error);
    if (status < 0)
        (void)fprintf(stderr, "%s\n", error.text);
    _exit(status < 0 ? 98 : status);
}

static pid_t start_guard(const char *role)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        be_guard(role);
    return pid;
}

static int exit_status_of(pid_t pid)
{
    int status = 0;
    int pidfd = pidfd_open(pid, 0);
    assert_true(pidfd >= 0);
    int ended = poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, 3 * PATIENCE_MS);
    (void)close(pidfd);
    if (ended != 1)
        (void)kill(pid, SIGKILL);
    assert_int_equal(ended, 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void test_nothing_to_be_started(void **state)
{
    (void)state;
    assert_int_equal(exit_status_of(start_guard(NULL)), 3);
}

static void test_managers_that_die_are_started_again(void **state)
{
    (void)state;
    assert_int_equal(exit_status_of(start_guard("die-twice")), 7);
}

// Signals that come before the guard takes them would end it: they are taken before anything else.
static void wait_for_children_of(pid_t guard)
{
    char path[64];
    char text[64];
    ssize_t size = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", guard, guard);
    for (int waited = 0; size <= 0 && waited < PATIENCE_MS; waited++) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        size = fd >= 0 ? read(fd, text, sizeof(text)) : 0;
        (void)close(fd);
        (void)poll(NULL, 0, 1);
    }
    assert_true(size > 0);
}

// Both at once, since it takes the guard its time to lose patience.
static void test_stopped_managers_do_not_keep_the_end(void **state)
{
    (void)state;
    pid_t once = start_guard("stop-once");
    pid_t always = start_guard("stop-always");
    wait_for_children_of(once);
    wait_for_children_of(always);
    assert_int_equal(kill(once, SIGTERM) | kill(once, SIGTERM), 0);
    assert_int_equal(kill(always, SIGTERM) | kill(always, SIGTERM), 0);
    assert_int_equal(exit_status_of(once), 9); // as the next manager says
    assert_int_equal(exit_status_of(always), 128 + SIGTERM);
}

static void test_orphans_are_reaped(void **state)
{
    (void)state;
    assert_int_equal(exit_status_of(start_guard("leave-orphan")), 0);
}

static void test_nonsense_does_no_harm(void **state)
{
    (void)state;
    assert_int_equal(exit_status_of(start_guard("talk-nonsense")), 4);
}

// What the guard adopted would become ours when it has gone.
static void test_nobody_is_left(void **state)
{
    (void)state;
    siginfo_t info = {0};
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    assert_int_equal(exit_status_of(start_guard("leave-hidden")), 0);
    // The witness may still be there, and ends; a sleep of 1000 seconds would not.
    while (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) == 0)
        assert_int_equal(waitpid(info.si_pid, NULL, 0), info.si_pid);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

static void be_init(const char *role)
{
    if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
        _exit(77);
    pid_t init = fork();
    if (init == 0) {
        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("proc", "/proc", "proc", 0, NULL) < 0)
            _exit(77);
        be_guard(role);
    }
    int status = 0;
    (void)waitpid(init, &status, 0);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 97);
}

static void test_as_init_of_a_namespace(void **state)
{
    (void)state;
    static const struct {
        const char *role;
        int status;
    } cases[] = {{"leave-orphan", 0}, {"leave-hidden", 0}, {"die-twice", 7}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            be_init(cases[i].role);
        int status = exit_status_of(pid);
        if (status == 77)
            skip(); // not allowed here
        assert_int_equal(status, cases[i].status);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "manager") == 0)
        return be_manager();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_to_be_started),
        cmocka_unit_test(test_managers_that_die_are_started_again),
        cmocka_unit_test(test_stopped_managers_do_not_keep_the_end),
        cmocka_unit_test(test_orphans_are_reaped),
        cmocka_unit_test(test_nonsense_does_no_harm),
        cmocka_unit_test(test_nobody_is_left),
        cmocka_unit_test(test_as_init_of_a_namespace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
