// SPDX-License-Identifier: MIT
// Formations of folders in a folder of their own, with runtime folders of their own.
#include "os/place.h"

#include "os/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { BACKLOG = 8, NOBODY = 65534 };

static char folder[] = "/tmp/formation-place-XXXXXX";
static char runtime[64];
static char other_runtime[64];

static int enter_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder) || chdir(folder) < 0)
        return -1;
    (void)snprintf(runtime, sizeof(runtime), "%s/runtime", folder);
    (void)snprintf(other_runtime, sizeof(other_runtime), "%s/other", folder);
    return mkdir("runtime", 0700) || mkdir("other", 0700) || mkdir("shop", 0755) ||
           mkdir("deep", 0755) || mkdir("deep/shop", 0755);
}

static int remove_folder(void **state)
{
    (void)state;
    char command[64];
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    return chdir("/") == 0 ? system(command) : -1;
}

static int use_runtime(void **state)
{
    (void)state;
    return setenv("XDG_RUNTIME_DIR", runtime, 1);
}

static int use_none(void **state)
{
    (void)state;
    return unsetenv("XDG_RUNTIME_DIR");
}

static int listen_for(const char *root, const char *app)
{
    struct error error = {0};
    int listener = -1;
    if (place_listen(root, app, BACKLOG, &listener, &error) < 0)
        fail_msg("%s", error.text);
    return listener;
}

static void expect_refused(const char *root)
{
    char wanted[256];
    struct error error;
    int listener = -1;
    assert_int_equal(place_listen(root, NULL, BACKLOG, &listener, &error), -EADDRINUSE);
    assert_int_equal(listener, -1);
    (void)snprintf(wanted, sizeof(wanted), "runs already: process %d", getpid());
    assert_non_null(strstr(error.text, wanted));
}

static char found[512];

// The only socket of `root`, below `within`; it must be listened at.
static const char *expect_found(const char *root, const char *within)
{
    struct place_list list = {0};
    int fd;
    assert_int_equal(place_find(root, &list), 0);
    assert_int_equal(list.count, 1);
    (void)snprintf(found, sizeof(found), "%s", list.paths[0]);
    place_list_fini(&list);
    assert_int_equal(strncmp(found, within, strlen(within)), 0);
    assert_int_equal(socket_connect(found, NSEC_PER_SEC, &fd), 0);
    assert_int_equal(close(fd), 0);
    return found;
}

static size_t count_found(const char *root, const char *app)
{
    struct place_list list = {0};
    assert_int_equal(root ? place_find(root, &list) : place_find_app(app, &list), 0);
    size_t count = list.count;
    place_list_fini(&list);
    return count;
}

static void expect_empty(const char *path)
{
    char command[512];
    (void)snprintf(command, sizeof(command), "test -z \"$(ls -A '%s')\"", path);
    assert_int_equal(system(command), 0);
}

static void expect_mode(const char *path, mode_t mode)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode, mode);
}

static void test_in_the_runtime_folder(void **state)
{
    (void)state;
    int listener = listen_for("shop", NULL);
    const char *path = expect_found("shop", runtime);
    assert_non_null(strstr(path, "/formation/shop-"));
    expect_mode(path, S_IFSOCK | 0600);
    expect_mode("runtime/formation", S_IFDIR | 0700);
    expect_refused("shop");
    place_leave("shop", listener);
    assert_int_equal(count_found("shop", NULL), 0);
    expect_empty("runtime/formation");
    assert_int_equal(access("shop/.formation", F_OK), -1);
}

static void test_beside_the_app(void **state)
{
    (void)state;
    char within[128];
    int listener = listen_for("shop", NULL);
    (void)snprintf(within, sizeof(within), "%s/shop/.formation/control.sock", folder);
    expect_mode(expect_found("shop", within), S_IFSOCK | 0600);
    expect_mode("shop/.formation", S_IFDIR | 0700);
    expect_refused("shop");
    assert_int_equal(chdir("shop"), 0);
    (void)expect_found(".", within);
    assert_int_equal(chdir(".."), 0);
    place_leave("shop", listener);
    assert_int_equal(count_found("shop", NULL), 0);
    expect_empty("shop/.formation");
}

static void test_other_runtime_folders_than_ones_own_do_not_do(void **state)
{
    (void)state;
    const char *unusable[] = {"", "runtime", "/nosuch/folder", "/dev/null"};
    for (size_t i = 0; i < sizeof(unusable) / sizeof(*unusable); i++) {
        assert_int_equal(setenv("XDG_RUNTIME_DIR", unusable[i], 1), 0);
        int listener = listen_for("shop", NULL);
        assert_non_null(strstr(expect_found("shop", folder), "/shop/.formation/"));
        place_leave("shop", listener);
    }
    if (geteuid() != 0)
        return;
    assert_int_equal(chown(runtime, NOBODY, NOBODY), 0); // sudo -E
    assert_int_equal(setenv("XDG_RUNTIME_DIR", runtime, 1), 0);
    int listener = listen_for("shop", NULL);
    assert_non_null(strstr(expect_found("shop", folder), "/shop/.formation/"));
    place_leave("shop", listener);
    assert_int_equal(chown(runtime, 0, 0), 0);
}

