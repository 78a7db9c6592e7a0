// SPDX-License-Identifier: MIT
// This process plays the guard: its children are main processes, and it adopts what they leave.
// Each test runs twice, in a cgroup folder where one can be made, and without.
#include "os/tree.h"

#include "os/proc.h"

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
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 10000 };

static struct tree tree;
static bool is_to_be_left; // what is started outlives this process

static void reap_all(void)
{
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
            return;
        (void)waitpid(info.si_pid, NULL, 0);
    }
}

static int open_with_folders(void **state)
{
    (void)state;
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return -1;
    assert_int_equal(tree_open(&tree, getpid()), 0);
    return 0;
}

static int open_without_folders(void **state)
{
    (void)state;
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return -1;
    assert_int_equal(tree_adopt(&tree, getpid(), -1), 0);
    tree.has_strangers = false; // as if it had been opened
    return 0;
}

static int close_tree(void **state)
{
    (void)state;
    unsigned left = tree_kill_all(&tree, PATIENCE_MS);
    reap_all();
    tree_close(&tree);
    return (int)left;
}

// Without the right to make folders, the tests with folders have nothing to show.
static void need(void **state)
{
    if (*state && tree.fd < 0)
        skip();
}

static void enter_branch(const char *name)
{
    int folder = tree_branch_open(&tree, name);
    int procs = folder >= 0 ? openat(folder, "cgroup.procs", O_WRONLY | O_CLOEXEC) : -1;
    if (procs < 0 || write(procs, "0", 1) != 1)
        _exit(99);
}

// Starts a main process as the guard would. It runs `script`, which says when it is ready by
// `echo >&3`; this waits for that.
static pid_t start(const char *name, const char *script)
{
    int ready[2];
    char line[8];
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)setsid();
        (void)prctl(PR_SET_PDEATHSIG, is_to_be_left ? 0 : SIGKILL);
        if (tree.fd >= 0)
            enter_branch(name);
        (void)setenv("FORMATION_ID", tree.mark, 1);
        (void)setenv("PS", name, 1);
        (void)dup2(ready[1], 3);
        (void)execl("/bin/sh", "sh", "-c", script, NULL);
        _exit(98);
    }
    assert_int_equal(close(ready[1]), 0);
    assert_true(read(ready[0], line, sizeof(line)) > 0);
    assert_int_equal(close(ready[0]), 0);
    return pid;
}

static void wait_for_death(pid_t pid)
{
    siginfo_t info; // it stays a zombie, as the guard keeps it
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static bool lives(pid_t pid)
{
    struct proc_status status;
    return proc_read_status(pid, &status) == 0 && status.state != 'Z' && status.state != 'X';
}

// One that is just calling execve has no environment for a moment, and is not known by it.
static void wait_for_count(const char *name, pid_t leader, unsigned count)
{
    for (int waited = 0; tree_branch_count(&tree, name, leader) != count; waited++) {
        assert_true(waited < PATIENCE_MS);
        (void)poll(NULL, 0, 1);
    }
}

static void wait_until_empty(const char *name, pid_t leader)
{
    for (int waited = 0; !tree_branch_is_empty(&tree, name, leader); waited++) {
        assert_true(waited < PATIENCE_MS);
        (void)poll(NULL, 0, 1);
    }
}

static void test_a_branch_is_its_own_processes(void **state)
{
    need(state);
    pid_t web = start("web.1", "sleep 1000 & sleep 1000 & echo >&3; wait");
    pid_t other = start("web.10", "echo >&3; exec sleep 1000");
    assert_int_equal(tree_branch_count(&tree, "web.1", web), 3);
    assert_int_equal(tree_branch_count(&tree, "web.10", other), 1);
    assert_false(tree_branch_is_empty(&tree, "web.1", web));
    tree_branch_signal(&tree, "web.1", web, SIGKILL);
    wait_until_empty("web.1", web);
    assert_int_equal(tree_branch_count(&tree, "web.1", web), 0);
    assert_int_equal(tree_branch_count(&tree, "web.10", other), 1);
    assert_true(lives(other));
}

static void test_without_descriptors_nothing_is_known(void **state)
{
    struct rlimit limit;
    need(state);
    pid_t web = start("web.1", "echo >&3; exec sleep 1000");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){3, limit.rlim_max}), 0);
    bool is_empty = tree_branch_is_empty(&tree, "web.1", web);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_false(is_empty);
}

