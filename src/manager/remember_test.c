// SPDX-License-Identifier: MIT
// What is written down comes back, and nothing else does: files that are broken, foreign, or too
// much, disks that are full, and homes that are not there.
#include "manager/remember.h"

#include "base/limits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char home[64];
static struct process_type types[3];
static struct plan plan;

static void set_plan(const char *root)
{
    static const char *const names[] = {"web", "worker", "clock"};
    for (size_t i = 0; i < 3; i++)
        types[i] = (struct process_type){.name = str_of(names[i]), .quantity = 1, .declared = 1};
    plan = (struct plan){
        .app = str_of("sh/op"), .root = str_of(root), .type_count = 3, .types = types};
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(home, sizeof(home), "/tmp/remember-test-XXXXXX");
    assert_non_null(mkdtemp(home));
    (void)unsetenv("STATE_DIRECTORY");
    (void)unsetenv("XDG_STATE_HOME");
    (void)setenv("HOME", home, 1);
    set_plan("/srv/shop");
    return 0;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", home);
    return system(command);
}

// The one file with that ending in the folder. False: there is none.
static bool find_file(const char *ending, char out[512])
{
    char folder[128];
    bool is_found = false;
    (void)snprintf(folder, sizeof(folder), "%s/.local/state/formation", home);
    DIR *entries = opendir(folder);
    const struct dirent *entry;
    while (entries && (entry = readdir(entries)))
        if (str_ends_with(str_of(entry->d_name), ending)) {
            (void)snprintf(out, 512, "%s/%s", folder, entry->d_name);
            is_found = true;
        }
    if (entries)
        (void)closedir(entries);
    return is_found;
}

static void write_down(const char *text, size_t size)
{
    char path[512];
    struct error error;
    types[0].quantity = 7;
    assert_int_equal(remember_write(&plan, &error), 0);
    assert_true(find_file(".quantities", path));
    int fd = open(path, O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, text, size), (ssize_t)size);
    (void)close(fd);
    types[0].quantity = 1;
}

static void what_is_written_comes_back(void **state)
{
    char path[512];
    struct stat status;
    struct error error;
    (void)state;
    assert_int_equal(remember_read(&plan, &error), 0); // there is nothing
    types[0].quantity = 3;
    types[2].quantity = 0;
    assert_int_equal(remember_write(&plan, &error), 0);
    assert_true(find_file(".quantities", path));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_false(find_file(".new", path));
    set_plan("/srv/shop");
    assert_int_equal(remember_read(&plan, &error), 2);
    assert_true(types[0].quantity == 3 && types[1].quantity == 1 && types[2].quantity == 0);
    set_plan("/srv/other"); // another folder's are not ours
    assert_int_equal(remember_read(&plan, &error), 0);
    set_plan("/srv/shop");
    types[0].declared = types[0].quantity = 3; // it is what the files say by now
    assert_int_equal(remember_read(&plan, &error), 1);
    set_plan("/srv/shop");
    assert_int_equal(remember_write(&plan, &error), 0); // nothing differs any more
    assert_false(find_file(".quantities", path));
    assert_int_equal(remember_write(&plan, &error), 0);
}

static void a_folder_with_a_newline(void **state)
{
    struct error error;
    (void)state;
    set_plan("/srv/a\nweb 9\nb");
    types[1].quantity = 4;
    assert_int_equal(remember_write(&plan, &error), 0);
    types[1].quantity = 1;
    assert_int_equal(remember_read(&plan, &error), 1);
    assert_true(types[0].quantity == 1 && types[1].quantity == 4);
}

static void types_that_are_gone_are_left_out(void **state)
{
    static const char text[] = "formation quantities 1\n/srv/shop\nold 9\nweb 2\n";
    struct error error;
    (void)state;
    write_down(text, sizeof(text) - 1);
    assert_int_equal(remember_read(&plan, &error), 1);
    assert_int_equal(types[0].quantity, 2);
}

