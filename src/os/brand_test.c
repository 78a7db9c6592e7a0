// SPDX-License-Identifier: MIT
// Each case is a child that takes a brand and passes it on.
#include "os/brand.h"

#include "os/proc.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static uint64_t brand_of(pid_t pid)
{
    struct proc_status status = {0};
    (void)proc_read_status(pid, &status);
    return brand_of_guard(pid, status.start_ticks);
}

// A program in a session of its own, without an environment, that descends from a branded process.
static pid_t start_branded(uint64_t brand, const char *name, char **arguments)
{
    int done[2];
    char byte;
    assert_int_equal(pipe(done), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char *nothing[] = {NULL};
        struct rlimit limits = brand_limits(brand, name);
        (void)close(done[0]);
        if (setrlimit(RLIMIT_LOCKS, &limits) < 0)
            _exit(99);
        (void)setsid();
        if (getuid() == 0 && setuid(65534) < 0)
            _exit(98);
        (void)dup2(done[1], 3);
        (void)execve("/bin/sh", arguments, nothing);
        _exit(97);
    }
    assert_int_equal(close(done[1]), 0);
    assert_int_equal(read(done[0], &byte, 1), 1);
    assert_int_equal(close(done[0]), 0);
    return pid;
}

static char shell[] = "sh", option[] = "-c";
static char script[] = "echo >&3; exec sleep 1000";
static char *sleeper[] = {shell, option, script, NULL};

static void end(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void need(void)
{
    if (brand_of(getpid()) == 0)
        skip();
}

static void test_it_is_inherited_whatever_is_thrown_away(void **state)
{
    (void)state;
    need();
    uint64_t brand = brand_of(getpid());
    pid_t pid = start_branded(brand, "web.1", sleeper);
    assert_true(brand_is_on(pid, brand, NULL));
    assert_true(brand_is_on(pid, brand, "web.1"));
    assert_false(brand_is_on(pid, brand, "web.2"));
    assert_false(brand_is_on(pid, brand - 1, NULL));
    assert_false(brand_is_on(getpid(), brand, NULL));
    assert_false(brand_is_abandoned(pid)); // we live
    end(pid);
    assert_false(brand_is_on(pid, brand, NULL));
}

static void test_it_is_abandoned_with_its_guard(void **state)
{
    (void)state;
    need();
    pid_t guard = fork();
    if (guard == 0) {
        (void)pause();
        _exit(0);
    }
    pid_t pid = start_branded(brand_of(guard), "web.1", sleeper);
    assert_false(brand_is_abandoned(pid));
    assert_int_equal(kill(guard, SIGKILL), 0);
    assert_int_equal(waitid(P_PID, (id_t)guard, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
    assert_true(brand_is_abandoned(pid)); // though nobody has waited for it yet
    assert_int_equal(waitpid(guard, NULL, 0), guard);
    assert_true(brand_is_abandoned(pid));
    end(pid);
}

static void test_a_pid_that_was_used_again_is_no_guard(void **state)
{
    (void)state;
    need();
    pid_t pid = start_branded(brand_of_guard(getpid(), 1), "web.1", sleeper);
    assert_true(brand_is_abandoned(pid));
    end(pid);
}

// Seven within one another, each with a brand of its own that is still a lower limit.
static int nest(unsigned depth)
{
    uint64_t brand = brand_of(getpid());
    if (brand == 0)
        return (int)depth;
    struct rlimit limits = brand_limits(brand, "web.1");
    if (limits.rlim_cur >= limits.rlim_max || setrlimit(RLIMIT_LOCKS, &limits) < 0)
        return 100;
    if (brand_is_abandoned(getpid())) // whoever is started within it does not end it
        return 101;
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(nest(depth + 1));
    (void)waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}

static void test_formations_within_formations(void **state)
{
    (void)state;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_LOCKS, &limit), 0);
    if (limit.rlim_max != RLIM_INFINITY)
        skip();
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(nest(0));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 7);
}

static void test_other_limits_are_no_brand(void **state)
{
    (void)state;
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit limits = {.rlim_cur = 100, .rlim_max = 1000};
        _exit(setrlimit(RLIMIT_LOCKS, &limits) < 0 || brand_of(getpid()) != 0 ||
              brand_is_abandoned(getpid()) || brand_is_on(getpid(), 0, NULL));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_inherited_whatever_is_thrown_away),
        cmocka_unit_test(test_it_is_abandoned_with_its_guard),
        cmocka_unit_test(test_a_pid_that_was_used_again_is_no_guard),
        cmocka_unit_test(test_formations_within_formations),
        cmocka_unit_test(test_other_limits_are_no_brand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
