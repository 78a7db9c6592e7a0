// SPDX-License-Identifier: MIT
// A whole formation of real processes, guard and manager included: this very program plays both.
// Each test has a folder of its own; what the formation shows is in its file `output`.
#include "manager/manager.h"

#include "guard/guard.h"
#include "manager/keep.h"
#include "manager/load.h"
#include "os/kin.h"

#include <dirent.h>
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

enum { PATIENCE_MS = 30000 };

// --- guard and manager

static int be_manager(void)
{
    struct options options = {0};
    struct diagnostics diagnostics = {0};
    struct plan *plan = NULL;
    if (keep_find_plan(&plan) < 0 || !plan)
        (void)load_plan(&options, environ, &diagnostics, &plan);
    diagnostics_fini(&diagnostics);
    return plan ? manager_run(plan, &options) : 2;
}

static void hide_folders(void)
{
    char line[1024];
    char mount_point[256] = "";
    FILE *file = fopen("/proc/self/mountinfo", "r");
    while (file && fgets(line, sizeof(line), file))
        if (strstr(line, " - cgroup2 "))
            (void)sscanf(line, "%*s %*s %*s %*s %255s", mount_point);
    if (file)
        (void)fclose(file);
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        (mount_point[0] && mount("none", mount_point, "tmpfs", 0, NULL) < 0))
        _exit(77);
}

static char own_name[] = "manager-test";

static pid_t present_guard; // 0: none

static pid_t start(bool has_folders)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return present_guard = pid;
    char *argv[] = {own_name, NULL};
    struct error error = {0};
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!has_folders)
        hide_folders();
    int fd = open("output", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    (void)dup2(fd, STDOUT_FILENO);
    int status = guard_run(1, argv, MANAGER_MEMORY_BYTES, &error);
    _exit(status < 0 ? 98 : status);
}

// --- looking at them

static char folder[] = "/tmp/formation-manager-XXXXXX";

static int enter_folder(void **state)
{
    (void)state;
    memcpy(folder + sizeof(folder) - sizeof("XXXXXX"), "XXXXXX", sizeof("XXXXXX"));
    // Whatever a formation leaves becomes ours: see expect_nothing_left().
    return mkdtemp(folder) && chdir(folder) == 0 ? prctl(PR_SET_CHILD_SUBREAPER, 1) : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[64];
    if (present_guard) { // the test has failed: this tells more than the line that did
        (void)system("tail -n 20 output >&2");
        (void)kill(present_guard, SIGTERM);
        (void)poll(NULL, 0, 1000);
        (void)kill(present_guard, SIGKILL);
        (void)waitpid(present_guard, NULL, 0);
        present_guard = 0;
    }
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    return chdir("/") == 0 ? system(command) : -1;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static unsigned count_in_output(const char *text)
{
    char line[4096];
    unsigned count = 0;
    FILE *file = fopen("output", "r");
    while (file && fgets(line, sizeof(line), file))
        count += strstr(line, text) != NULL;
    if (file)
        (void)fclose(file);
    return count;
}

static void wait_for(const char *text, unsigned times)
{
    for (int waited = 0; count_in_output(text) < times; waited += 10) {
        assert_true(waited < PATIENCE_MS);
        (void)poll(NULL, 0, 10);
    }
}

static unsigned entries(const char *path)
{
    unsigned count = 0;
    DIR *directory = opendir(path);
    while (directory && readdir(directory))
        count++;
    if (directory)
        (void)closedir(directory);
    return count;
}

static unsigned descriptors_of(pid_t pid)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/fd", pid);
    return entries(path);
}

static bool is_manager(pid_t pid)
{
    char path[64];
    char text[256] = "";
    (void)snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    (void)!read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    return strcmp(text, own_name) == 0 && strcmp(text + sizeof(own_name), "manager") == 0;
}

static pid_t manager_of(pid_t guard)
{
    struct kin_list children = {0};
    pid_t found = 0;
    for (int waited = 0; found == 0; waited++) {
        assert_true(waited < PATIENCE_MS);
        children.count = 0;
        (void)kin_add_children(&children, guard);
        for (size_t i = 0; i < children.count; i++)
            if (is_manager(children.items[i].pid))
                found = children.items[i].pid;
        (void)poll(NULL, 0, 1);
    }
    kin_fini(&children);
    return found;
}

static int exit_status_of(pid_t pid)
{
    int status = 0;
    int pidfd = pidfd_open(pid, 0);
    assert_true(pidfd >= 0);
    int ended = poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, PATIENCE_MS);
    (void)close(pidfd);
    if (ended != 1)
        (void)kill(pid, SIGKILL);
    assert_int_equal(ended, 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    present_guard = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// What is left has become our child. Manager and witness end by themselves; others would hang here.
static void expect_nothing_left(void)
{
    siginfo_t info = {0};
    for (int waited = 0;; waited++) {
        info.si_pid = 0;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT | WNOHANG) < 0)
            break;
        if (info.si_pid > 0)
            assert_int_equal(waitpid(info.si_pid, NULL, 0), info.si_pid);
        else
            (void)poll(NULL, 0, 1);
        assert_true(waited < PATIENCE_MS);
    }
    assert_int_equal(errno, ECHILD);
}

static int end_by(pid_t guard, int signal)
{
    assert_int_equal(kill(guard, signal), 0);
    int status = exit_status_of(guard);
    expect_nothing_left();
    return status;
}

