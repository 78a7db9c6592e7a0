// SPDX-License-Identifier: MIT
// For tests of spawn: what a spawned program finds. The test itself, started as `report`, tells it.
#pragma once

#include "os/spawn.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { DESCRIPTORS_SEEN = 1024 };

struct report {
    pid_t pid;
    pid_t parent;
    pid_t group;
    pid_t session;
    int death_signal;
    uint64_t blocked; // by signal number
    uint64_t ignored;
    uint64_t open; // the first 64 descriptors
    unsigned open_count;
    struct rlimit descriptor_limit;
    char directory[256];
    char cgroup[256];
    char variable[64];
};

static inline void report_signals(struct report *report)
{
    sigset_t mask;
    struct sigaction action;
    (void)sigprocmask(SIG_SETMASK, NULL, &mask);
    for (int number = 1; number < 64; number++) {
        report->blocked |= (uint64_t)(sigismember(&mask, number) == 1) << number;
        if (sigaction(number, NULL, &action) == 0)
            report->ignored |= (uint64_t)(action.sa_handler == SIG_IGN) << number;
    }
}

static inline int write_report(void)
{
    static struct report report;
    report.pid = getpid();
    report.parent = getppid();
    report.group = getpgrp();
    report.session = getsid(0);
    (void)prctl(PR_GET_PDEATHSIG, &report.death_signal);
    report_signals(&report);
    for (int fd = 0; fd < DESCRIPTORS_SEEN; fd++)
        if (fcntl(fd, F_GETFD) >= 0) {
            report.open |= fd < 64 ? UINT64_C(1) << fd : 0;
            report.open_count++;
        }
    (void)getrlimit(RLIMIT_NOFILE, &report.descriptor_limit);
    if (!getcwd(report.directory, sizeof(report.directory)))
        return 1;
    const char *variable = getenv("VARIABLE");
    (void)snprintf(report.variable, sizeof(report.variable), "%s", variable ? variable : "");
    FILE *file = fopen("/proc/self/cgroup", "r");
    char line[256];
    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, "0::", 3) == 0)
            (void)snprintf(report.cgroup, sizeof(report.cgroup), "%s", line + 3);
    if (file)
        (void)fclose(file);
    return write(STDOUT_FILENO, &report, sizeof(report)) == (ssize_t)sizeof(report) ? 0 : 1;
}

static char own_path[] = "/proc/self/exe";
static char report_word[] = "report";
static char variable[] = "VARIABLE=value";
static char no_leaks[] = "ASAN_OPTIONS=detect_leaks=0";
static char *const report_argv[] = {own_path, report_word, NULL};
static char *const some_envp[] = {variable, no_leaks, NULL};
static int null_fd;

static inline struct spawn_request request_of(const char *program, char *const *argv)
{
    return (struct spawn_request){
        .program = program,
        .argv = argv,
        .envp = some_envp,
        .descriptors = {null_fd, null_fd, STDERR_FILENO},
        .descriptor_count = 3,
        .cgroup_fd = -1,
    };
}

static inline int exit_status(int pidfd)
{
    siginfo_t info = {0};
    assert_int_equal(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED), 0);
    assert_int_equal(close(pidfd), 0);
    return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

// Runs `report` as asked and reads what it tells.
static inline struct report run_report(struct spawn_request *request)
{
    struct report report = {0};
    enum spawn_stage stage = SPAWN_STAGE_CLONE;
    int ends[2];
    pid_t pid;
    int pidfd;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    request->descriptors[1] = ends[1];
    int result = spawn_process(request, &pid, &pidfd, &stage);
    if (result < 0)
        print_error("stage %d: %s\n", (int)stage, strerror(-result));
    assert_int_equal(result, 0);
    assert_int_equal(close(ends[1]), 0);
    assert_int_equal(read(ends[0], &report, sizeof(report)), sizeof(report));
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(report.pid, pid);
    assert_int_equal(exit_status(pidfd), 0);
    return report;
}

static inline int open_all(void **state)
{
    (void)state;
    if (spawn_reserve_descriptors() < 0)
        return -1;
    null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    return null_fd < SPAWN_RESERVED ? -1 : 0;
}
