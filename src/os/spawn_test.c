// SPDX-License-Identifier: MIT
// What a spawned program finds: this very program, started as `report`, tells it.
#include "os/report.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void test_masks_and_dispositions_are_reset(void **state)
{
    (void)state;
    sigset_t all;
    sigset_t before;
    struct spawn_request request = request_of(own_path, report_argv);
    (void)sigfillset(&all);
    assert_int_equal(sigprocmask(SIG_SETMASK, &all, &before), 0);
    struct report report = run_report(&request);
    sigset_t after;
    assert_int_equal(sigprocmask(SIG_SETMASK, &before, &after), 0);
    assert_true(sigismember(&after, SIGTERM)); // the caller's own mask is as it was
    assert_int_equal(report.blocked, 0);
    assert_int_equal(report.ignored, 0);
}

static void test_session_and_group(void **state)
{
    (void)state;
    struct spawn_request request = request_of(own_path, report_argv);
    struct report report = run_report(&request);
    assert_int_equal(report.parent, getpid());
    assert_int_equal(report.session, getsid(0));
    assert_int_equal(report.group, getpgrp());
    request.new_session = true;
    report = run_report(&request);
    assert_int_equal(report.session, report.pid);
    assert_int_equal(report.group, report.pid);
}

static void test_environment_directory_and_limit(void **state)
{
    (void)state;
    struct spawn_request request = request_of(own_path, report_argv);
    struct rlimit limit = {.rlim_cur = 77, .rlim_max = 78};
    request.directory = "/usr";
    request.descriptor_limit = &limit;
    struct report report = run_report(&request);
    assert_string_equal(report.variable, "value");
    assert_string_equal(report.directory, "/usr");
    assert_int_equal(report.descriptor_limit.rlim_cur, 77);
    assert_int_equal(report.descriptor_limit.rlim_max, 78);
}