static void test_folders_of_one_name(void **state)
{
    (void)state;
    int first = listen_for("shop", NULL);
    int second = listen_for("deep/shop", NULL);
    char path[512];
    (void)snprintf(path, sizeof(path), "%s", expect_found("shop", runtime));
    assert_string_not_equal(path, expect_found("deep/shop", runtime));
    assert_int_equal(count_found(NULL, "shop"), 2);
    place_leave("shop", first);
    assert_int_equal(count_found(NULL, "shop"), 1);
    (void)expect_found("deep/shop", runtime);
    place_leave("deep/shop", second);
    assert_int_equal(count_found(NULL, "shop"), 0);
}

static void test_apps_with_names(void **state)
{
    (void)state;
    char name[201] = "";
    memset(name, 'n', 200);
    const char *names[] = {"shop-blue", "a/b", ".hidden", "two words", "\n", name};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        int listener = listen_for("shop", names[i]);
        (void)expect_found("shop", runtime); // whoever looks need not know the name
        assert_int_equal(count_found(NULL, names[i]), 1);
        assert_int_equal(count_found(NULL, "shop"), 0);
        expect_refused("shop"); // called otherwise, but the same folder
        place_leave("shop", listener);
        expect_empty("runtime/formation");
    }
    assert_int_equal(count_found(NULL, ""), 0);
}

static void test_all_of_the_user(void **state)
{
    (void)state;
    struct place_list list = {0};
    int first = listen_for("shop", "store-1-0123456789ab");
    int second = listen_for("other/shop", NULL);
    bool has_first = false;
    assert_int_equal(place_find_app(NULL, &list), 0);
    assert_int_equal(list.count, 2);
    for (size_t i = 0; i < list.count; i++) {
        struct str app = place_app_of(list.paths[i]);
        bool is_first = str_is(app, "store-1-0123456789ab");
        assert_true(is_first || str_is(app, "shop"));
        has_first = has_first || is_first;
    }
    assert_true(has_first);
    place_list_fini(&list);
    assert_int_equal(place_app_of("/run/x").size, 0);
    place_leave("shop", first);
    place_leave("other/shop", second);
    assert_int_equal(place_find_app(NULL, &list), 0);
    assert_int_equal(list.count, 0);
}

static void test_whoever_has_another_environment(void **state)
{
    (void)state;
    int listener = listen_for("shop", NULL);
    assert_int_equal(setenv("XDG_RUNTIME_DIR", other_runtime, 1), 0);
    expect_refused("shop"); // beside the app is looked at always
    assert_int_equal(access("other/formation", F_OK), -1);
    place_leave("shop", listener);
    listener = listen_for("shop", NULL);
    (void)expect_found("shop", other_runtime);
    place_leave("shop", listener);
    assert_int_equal(rmdir("other/formation"), 0);
}

static void test_what_a_crash_leaves_is_replaced(void **state)
{
    (void)state;
    assert_int_equal(close(listen_for("shop", "old")), 0);
    assert_int_equal(count_found("shop", NULL), 1);
    int listener = listen_for("shop", "new");
    assert_non_null(strstr(expect_found("shop", runtime), "/new-"));
    place_leave("shop", listener);
    expect_empty("runtime/formation");
}

static void test_current_is_found_whatever_it_points_to(void **state)
{
    (void)state;
    assert_int_equal(mkdir("v1", 0755), 0);
    assert_int_equal(mkdir("v2", 0755), 0);
    assert_int_equal(symlink("v1", "current"), 0);
    int listener = listen_for("current", NULL);
    char path[512];
    (void)snprintf(path, sizeof(path), "%s", expect_found("v1", runtime));
    assert_string_equal(expect_found("current", runtime), path);
    expect_refused("v1");
    assert_int_equal(unlink("current"), 0);
    assert_int_equal(symlink("v2", "current"), 0);
    assert_string_equal(expect_found("current", runtime), path); // as it was called
    assert_string_equal(expect_found("v1", runtime), path);
    assert_int_equal(count_found("v2", NULL), 0);
    expect_refused("current");
    assert_int_equal(count_found(NULL, "current"), 1);
    place_leave("current", listener);
    assert_int_equal(count_found("current", NULL), 0);
    expect_empty("runtime/formation");
}

static void test_a_folder_that_is_gone(void **state)
{
    (void)state;
    assert_int_equal(mkdir("gone", 0755), 0);
    int listener = listen_for("gone", NULL);
    assert_int_equal(rmdir("gone"), 0);
    (void)expect_found("gone", runtime);
    place_leave("gone", listener);
    expect_empty("runtime/formation");
}