// --- the tests

static const char crashing[] = "processes:\n"
                               "  web: {quantity: 20, backoff: {base: 1ms, max: 1ms}}\n";

static void test_restarts_leave_nothing_open(void **state)
{
    (void)state;
    enum { FEW = 130, MANY = 600, AT_ONE_MOMENT = 20 }; // each of the twenty may just have a pidfd
    write_file("Procfile", "web: sh -c 'echo up; exit 1'\n");
    write_file("formation.yaml", crashing);
    pid_t guard = start(true);
    wait_for("started with pid", FEW);
    pid_t manager = manager_of(guard);
    unsigned of_guard = descriptors_of(guard);
    unsigned of_manager = descriptors_of(manager);
    wait_for("started with pid", MANY);
    assert_int_equal(manager_of(guard), manager);
    assert_true(descriptors_of(guard) <= of_guard + AT_ONE_MOMENT);
    assert_true(descriptors_of(manager) <= of_manager + AT_ONE_MOMENT);
    assert_int_equal(end_by(guard, SIGTERM), 0);
}

static void test_managers_leave_nothing_open(void **state)
{
    (void)state;
    enum { KILLS = 6 }; // more that were never up would end the formation
    write_file("Procfile", "web: sh -c 'echo up; exec sleep 1000'\n");
    write_file("formation.yaml", "processes: {web: {quantity: 20}}\n");
    pid_t guard = start(true);
    wait_for("| up", 20);
    unsigned of_guard = descriptors_of(guard);
    for (int i = 0; i < KILLS; i++) {
        pid_t manager = manager_of(guard);
        assert_int_equal(kill(manager, SIGKILL), 0);
        while (manager_of(guard) == manager)
            (void)poll(NULL, 0, 1);
    }
    assert_true(descriptors_of(guard) <= of_guard + 2);
    int status = end_by(guard, SIGTERM);
    assert_int_equal(status, 0);
    assert_int_equal(count_in_output("started with pid"), 20); // the same processes all the time
}

static void stop_with_leftovers(bool has_folders)
{
    write_file(
        "Procfile",
        "web: sh -c 'setsid sh -c \"sleep 1000 & exec sleep 1000\" & echo up; exec sleep 1000'\n"
        "deaf: sh -c 'trap \"\" TERM; echo up; while :; do sleep 0.1; done'\n");
    write_file("formation.yaml", "processes: {web: {quantity: 3, stop: {grace: 300ms}},"
                                 " deaf: {stop: {grace: 300ms}}}\n");
    pid_t guard = start(has_folders);
    for (int waited = 0; count_in_output("| up") < 4; waited++) {
        siginfo_t info = {0};
        assert_true(waited < PATIENCE_MS);
        if (waitid(P_PID, (id_t)guard, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid) {
            assert_int_equal(exit_status_of(guard), 77); // this test is not allowed to hide folders
            skip();
        }
        (void)poll(NULL, 0, 1);
    }
    (void)end_by(guard, SIGTERM);
}

static void test_stop_leaves_nobody(void **state)
{
    (void)state;
    stop_with_leftovers(true);
}

static void test_stop_leaves_nobody_without_folders(void **state)
{
    (void)state;
    stop_with_leftovers(false);
}

static void kill_guard(bool kills_manager)
{
    write_file("Procfile", "web: sh -c 'setsid sleep 1000 & echo up; exec sleep 1000'\n");
    write_file("formation.yaml", "processes: {web: {quantity: 3}}\n");
    pid_t guard = start(true);
    wait_for("| up", 3);
    pid_t manager = manager_of(guard);
    if (kills_manager) {
        assert_int_equal(kill(guard, SIGSTOP), 0); // so that it starts no other one
        assert_int_equal(kill(manager, SIGKILL), 0);
    }
    assert_int_equal(end_by(guard, SIGKILL), 128 + SIGKILL);
    if (!kills_manager)
        assert_int_equal(count_in_output("the guard was killed; all processes were ended"), 1);
}

static void test_guard_is_killed(void **state)
{
    (void)state;
    kill_guard(false);
}

static void test_guard_and_manager_are_killed(void **state)
{
    (void)state;
    kill_guard(true);
}

// Signals one after the other, at any moment of the start: an end is all that can come of it.
static void test_signals_while_it_starts(void **state)
{
    (void)state;
    write_file("Procfile", "web: sleep 1000\n");
    write_file("formation.yaml", "processes: {web: {quantity: 10}}\n");
    for (int delay_us = 0; delay_us < 20000; delay_us += 1000) {
        pid_t guard = start(true);
        const struct timespec delay = {.tv_nsec = 1000L * delay_us};
        (void)ppoll(NULL, 0, &delay, NULL);
        int status = end_by(guard, SIGTERM);
        // Before it has become a guard, it is a program like any other.
        assert_true(status == 0 || status == 128 + SIGTERM);
    }
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, enter_folder, remove_folder)

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "manager") == 0)
        return be_manager();
    const struct CMUnitTest tests[] = {
        in_folder(test_restarts_leave_nothing_open),
        in_folder(test_managers_leave_nothing_open),
        in_folder(test_stop_leaves_nobody),
        in_folder(test_stop_leaves_nobody_without_folders),
        in_folder(test_guard_is_killed),
        in_folder(test_guard_and_manager_are_killed),
        in_folder(test_signals_while_it_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