static void test_descriptors_are_as_asked(void **state)
{
    (void)state;
    struct spawn_request request = request_of(own_path, report_argv);
    int others[100]; // inheritable ones of ours stay ours
    for (int i = 0; i < 100; i++)
        assert_true((others[i] = dup(null_fd)) >= SPAWN_RESERVED);
    struct report report = run_report(&request);
    assert_int_equal(report.open, 7);
    assert_int_equal(report.open_count, 3);
    request.descriptor_count = SPAWN_DESCRIPTORS;
    for (int i = 3; i < SPAWN_DESCRIPTORS; i++)
        request.descriptors[i] = null_fd;
    report = run_report(&request);
    assert_int_equal(report.open, (1 << SPAWN_DESCRIPTORS) - 1);
    assert_int_equal(report.open_count, SPAWN_DESCRIPTORS);
    for (int i = 0; i < 100; i++)
        assert_int_equal(close(others[i]), 0);
    for (int fd = 3; fd < SPAWN_RESERVED; fd++) // reserved again, and not for others
        assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

static void test_each_descriptor_comes_to_its_number(void **state)
{
    (void)state;
    static char sh[] = "sh";
    static char option[] = "-c";
    static char command[] = "for n in 0 1 2 3 4 5 6 7 8; do eval \"echo $n >&$n\"; done";
    char *const argv[] = {sh, option, command, NULL};
    struct spawn_request request = request_of("/bin/sh", argv);
    int near[9];
    pid_t pid;
    int pidfd;
    enum spawn_stage stage;
    request.descriptor_count = 9;
    for (int i = 0; i < 9; i++) {
        int ends[2];
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        near[i] = ends[0];
        request.descriptors[i] = ends[1];
    }
    assert_int_equal(spawn_process(&request, &pid, &pidfd, &stage), 0);
    for (int i = 0; i < 9; i++) {
        char text[4] = "";
        assert_int_equal(close(request.descriptors[i]), 0);
        assert_int_equal(read(near[i], text, sizeof(text)), 2);
        assert_int_equal(text[0], '0' + i);
        assert_int_equal(close(near[i]), 0);
    }
    assert_int_equal(exit_status(pidfd), 0);
}

static void test_program_by_descriptor(void **state)
{
    (void)state;
    struct spawn_request request = request_of(NULL, report_argv);
    request.program_fd = open(own_path, O_RDONLY | O_CLOEXEC);
    assert_true(request.program_fd >= 0);
    struct report report = run_report(&request);
    assert_int_equal(report.open_count, 3); // not the program's own
    assert_int_equal(close(request.program_fd), 0);
}

static void expect_failure(const struct spawn_request *request, int error, enum spawn_stage at)
{
    enum spawn_stage stage = SPAWN_STAGE_CLONE;
    pid_t pid = -7;
    int pidfd = -7;
    assert_int_equal(spawn_process(request, &pid, &pidfd, &stage), -error);
    assert_int_equal(stage, at);
    assert_int_equal(pid, -7); // untouched
    assert_int_equal(pidfd, -7);
    errno = 0;
    assert_int_equal(waitid(P_ALL, 0, &(siginfo_t){0}, WEXITED | WNOHANG | WNOWAIT), -1);
    assert_int_equal(errno, ECHILD); // nothing is left behind
}

static void test_failures_tell_their_stage(void **state)
{
    (void)state;
    char script[] = "/tmp/formation-script-XXXXXX";
    int fd = mkostemp(script, O_CLOEXEC);
    struct rlimit too_much = {.rlim_cur = 2, .rlim_max = 1};
    assert_int_equal(write(fd, "echo no interpreter\n", 20), 20);
    assert_int_equal(close(fd), 0);

    struct spawn_request request = request_of("/nosuch/program", report_argv);
    expect_failure(&request, ENOENT, SPAWN_STAGE_EXEC);
    request.program = script; // not executable
    expect_failure(&request, EACCES, SPAWN_STAGE_EXEC);
    assert_int_equal(chmod(script, 0700), 0);
    expect_failure(&request, ENOEXEC, SPAWN_STAGE_EXEC);
    request.program = "/usr";
    expect_failure(&request, EACCES, SPAWN_STAGE_EXEC);
    request.program = "/bin/sh/below";
    expect_failure(&request, ENOTDIR, SPAWN_STAGE_EXEC);
    request.program = "/bin/sh";
    request.directory = "/nosuch";
    expect_failure(&request, ENOENT, SPAWN_STAGE_DIRECTORY);
    request.directory = script;
    expect_failure(&request, ENOTDIR, SPAWN_STAGE_DIRECTORY);
    request.directory = NULL;
    request.takes_terminal = true; // descriptor 0 is none
    expect_failure(&request, ENOTTY, SPAWN_STAGE_TERMINAL);
    request.takes_terminal = false;
    request.descriptor_limit = &too_much;
    expect_failure(&request, EINVAL, SPAWN_STAGE_LIMITS);
    request.descriptor_limit = NULL;
    request.descriptors[1] = 1000; // not open
    expect_failure(&request, EBADF, SPAWN_STAGE_DESCRIPTORS);
    assert_int_equal(unlink(script), 0);
}

static void test_directory_that_is_gone_is_the_callers(void **state)
{
    (void)state;
    char folder[] = "/tmp/formation-gone-XXXXXX";
    struct spawn_request request = request_of("/bin/sh", report_argv);
    assert_non_null(mkdtemp(folder));
    request.directory = folder;
    assert_int_equal(rmdir(folder), 0);
    expect_failure(&request, ENOENT, SPAWN_STAGE_DIRECTORY);
}

// Is to be killed: spawns something that lives on, tells its pid, and waits.
static void spawn_and_wait(int tell_fd)
{
    static char sleep_word[] = "sleep";
    static char long_time[] = "1000";
    char *const argv[] = {sleep_word, long_time, NULL};
    struct spawn_request request = request_of("/bin/sleep", argv);
    pid_t pid = 0;
    int pidfd;
    enum spawn_stage stage;
    request.new_session = true;
    request.death_signal = SIGKILL;
    (void)spawn_process(&request, &pid, &pidfd, &stage);
    (void)!write(tell_fd, &pid, sizeof(pid));
    (void)pause();
    _exit(1);
}

static void test_dies_with_its_parent(void **state)
{
    (void)state;
    int ends[2];
    pid_t child = 0;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); // so that it is ours then
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t parent = fork();
    if (parent == 0)
        spawn_and_wait(ends[1]);
    assert_int_equal(read(ends[0], &child, sizeof(child)), sizeof(child));
    assert_true(child > 0);
    int pidfd = pidfd_open(child, 0);
    assert_true(pidfd >= 0);
    assert_int_equal(kill(parent, SIGKILL), 0);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    assert_int_equal(poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, 10000), 1);
    assert_int_equal(exit_status(pidfd), 128 + SIGKILL);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
    assert_int_equal(close(ends[0]) | close(ends[1]), 0);
}

static char sh_word[] = "sh";
static char *const true_argv[] = {sh_word, NULL};

static unsigned open_count(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < DESCRIPTORS_SEEN; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void test_a_thousand_leave_no_descriptor(void **state)
{
    (void)state;
    enum spawn_stage stage;
    unsigned before = open_count();
    struct spawn_request bad = request_of("/nosuch", true_argv);
    struct spawn_request good = request_of("/bin/true", true_argv);
    for (int i = 0; i < 500; i++) {
        pid_t pid;
        int pidfd;
        assert_int_equal(spawn_process(&bad, &pid, &pidfd, &stage), -ENOENT);
        assert_int_equal(spawn_process(&good, &pid, &pidfd, &stage), 0);
        assert_int_equal(exit_status(pidfd), 0);
    }
    assert_int_equal(open_count(), before);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], report_word) == 0)
        return write_report();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_masks_and_dispositions_are_reset),
        cmocka_unit_test(test_session_and_group),
        cmocka_unit_test(test_environment_directory_and_limit),
        cmocka_unit_test(test_descriptors_are_as_asked),
        cmocka_unit_test(test_each_descriptor_comes_to_its_number),
        cmocka_unit_test(test_program_by_descriptor),
        cmocka_unit_test(test_failures_tell_their_stage),
        cmocka_unit_test(test_directory_that_is_gone_is_the_callers),
        cmocka_unit_test(test_dies_with_its_parent),
        cmocka_unit_test(test_a_thousand_leave_no_descriptor),
    };
    return cmocka_run_group_tests(tests, open_all, NULL);
}
