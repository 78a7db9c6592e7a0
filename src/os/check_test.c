// SPDX-License-Identifier: MIT
// Commands that end well, badly, or not at all.
#include "os/check.h"

#include "os/clock.h"
#include "os/kin.h"

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
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop loop;
static struct check check;
static unsigned news_count;
static int null;

static void count_news(struct check *of)
{
    assert_ptr_equal(of, &check);
    news_count++;
}

static int open_loop(void **state)
{
    (void)state;
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    return loop_open(&loop);
}

static int close_loop(void **state)
{
    (void)state;
    loop_close(&loop);
    return close(null);
}

static int begin(const char *command)
{
    char *argv[] = {(char *)(size_t) "/bin/sh", (char *)(size_t) "-c", (char *)(size_t)command,
                    NULL};
    char *envp[] = {(char *)(size_t) "PATH=/usr/bin:/bin", NULL};
    enum spawn_stage stage;
    const struct spawn_request request = {
        .program = argv[0],
        .argv = argv,
        .envp = envp,
        .directory = "/",
        .descriptors = {null, null, null},
        .descriptor_count = 3,
        .cgroup_fd = -1,
        .new_session = true,
        .death_signal = SIGKILL,
        .is_unprepared = true,
    };
    news_count = 0;
    return check_begin(&check, &loop, &request, count_news, &stage);
}

static void run_until_end(void)
{
    nsec_t until = clock_now() + 10 * NSEC_PER_SEC;
    while (!check.has_ended && clock_now() < until)
        assert_int_equal(loop_run_once(&loop, until), 0);
    assert_true(check.has_ended);
    assert_int_equal(news_count, 1);
}

static void the_status_is_told(void **state)
{
    (void)state;
    assert_int_equal(begin("exit 0"), 0);
    run_until_end();
    assert_int_equal(check.wait_status, 0);
    assert_int_equal(begin("exit 3"), 0);
    run_until_end();
    assert_int_equal(WEXITSTATUS(check.wait_status), 3);
    assert_int_equal(begin("kill -9 $$"), 0);
    run_until_end();
    assert_int_equal(WTERMSIG(check.wait_status), SIGKILL);
}

static void one_that_hangs_is_killed_with_its_children(void **state)
{
    (void)state;
    int alive[2];
    char command[64], byte;
    assert_int_equal(pipe(alive), 0); // inherited, and closed by the last one's death
    (void)snprintf(command, sizeof(command), "sleep 60 & echo >/proc/self/fd/%d; wait", alive[1]);
    assert_int_equal(begin(command), 0);
    assert_int_equal(read(alive[0], &byte, 1), 1);
    check_kill(&check);
    run_until_end();
    assert_int_equal(WTERMSIG(check.wait_status), SIGKILL);
    assert_int_equal(close(alive[1]), 0);
    assert_int_equal(read(alive[0], &byte, 1), 0);
    check_kill(&check); // is nobody's business any more
    assert_int_equal(close(alive[0]), 0);
}

static void what_it_leaves_in_its_group_ends_with_it(void **state)
{
    (void)state;
    int alive[2];
    char byte;
    assert_int_equal(pipe(alive), 0);
    assert_int_equal(begin("sleep 60 & exit 0"), 0);
    run_until_end();
    assert_int_equal(check.wait_status, 0);
    assert_int_equal(close(alive[1]), 0);
    assert_int_equal(read(alive[0], &byte, 1), 0);
    assert_int_equal(close(alive[0]), 0);
}

static void it_inherits_nothing_but_what_it_is_given(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    char command[256];
    (void)snprintf(command, sizeof(command),
                   "[ ! -e /proc/$$/fd/%d ] &&"
                   " grep -q '^SigIgn:.0000000000000000' /proc/self/status &&"
                   " grep -q '^SigBlk:.0000000000000000' /proc/self/status",
                   fd);
    assert_int_equal(begin(command), 0);
    run_until_end();
    assert_int_equal(check.wait_status, 0);
    assert_int_equal(close(fd), 0);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)signal(SIGTERM, SIG_DFL);
}

static void its_end_can_be_waited_for(void **state)
{
    (void)state;
    assert_int_equal(begin("exec sleep 60"), 0);
    check_wait(&check, 10);
    assert_false(check.has_ended);
    check_kill(&check);
    check_wait(&check, 10000);
    assert_true(check.has_ended);
    assert_int_equal(WTERMSIG(check.wait_status), SIGKILL);
    assert_int_equal(news_count, 0);
    check_wait(&check, 0);
}

static void a_child_that_runs_already_is_taken_over(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        (void)setsid();
        _exit(5);
    }
    news_count = 0;
    assert_int_equal(check_adopt(&check, &loop, child, count_news), 0);
    run_until_end();
    assert_int_equal(WEXITSTATUS(check.wait_status), 5);
    assert_int_equal(check_adopt(&check, &loop, child, count_news), -ESRCH);
}

static unsigned count_descriptors(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void a_thousand_leave_no_descriptor_and_no_child(void **state)
{
    (void)state;
    unsigned before = count_descriptors();
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(begin(i % 3 ? "exit 1" : "exec sleep 60"), 0);
        if (i % 3 == 0)
            check_kill(&check);
        run_until_end();
    }
    assert_int_equal(count_descriptors(), before);
    struct kin_list children = {0};
    assert_int_equal(kin_add_children(&children, getpid()), 0);
    assert_int_equal(children.count, 0);
    kin_fini(&children);
}

#define CHECK_TEST(name) cmocka_unit_test_setup_teardown(name, open_loop, close_loop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK_TEST(the_status_is_told),
        CHECK_TEST(one_that_hangs_is_killed_with_its_children),
        CHECK_TEST(what_it_leaves_in_its_group_ends_with_it),
        CHECK_TEST(it_inherits_nothing_but_what_it_is_given),
        CHECK_TEST(its_end_can_be_waited_for),
        CHECK_TEST(a_child_that_runs_already_is_taken_over),
        CHECK_TEST(a_thousand_leave_no_descriptor_and_no_child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