static void test_folders_that_are_no_good(void **state)
{
    (void)state;
    struct error error;
    int listener = -1;
    assert_int_equal(mkdir("linked", 0755), 0);
    assert_int_equal(symlink("/tmp", "linked/.formation"), 0);
    assert_true(place_listen("linked", NULL, BACKLOG, &listener, &error) < 0);
    assert_non_null(strstr(error.text, "/linked/.formation is not a folder of this user"));
    assert_int_equal(mkdir("taken", 0755), 0);
    assert_int_equal(close(open("taken/.formation", O_CREAT | O_WRONLY, 0600)), 0);
    assert_true(place_listen("taken", NULL, BACKLOG, &listener, &error) < 0);
    assert_non_null(strstr(error.text, "/taken/.formation is not a folder of this user"));
    assert_int_equal(place_listen("/proc/self", NULL, BACKLOG, &listener, &error), -ENOENT);
    assert_non_null(strstr(error.text, "set XDG_RUNTIME_DIR"));
    assert_int_equal(listener, -1);
}

static void test_a_folder_too_open_is_closed(void **state)
{
    (void)state;
    assert_int_equal(chmod("runtime/formation", 0777), 0);
    int listener = listen_for("shop", NULL);
    expect_mode("runtime/formation", S_IFDIR | 0700);
    place_leave("shop", listener);
}

// As another user: 0 when the formation of `root` is seen there but cannot be asked.
static int look_as_nobody(const char *root)
{
    struct place_list list = {0};
    int fd;
    if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
        return 1;
    if (place_find(root, &list) < 0 || list.count != 1)
        return 2;
    int connected = socket_connect(list.paths[0], NSEC_PER_SEC, &fd);
    place_list_fini(&list);
    return connected == -EACCES ? 0 : 3;
}

static void test_other_users(void **state)
{
    (void)state;
    int status;
    if (geteuid() != 0)
        skip();
    assert_int_equal(chmod(folder, 0755), 0);
    int listener = listen_for("shop", NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(look_as_nobody("shop"));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    place_leave("shop", listener);
}

static void test_one_of_many_starts(void **state)
{
    (void)state;
    enum { RACERS = 20 };
    static const char *const names[] = {"shop", "store"}; // of one folder all the same
    int start[2];
    int told[2];
    int end[2];
    int results[RACERS];
    int winners = 0;
    char byte;
    assert_true(pipe(start) == 0 && pipe(told) == 0 && pipe(end) == 0);
    for (int i = 0; i < RACERS; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child > 0)
            continue;
        int listener = -1;
        (void)close(start[1]);
        (void)close(end[1]);
        (void)!read(start[0], &byte, 1); // its end
        int result = place_listen("shop", names[i % 2], BACKLOG, &listener, NULL);
        (void)!write(told[1], &result, sizeof(result));
        (void)!read(end[0], &byte, 1);
        _exit(0);
    }
    (void)close(start[1]);
    for (int i = 0; i < RACERS; i++)
        assert_int_equal(read(told[0], &results[i], sizeof(int)), sizeof(int));
    for (int i = 0; i < RACERS; i++) {
        winners += results[i] == 0;
        assert_true(results[i] == 0 || results[i] == -EADDRINUSE);
    }
    assert_int_equal(winners, 1);
    (void)close(end[1]);
    for (int i = 0; i < RACERS; i++)
        assert_true(wait(NULL) > 0);
    int left[] = {start[0], told[0], told[1], end[0]};
    for (size_t i = 0; i < 4; i++)
        (void)close(left[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_in_the_runtime_folder, use_runtime),
        cmocka_unit_test_setup(test_beside_the_app, use_none),
        cmocka_unit_test(test_other_runtime_folders_than_ones_own_do_not_do),
        cmocka_unit_test_setup(test_folders_of_one_name, use_runtime),
        cmocka_unit_test_setup(test_apps_with_names, use_runtime),
        cmocka_unit_test_setup(test_all_of_the_user, use_runtime),
        cmocka_unit_test_setup(test_whoever_has_another_environment, use_none),
        cmocka_unit_test_setup(test_what_a_crash_leaves_is_replaced, use_runtime),
        cmocka_unit_test_setup(test_current_is_found_whatever_it_points_to, use_runtime),
        cmocka_unit_test_setup(test_a_folder_that_is_gone, use_runtime),
        cmocka_unit_test_setup(test_folders_that_are_no_good, use_none),
        cmocka_unit_test_setup(test_a_folder_too_open_is_closed, use_runtime),
        cmocka_unit_test_setup(test_other_users, use_none),
        cmocka_unit_test_setup(test_one_of_many_starts, use_runtime),
        cmocka_unit_test_setup(test_one_of_many_starts, use_none),
    };
    return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
