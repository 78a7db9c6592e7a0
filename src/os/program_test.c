// SPDX-License-Identifier: MIT
// The search must find what execvp(3) would execute, and say why when it would not.
#include "os/program.h"

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
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/formation-program-XXXXXX";

static void make_file(const char *path, mode_t mode)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, mode);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
}

// bin/tool may be executed, plain/tool not; folder/tool is a folder.
static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder) || chdir(folder) < 0)
        return -1;
    assert_int_equal(mkdir("bin", 0700), 0);
    assert_int_equal(mkdir("plain", 0700), 0);
    assert_int_equal(mkdir("folder", 0700), 0);
    assert_int_equal(mkdir("folder/tool", 0700), 0);
    make_file("bin/tool", 0700);
    make_file("plain/tool", 0600);
    make_file("here", 0700);
    return chdir("/");
}

static int remove_folder(void **state)
{
    (void)state;
    char command[64];
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static void test_search(void **state)
{
    static const struct {
        const char *name;
        const char *path;
        int result;
        const char *found;
    } cases[] = {
        {"tool", "bin", 0, "bin/tool"},
        {"tool", "nosuch:bin:plain", 0, "bin/tool"},
        {"tool", "plain:bin", 0, "bin/tool"}, // the one that may not be executed is passed over
        {"tool", "folder:bin", 0, "bin/tool"},
        {"tool", "plain", -EACCES, NULL},
        {"tool", "plain:nosuch", -EACCES, NULL},
        {"tool", "folder", -EACCES, NULL},
        {"tool", "nosuch", -ENOENT, NULL},
        {"tool", "here", -ENOENT, NULL},
        {"tool", "", -ENOENT, NULL},
        {"here", "", 0, "./here"}, // an empty entry is the directory
        {"here", "bin:", 0, "./here"},
        {"here", ":bin", 0, "./here"},
        {"here", "bin", -ENOENT, NULL},
        {"./here", "bin", 0, "./here"}, // as written: a script sees it in $0
        {"bin/tool", NULL, 0, "bin/tool"},
        {"plain/tool", "bin", -EACCES, NULL},
        {"here/tool", "bin", -ENOENT, NULL},
        {"bin/", "bin", -EACCES, NULL},
        {"", "bin", -ENOENT, NULL},
        {"/bin/sh", "", 0, "/bin/sh"},
        {"sh", "/bin", 0, "/bin/sh"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char found[PATH_MAX] = "untouched";
        int result = program_find(cases[i].name, cases[i].path, folder, found);
        if (result != cases[i].result)
            print_error("%s in %s\n", cases[i].name, cases[i].path);
        assert_int_equal(result, cases[i].result);
        assert_string_equal(found, cases[i].found ? cases[i].found : "untouched");
    }
}

static void test_default_path(void **state)
{
    char found[PATH_MAX];
    (void)state;
    assert_int_equal(program_find("sh", NULL, folder, found), 0);
    assert_int_equal(found[0], '/');
}

static void test_directory_is_gone(void **state)
{
    char found[PATH_MAX];
    char path[64];
    (void)state;
    assert_int_equal(program_find("sh", NULL, "/nosuch", found), -ENOENT);
    (void)snprintf(path, sizeof(path), "%s/here", folder);
    assert_int_equal(program_find("sh", NULL, path, found), -ENOTDIR);
}

static void test_long_names(void **state)
{
    static char name[2 * PATH_MAX];
    char found[PATH_MAX];
    (void)state;
    memset(name, 'x', sizeof(name) - 1);
    assert_int_equal(program_find(name, "/bin", folder, found), -ENAMETOOLONG);
    name[PATH_MAX - 2] = '\0'; // fits, but not together with a folder
    assert_int_equal(program_find(name, "/bin", folder, found), -ENOENT);
    assert_int_equal(program_find("sh", name, folder, found), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_default_path),
        cmocka_unit_test(test_directory_is_gone),
        cmocka_unit_test(test_long_names),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
