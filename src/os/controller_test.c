// SPDX-License-Identifier: MIT
// With the controllers of this machine, whichever they are: what is said to be there can be used,
// and leaves nothing.
#include "os/controller.h"

#include "os/hierarchy.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct controller_amounts amounts = {
    {[CONTROLLER_MEMORY] = 64 << 20, [CONTROLLER_CPU] = 1500, [CONTROLLER_PIDS] = 9},
};

static void says_what_there_is(void **state)
{
    (void)state;
    for (int i = 0; i < CONTROLLERS; i++) {
        struct error error;
        bool is = controller_describe((enum controller)i, &error);
        if (is)
            assert_true(strcmp(error.text, "cgroup v2") == 0 ||
                        strcmp(error.text, "cgroup v1") == 0);
        else
            assert_true(strlen(error.text) > 20);
    }
}

static bool has_folder(enum controller which, const char *name)
{
    int own = hierarchy_open(controller_name(which));
    bool has = own >= 0 && faccessat(own, name, F_OK, 0) == 0;
    if (own >= 0)
        (void)close(own);
    return has;
}

static bool is_text(int folder, const char *path, const char *wanted)
{
    char text[64] = "";
    int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(read(fd, text, sizeof(text) - 1) > 0);
    (void)close(fd);
    text[strcspn(text, "\n")] = '\0';
    return strcmp(text, wanted) == 0;
}

// A process that moves itself is where it shall be.
static void expect_to_move(int fd, const char *name)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char text[8192] = "";
        int list = write(fd, "0", 1) == 1 ? open("/proc/self/cgroup", O_RDONLY) : -1;
        _exit(list >= 0 && read(list, text, sizeof(text) - 1) > 0 && strstr(text, name) ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void limits_a_branch_of_version_1(void **state)
{
    (void)state;
    struct tree tree;
    struct controllers controllers;
    int fds[CONTROLLERS];
    controllers_init(&controllers);
    tree_open(&tree, getpid());
    const pid_t self = getpid();
    for (int i = 0; i < CONTROLLERS; i++) {
        struct error error;
        if (hierarchy_open(controller_name((enum controller)i)) < 0 ||
            !controller_describe((enum controller)i, &error) ||
            strcmp(error.text, "cgroup v1") != 0 ||
            controllers_need(&controllers, &tree, (enum controller)i, &self, 1, &error) < 0) {
            tree_close(&tree);
            skip();
        }
    }
    assert_int_equal(controllers_limit(&controllers, &tree, "web.1", &amounts, fds), CONTROLLERS);
    assert_true(
        is_text(controllers.groups[CONTROLLER_MEMORY], "web.1/memory.limit_in_bytes", "67108864"));
    assert_true(is_text(controllers.groups[CONTROLLER_CPU], "web.1/cpu.cfs_quota_us", "150000"));
    assert_true(is_text(controllers.groups[CONTROLLER_PIDS], "web.1/pids.max", "9"));
    for (int i = 0; i < CONTROLLERS; i++) {
        expect_to_move(fds[i], tree.name);
        (void)close(fds[i]);
    }
    assert_true(has_folder(CONTROLLER_PIDS, tree.name));
    char name[TREE_NAME_BYTES];
    (void)snprintf(name, sizeof(name), "%s", tree.name);
    controllers_close(&controllers);
    tree_close(&tree);
    for (int i = 0; i < CONTROLLERS; i++)
        assert_false(has_folder((enum controller)i, name));
}

static void limits_nothing_that_is_not_wanted(void **state)
{
    (void)state;
    const struct tree none = {.fd = -1, .parent_fd = -1};
    const struct controller_amounts nothing = {{0}};
    struct controllers controllers;
    int fds[CONTROLLERS];
    controllers_init(&controllers);
    assert_int_equal(controllers_limit(&controllers, &none, "web.1", &nothing, fds), 0);
    assert_int_equal(controllers_limit(&controllers, &none, "web.1", &amounts, fds), -EOPNOTSUPP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_there_is),
        cmocka_unit_test(limits_a_branch_of_version_1),
        cmocka_unit_test(limits_nothing_that_is_not_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
