// SPDX-License-Identifier: MIT
// A folder with a memory.events in it plays the cgroup: few machines have a memory controller
// there.
#include "os/oom.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/formation-oom-XXXXXX";
static struct tree tree = {.fd = -1};

static int open_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    tree.fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return tree.fd < 0 ? -1 : mkdirat(tree.fd, "web.1", 0700);
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlinkat(tree.fd, "web.1/memory.events", 0);
    (void)unlinkat(tree.fd, "web.1", AT_REMOVEDIR);
    (void)close(tree.fd);
    return rmdir(folder);
}

static void count(const char *text)
{
    int fd = openat(tree.fd, "web.1/memory.events", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_true(dprintf(fd, "%s", text) >= 0);
    (void)close(fd);
}

static void counts_what_was_killed(void **state)
{
    (void)state;
    count("low 0\nhigh 7\nmax 12\noom 3\noom_kill 2\noom_group_kill 5\n");
    assert_int_equal(oom_kills(&tree, -1, "web.1"), 2);
    count("low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n");
    assert_int_equal(oom_kills(&tree, -1, "web.1"), 0);
    count("oom_kill 41\n");
    assert_int_equal(oom_kills(&tree, -1, "web.1"), 41);
}

static void nobody_counts(void **state)
{
    (void)state;
    const struct tree none = {.fd = -1};
    count("oom 3\noom_group_kill 5\nnot_oom_kill 4\n");
    assert_int_equal(oom_kills(&tree, -1, "web.1"), 0);
    count("");
    assert_int_equal(oom_kills(&tree, -1, "web.1"), 0);
    assert_int_equal(oom_kills(&tree, -1, "web.2"), 0);
    assert_int_equal(oom_kills(&none, -1, "web.1"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_what_was_killed),
        cmocka_unit_test(nobody_counts),
    };
    return cmocka_run_group_tests(tests, open_folder, remove_folder);
}