static void test_what_outlives_its_main_process_is_found(void **state)
{
    need(state);
    pid_t pid = start("web.1", "setsid sh -c 'setsid sleep 1000 & echo >&3; exec sleep 1000' & "
                               "sleep 1000 & exec sleep 1000");
    assert_int_equal(kill(pid, SIGKILL), 0);
    wait_for_death(pid);
    wait_for_count("web.1", pid, 3);
    tree_branch_signal(&tree, "web.1", pid, SIGTERM);
    wait_until_empty("web.1", pid);
}

static void test_other_signals_than_kill_can_be_ignored(void **state)
{
    need(state);
    pid_t pid = start("web.1", "(trap '' TERM; echo >&3; exec sleep 1000) & exec sleep 1000");
    tree_branch_signal(&tree, "web.1", pid, SIGTERM);
    wait_for_death(pid);
    wait_for_count("web.1", pid, 1);
    tree_branch_signal(&tree, "web.1", pid, SIGKILL);
    wait_until_empty("web.1", pid);
}

// It cleared its environment, left its session, and its parents are gone: no branch's any more
// where there is no folder, but the formation's.
static void test_nobody_hides_from_the_end(void **state)
{
    need(state);
    pid_t pid = start("web.1", "setsid env -i sh -c '(setsid sleep 1000 & echo $! >hidden;"
                               " echo >&3) & exit' & wait");
    wait_for_death(pid);
    FILE *file = fopen("hidden", "r");
    pid_t hidden = 0;
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &hidden), 1);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(unlink("hidden"), 0);
    assert_true(lives(hidden));
    assert_int_equal(tree_kill_all(&tree, PATIENCE_MS), 0);
    assert_false(lives(hidden));
}

static void test_a_storm_of_forks_ends(void **state)
{
    need(state);
    // Forty processes replace themselves by a child all the time.
    (void)start("web.1", "storm() { (storm &) ; exit; }; n=0; while [ $n -lt 40 ]; do"
                         " (storm &); n=$((n + 1)); done; echo >&3; wait");
    assert_int_equal(tree_kill_all(&tree, PATIENCE_MS), 0);
    reap_all();
    assert_int_equal(tree_kill_all(&tree, 0), 0);
}

static pid_t start_stranger(const char *mark, const char *name)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)setsid();
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)setenv("PS", name, 1);
        if (mark)
            (void)setenv("FORMATION_ID", mark, 1);
        (void)execl("/bin/sleep", "sleep", "1000", NULL);
        _exit(98);
    }
    while (!proc_has_variable(pid, "PS=web.1")) // until it has called execve
        (void)poll(NULL, 0, 1);
    return pid;
}

