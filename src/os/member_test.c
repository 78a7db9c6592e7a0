// SPDX-License-Identifier: MIT
// Children, their children, and strangers, told apart by ancestors as where there are no cgroups;
// by cgroups it is seen in test/cli/ready.bats.
#include "os/member.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct tree tree = {.fd = -1, .mark = "none"};

// A child in a session of its own that has a child, which leads a session too; both wait.
static pid_t start_family(pid_t *grandchild)
{
    int told[2];
    assert_int_equal(pipe(told), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)setsid();
        pid_t own = fork();
        if (own == 0)
            (void)setsid();
        if (own > 0 && write(told[1], &own, sizeof(own)) < 0)
            _exit(1);
        for (;;)
            (void)pause();
    }
    assert_int_equal(read(told[0], grandchild, sizeof(*grandchild)), sizeof(*grandchild));
    assert_int_equal(close(told[0]), 0);
    assert_int_equal(close(told[1]), 0);
    return child;
}

static void descendants_belong(void **state)
{
    (void)state;
    pid_t grandchild;
    pid_t leader = start_family(&grandchild);
    assert_int_equal(member_of_branch(&tree, "web.1", leader, leader), MEMBER_IS);
    assert_int_equal(member_of_branch(&tree, "web.1", leader, grandchild), MEMBER_IS);
    assert_int_equal(member_of_branch(&tree, "web.1", grandchild, leader), MEMBER_IS_NOT);
    (void)kill(grandchild, SIGKILL);
    (void)kill(leader, SIGKILL);
    assert_int_equal(waitpid(leader, NULL, 0), leader);
}

static void strangers_do_not(void **state)
{
    (void)state;
    pid_t grandchild;
    pid_t leader = start_family(&grandchild);
    assert_int_equal(member_of_branch(&tree, "web.1", leader, getpid()), MEMBER_IS_NOT);
    assert_int_equal(member_of_branch(&tree, "web.1", leader, 1), MEMBER_IS_NOT);
    assert_int_equal(member_of_branch(&tree, "web.1", leader, 0), MEMBER_IS_NOT);
    (void)kill(grandchild, SIGKILL);
    (void)kill(leader, SIGKILL);
    assert_int_equal(waitpid(leader, NULL, 0), leader);
}

static void of_the_dead_nobody_can_tell(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(member_of_branch(&tree, "web.1", getpid(), child), MEMBER_IS_GONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descendants_belong),
        cmocka_unit_test(strangers_do_not),
        cmocka_unit_test(of_the_dead_nobody_can_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