static void what_makes_no_sense_is_set_aside(void **state)
{
    static const struct {
        const char *text;
        size_t size;
    } files[] = {
#define FILE_OF(text) {text, sizeof(text) - 1}
        FILE_OF(""),
        FILE_OF("formation quantities 2\n/srv/shop\nweb 3\n"),
        FILE_OF("formation quantities 1\n/srv/other\nweb 3\n"),
        FILE_OF("formation quantities 1\n"),
        FILE_OF("formation quantities 1\n/srv/shop\nweb 3\nworker\n"),
        FILE_OF("formation quantities 1\n/srv/shop\nweb 3\nworker x\n"),
        FILE_OF("formation quantities 1\n/srv/shop\nweb -1\n"),
        FILE_OF("formation quantities 1\n/srv/shop\nweb 4294967297\n"),
        FILE_OF("formation quantities 1\n/srv/shop\nweb 8193\n"),
        FILE_OF("formation quantities 1\n/srv/shop\nweb 3\n\0\0\0\0"),
        FILE_OF("\0\0\0\0\0\0\0\0"),
        FILE_OF("\xff\xfe{}"),
    };
    char path[512];
    struct error error;
    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        write_down(files[i].text, files[i].size);
        if (remember_read(&plan, &error) != -EBADMSG)
            fail_msg("file %zu is taken", i);
        assert_non_null(strstr(error.text, "makes no sense"));
        assert_int_equal(types[0].quantity, 1); // not even a part of it
        assert_false(find_file(".quantities", path));
        assert_true(find_file(".bad", path));
        assert_int_equal(remember_read(&plan, &error), 0);
    }
}

static void more_than_there_may_be_is_left_out(void **state)
{
    static const char text[] = "formation quantities 1\n/srv/shop\nweb 8000\nworker 8000\n";
    struct error error;
    (void)state;
    write_down(text, sizeof(text) - 1);
    assert_int_equal(remember_read(&plan, &error), 0);
    assert_true(types[0].quantity == 1 && types[1].quantity == 1);
}

static void where_there_is_no_place(void **state)
{
    struct error error;
    char path[128];
    (void)state;
    types[0].quantity = 3;
    (void)snprintf(path, sizeof(path), "%s/file", home);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
    (void)setenv("XDG_STATE_HOME", path, 1); // a file, where a folder is needed
    assert_int_equal(remember_write(&plan, &error), -EROFS);
    assert_non_null(strstr(error.text, "not remembered"));
    types[0].quantity = 1;
    assert_int_equal(remember_write(&plan, &error), 0); // nothing is to be written
    assert_int_equal(remember_read(&plan, &error) <= 0, 1);
}

// A disk of one page, which the folders and a file before have taken.
static void on_a_full_disk_the_old_file_stays(void **state)
{
    struct error error;
    char path[512];
    char filler[128];
    static char bytes[64 * 1024];
    (void)state;
    if (mount("none", home, "tmpfs", 0, "size=16k") < 0)
        skip();
    types[0].quantity = 3;
    assert_int_equal(remember_write(&plan, &error), 0);
    (void)snprintf(filler, sizeof(filler), "%s/filler", home);
    int fd = open(filler, O_WRONLY | O_CREAT, 0600);
    while (write(fd, bytes, sizeof(bytes)) > 0) {
    }
    (void)close(fd);
    types[0].quantity = 5;
    int result = remember_write(&plan, &error);
    bool is_there = find_file(".quantities", path);
    bool has_rest = find_file(".new", path);
    types[0].quantity = 1;
    int count = remember_read(&plan, &error);
    (void)umount2(home, MNT_DETACH);
    assert_int_equal(result, -ENOSPC);
    assert_true(is_there && !has_rest);
    assert_int_equal(count, 1);
    assert_int_equal(types[0].quantity, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_comes_back),         TEST(a_folder_with_a_newline),
        TEST(types_that_are_gone_are_left_out),   TEST(what_makes_no_sense_is_set_aside),
        TEST(more_than_there_may_be_is_left_out), TEST(where_there_is_no_place),
        TEST(on_a_full_disk_the_old_file_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