static void end_stranger(pid_t pid)
{
    assert_true(lives(pid));
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

// Children that this process has had before it became a guard, one of another formation among them.
static void test_strangers_are_not_touched(void **state)
{
    need(state);
    char longer[TREE_MARK_BYTES + 1];
    (void)snprintf(longer, sizeof(longer), "%s1", tree.mark);
    tree.has_strangers = true;
    pid_t strangers[] = {start_stranger("1.2.3", "web.1"), start_stranger(NULL, "web.1"),
                         start_stranger(longer, "web.1")};
    pid_t pid = start("web.1", "sleep 1000 & echo >&3; wait");
    assert_int_equal(tree_branch_count(&tree, "web.1", pid), 2);
    tree_branch_signal(&tree, "web.1", pid, SIGKILL);
    wait_until_empty("web.1", pid);
    assert_int_equal(tree_kill_all(&tree, PATIENCE_MS), 0);
    for (size_t i = 0; i < 3; i++)
        end_stranger(strangers[i]);
}

static void test_who_is_spared_lives(void **state)
{
    need(state);
    tree.spared = start_stranger(NULL, "web.1");
    (void)start("web.1", "sleep 1000 & echo >&3; wait");
    assert_int_equal(tree_kill_all(&tree, PATIENCE_MS), 0);
    end_stranger(tree.spared);
    tree.spared = 0;
}

// Main processes are known and need not be looked at, whatever they look like.
static void test_main_processes_are_not_orphans(void **state)
{
    static struct kin_set mains;
    if (tree.fd >= 0)
        skip();
    (void)state;
    pid_t first = start("web.1", "echo >&3; exec sleep 1000");
    assert_int_equal(kill(first, SIGKILL), 0);
    wait_for_death(first);
    pid_t next = start("web.1", "echo >&3; exec sleep 1000");
    wait_for_count("web.1", first, 1);
    kin_set_add(&mains, next);
    tree.mains = &mains;
    assert_int_equal(tree_branch_count(&tree, "web.1", first), 0);
    assert_int_equal(tree_branch_count(&tree, "web.1", next), 1);
}

static void test_the_end_of_a_tree_is_told(void **state)
{
    need(state);
    pid_t pid = start("web.1", "sleep 1000 & echo >&3; exec sleep 1000");
    int watch = tree_branch_watch(&tree, "web.1");
    if (tree.fd < 0) {
        assert_int_equal(watch, -1);
        return;
    }
    struct pollfd poller = {.fd = watch, .events = POLLPRI};
    assert_false(tree_watched_is_empty(watch));
    assert_int_equal(poll(&poller, 1, 0), 0); // quiet until then
    tree_branch_signal(&tree, "web.1", pid, SIGKILL);
    while (!tree_watched_is_empty(watch))
        assert_int_equal(poll(&poller, 1, PATIENCE_MS), 1);
    assert_int_equal(close(watch), 0);
}

static void test_folders_are_removed_with_what_is_in_them(void **state)
{
    need(state);
    if (tree.fd < 0)
        skip();
    int branch = tree_branch_open(&tree, "web.1");
    assert_int_equal(mkdirat(branch, "of-its-own", 0755), 0);
    assert_int_equal(mkdirat(branch, "of-its-own/deeper", 0755), 0);
    assert_int_equal(close(branch), 0);
    tree_branch_remove(&tree, "web.1");
    assert_int_equal(faccessat(tree.fd, "web.1", F_OK, 0), -1);
    branch = tree_branch_open(&tree, "web.2");
    assert_int_equal(mkdirat(branch, "of-its-own", 0755), 0);
    assert_int_equal(close(branch), 0);
    int parent = dup(tree.parent_fd);
    tree_close(&tree);
    assert_int_equal(faccessat(parent, tree.name, F_OK, 0), -1);
    assert_int_equal(close(parent), 0);
}

static void test_without_a_name_nobody_is_killed(void **state)
{
    (void)state;
    struct tree none = {.fd = -1, .parent_fd = -1}; // never opened
    pid_t stranger = start_stranger("", "web.1");
    assert_int_equal(tree_kill_all(&none, 0), 0);
    end_stranger(stranger);
}

// --- what formations have left whose supervisors are all gone

static bool hide_folders(void)
{
    char line[1024];
    char mount_point[256] = "";
    FILE *file = fopen("/proc/self/mountinfo", "r");
    while (file && fgets(line, sizeof(line), file))
        if (strstr(line, " - cgroup2 "))
            (void)sscanf(line, "%*s %*s %*s %*s %255s", mount_point);
    if (file)
        (void)fclose(file);
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return false;
    return !mount_point[0] || mount("none", mount_point, "tmpfs", 0, NULL) == 0;
}

// A guard that leaves a process behind: `tell_fd` gets its pid. Ends by SIGKILL.
static void be_abandoning_guard(int tell_fd, bool has_folders)
{
    if (!has_folders && !hide_folders())
        _exit(77);
    assert_int_equal(tree_open(&tree, getpid()), 0);
    is_to_be_left = true;
    pid_t left = start("web.1", "echo >&3; exec sleep 1000");
    (void)!write(tell_fd, &left, sizeof(left));
    (void)raise(SIGKILL);
}

static int be_next_guard(bool has_folders)
{
    if (!has_folders && !hide_folders())
        return 77;
    assert_int_equal(tree_open(&tree, getpid()), 0);
    tree_close(&tree);
    return 0;
}

// The former guard had folders, the next one has.
static void check_abandoned(bool had_folders, bool has_folders)
{
    int ends[2];
    pid_t left = 0;
    int status = -1;
    tree_close(&tree);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t guard = fork();
    if (guard == 0)
        be_abandoning_guard(ends[1], had_folders);
    assert_int_equal(close(ends[1]), 0);
    ssize_t size = read(ends[0], &left, sizeof(left));
    assert_int_equal(close(ends[0]), 0);
    if (size == 0) {
        assert_int_equal(waitpid(guard, NULL, 0), guard);
        skip();
    }
    wait_for_death(guard); // and nobody has waited for it yet
    assert_true(lives(left));
    pid_t next = fork();
    if (next == 0)
        _exit(be_next_guard(has_folders));
    assert_int_equal(waitpid(next, &status, 0), next);
    assert_int_equal(status, 0);
    assert_false(lives(left));
    assert_int_equal(waitpid(guard, NULL, 0), guard);
    assert_int_equal(waitpid(left, NULL, 0), left);
}

static void test_abandoned_folders_are_ended(void **state)
{
    need(state);
    check_abandoned(true, true);
}

static void test_abandoned_marks_are_ended(void **state)
{
    (void)state;
    check_abandoned(false, false);
}

static void test_abandoned_marks_are_ended_where_there_are_folders(void **state)
{
    need(state);
    check_abandoned(false, true);
}

static char folders[] = "folders";

#define with_and_without(test)                                                                     \
    {#test "_with_folders", test, open_with_folders, close_tree, folders},                         \
    {                                                                                              \
#test "_without_folders", test, open_without_folders, close_tree, NULL                     \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_and_without(test_a_branch_is_its_own_processes),
        with_and_without(test_without_descriptors_nothing_is_known),
        with_and_without(test_what_outlives_its_main_process_is_found),
        with_and_without(test_other_signals_than_kill_can_be_ignored),
        with_and_without(test_nobody_hides_from_the_end),
        with_and_without(test_a_storm_of_forks_ends),
        with_and_without(test_strangers_are_not_touched),
        with_and_without(test_who_is_spared_lives),
        with_and_without(test_the_end_of_a_tree_is_told),
        {"test_main_processes_are_not_orphans", test_main_processes_are_not_orphans,
         open_without_folders, close_tree, NULL},
        {"test_folders_are_removed_with_what_is_in_them",
         test_folders_are_removed_with_what_is_in_them, open_with_folders, close_tree, folders},
        cmocka_unit_test(test_without_a_name_nobody_is_killed),
        {"test_abandoned_folders_are_ended", test_abandoned_folders_are_ended, open_with_folders,
         close_tree, folders},
        {"test_abandoned_marks_are_ended", test_abandoned_marks_are_ended, open_without_folders,
         close_tree, NULL},
        {"test_abandoned_marks_are_ended_where_there_are_folders",
         test_abandoned_marks_are_ended_where_there_are_folders, open_with_folders, close_tree,
         folders},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
