// SPDX-License-Identifier: MIT
// /proc read right, whatever a process is called and however much its environment holds.
#include "os/proc.h"

#include "os/kin.h"

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
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 10000 };

static char last_variable[] = "LAST=1";

// Waits until it has its own environment; `envp` ends with last_variable.
static pid_t start_sleep(char *const *envp)
{
    char *const argv[] = {"sleep", "1000", NULL};
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)execve("/bin/sleep", argv, envp);
        _exit(1);
    }
    for (int waited = 0; !proc_has_variable(pid, last_variable); waited++) {
        assert_true(waited < PATIENCE_MS);
        (void)poll(NULL, 0, 1);
    }
    return pid;
}

static void end(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_status(void **state)
{
    (void)state;
    struct proc_status status = {.pid = -1};
    assert_int_equal(prctl(PR_SET_NAME, ") R 1 2 (x"), 0); // as if fields went on
    assert_int_equal(proc_read_status(getpid(), &status), 0);
    assert_int_equal(status.pid, getpid());
    assert_int_equal(status.parent, getppid());
    assert_int_equal(status.group, getpgrp());
    assert_int_equal(status.session, getsid(0));
    assert_int_equal(status.state, 'R');
    assert_true(status.start_ticks > 0);
    assert_int_equal(prctl(PR_SET_NAME, "proc-test"), 0);
}

static void test_status_of_the_dead(void **state)
{
    (void)state;
    struct proc_status status = {.pid = -1};
    char *const envp[] = {last_variable, NULL};
    siginfo_t info;
    pid_t pid = start_sleep(envp);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(proc_read_status(pid, &status), 0);
    assert_int_equal(status.state, 'Z');
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    status.pid = -1;
    assert_true(proc_read_status(pid, &status) < 0);
    assert_int_equal(status.pid, -1); // untouched
}

// While it is being reaped by somebody else it is whole or gone, never one of no session.
static void test_status_of_one_that_is_reaped(void **state)
{
    (void)state;
    enum { LIVES = 20000 };
    _Atomic pid_t *last =
        mmap(NULL, sizeof(*last), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(last, MAP_FAILED);
    pid_t parent = fork();
    assert_true(parent >= 0);
    if (parent == 0) {
        for (int i = 0; i < LIVES; i++) {
            pid_t pid = vfork();
            if (pid == 0)
                _exit(0);
            *last = pid;
            (void)waitpid(pid, NULL, 0);
        }
        _exit(0);
    }
    while (waitpid(parent, NULL, WNOHANG) == 0) {
        struct proc_status status;
        if (*last == 0 || proc_read_status(*last, &status) < 0)
            continue;
        assert_int_equal(status.session, getsid(0));
        assert_int_equal(status.parent, parent);
    }
    assert_int_equal(munmap((void *)last, sizeof(*last)), 0);
}

static void test_variables(void **state)
{
    (void)state;
    static char large[20001]; // over several reads
    char *envp[] = {
        "BEFORE=1", large, "FORMATION_ID=1.2.3", "PS=web.1", "EMPTY=", last_variable, NULL};
    memset(large, 'x', sizeof(large) - 1);
    memcpy(large, "L=FORMATION_ID=9", 16);
    pid_t pid = start_sleep(envp);
    assert_true(proc_has_variable(pid, "FORMATION_ID=1.2.3"));
    assert_true(proc_has_variable(pid, "PS=web.1"));
    assert_true(proc_has_variable(pid, "BEFORE=1"));
    assert_true(proc_has_variable(pid, "EMPTY="));
    assert_false(proc_has_variable(pid, "PS=web.10"));
    assert_false(proc_has_variable(pid, "PS=web."));
    assert_false(proc_has_variable(pid, "FORMATION_ID=9"));
    assert_false(proc_has_variable(pid, "S=web.1"));
    assert_false(proc_has_variable(pid, "PS="));
    char value[8] = "";
    assert_true(proc_read_variable(pid, "PS=", value, sizeof(value)));
    assert_string_equal(value, "web.1");
    assert_true(proc_read_variable(pid, "L=", value, sizeof(value)));
    assert_string_equal(value, "FORMATI"); // cut
    assert_true(proc_read_variable(pid, "EMPTY=", value, sizeof(value)));
    assert_string_equal(value, "");
    assert_false(proc_read_variable(pid, "NONE=", value, sizeof(value)));
    end(pid);
    assert_false(proc_has_variable(pid, "PS=web.1"));
}

// The variable begins at every place of the pieces that the environment is read in.
static void test_variables_over_borders(void **state)
{
    (void)state;
    static char filler[5000];
    char *envp[] = {filler, "PS=web.1", last_variable, NULL};
    for (size_t size = 4080; size <= 4100; size++) {
        memset(filler, 'P', size);
        filler[size] = '\0';
        pid_t pid = start_sleep(envp);
        assert_true(proc_has_variable(pid, "PS=web.1"));
        assert_false(proc_has_variable(pid, "PS=web"));
        end(pid);
    }
}

static bool refuse(pid_t pid, void *context)
{
    (void)pid;
    ++*(unsigned *)context;
    return false;
}

static bool agree(pid_t pid, void *context)
{
    (void)pid;
    ++*(unsigned *)context;
    return true;
}

static void test_only_who_is_meant_is_signalled(void **state)
{
    (void)state;
    char *const envp[] = {last_variable, NULL};
    unsigned calls = 0;
    pid_t pid = start_sleep(envp);
    proc_signal_if(pid, SIGKILL, refuse, &calls);
    assert_int_equal(calls, 1);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
    proc_signal_if(pid, SIGKILL, agree, &calls);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    proc_signal_if(pid, SIGKILL, agree, &calls); // its number is nobody's now
    assert_int_equal(calls, 2);
}

static bool is_ourselves(pid_t pid, void *context)
{
    bool *found = context;
    *found = *found || pid == getpid();
    return true;
}

static void test_every_process_is_visited(void **state)
{
    (void)state;
    bool found = false;
    unsigned calls = 0;
    proc_each(is_ourselves, &found);
    assert_true(found);
    proc_each(refuse, &calls);
    assert_int_equal(calls, 1); // and no more
}

// --- kin

static void test_children_are_listed(void **state)
{
    (void)state;
    enum { COUNT = 900 }; // more than a page
    static pid_t pids[COUNT];
    struct kin_list list = {0};
    for (size_t i = 0; i < COUNT; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0)
            _exit(0);
    }
    assert_int_equal(kin_add_children(&list, getpid()), 0);
    assert_int_equal(list.count, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(list.items[i].pid, pids[i]); // the oldest first
        assert_int_equal(list.items[i].parent, getpid());
        assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
    }
    list.count = 0;
    assert_int_equal(kin_add_children(&list, getpid()), 0);
    assert_int_equal(list.count, 0);
    assert_int_equal(kin_add_children(&list, pids[0]), -ENOENT); // it is gone
    kin_fini(&list);
}

static void test_who_is_kin(void **state)
{
    (void)state;
    char *const envp[] = {last_variable, NULL};
    pid_t pid = start_sleep(envp);
    assert_true(kin_lives((struct kin){pid, getpid()}, 1));
    assert_true(kin_lives((struct kin){pid, 77}, getpid())); // adopted meanwhile
    assert_false(kin_lives((struct kin){pid, 77}, 78));      // the number is another's now
    siginfo_t info;
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_false(kin_lives((struct kin){pid, getpid()}, 1)); // a zombie
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_false(kin_lives((struct kin){pid, getpid()}, 1));
}

static void test_set_of_pids(void **state)
{
    (void)state;
    static struct kin_set set;
    assert_false(kin_set_has(&set, 1));
    for (pid_t pid = 1; pid <= LIMIT_PROCESSES + 2; pid++) {
        kin_set_add(&set, pid * 4093 % 4194304);
        kin_set_add(&set, pid * 4093 % 4194304);
    }
    assert_int_equal(set.count, LIMIT_PROCESSES + 2);
    for (pid_t pid = 1; pid <= LIMIT_PROCESSES + 2; pid++)
        assert_true(kin_set_has(&set, pid * 4093 % 4194304));
    assert_false(kin_set_has(&set, 4092));
    kin_set_clear(&set);
    assert_false(kin_set_has(&set, 4093));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_status_of_the_dead),
        cmocka_unit_test(test_status_of_one_that_is_reaped),
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_variables_over_borders),
        cmocka_unit_test(test_only_who_is_meant_is_signalled),
        cmocka_unit_test(test_every_process_is_visited),
        cmocka_unit_test(test_children_are_listed),
        cmocka_unit_test(test_who_is_kin),
        cmocka_unit_test(test_set_of_pids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
