// SPDX-License-Identifier: MIT
// Files of every kind that may stand where a Procfile is expected.
#include "os/file.h"

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

static char folder[] = "/tmp/formation-file-XXXXXX";

static int enter_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[64];
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    return chdir("/") == 0 ? system(command) : -1;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void test_reads_the_whole_file(void **state)
{
    (void)state;
    struct buffer text = {0};
    write_file("file", "web: true\n");
    buffer_append_text(&text, "before ");
    assert_int_equal(file_read("file", 100, &text, NULL), 0);
    assert_true(str_is(buffer_str(&text), "before web: true\n"));
    buffer_fini(&text);
}

static void test_limit_is_the_largest_size(void **state)
{
    (void)state;
    struct buffer text = {0};
    struct error error;
    write_file("ten", "0123456789");
    assert_int_equal(file_read("ten", 10, &text, &error), 0);
    buffer_clear(&text);
    assert_int_equal(file_read("ten", 9, &text, &error), -EFBIG);
    assert_int_equal(text.size, 0);
    assert_int_equal(file_read("/dev/zero", 16 << 20, &text, &error), -EFBIG);
    assert_string_equal(error.text, "/dev/zero is larger than 16 MiB");
    buffer_fini(&text);
}

static void test_tells_why_not(void **state)
{
    (void)state;
    struct buffer text = {0};
    struct error error;
    assert_int_equal(file_read("nosuch", 10, &text, &error), -ENOENT);
    assert_string_equal(error.text, "nosuch does not exist");
    assert_int_equal(file_read("/tmp", 10, &text, &error), -EISDIR);
    assert_string_equal(error.text, "/tmp is a directory, not a file");
    assert_int_equal(symlink("loop", "loop"), 0);
    assert_int_equal(file_read("loop", 10, &text, &error), -ELOOP);
    assert_non_null(strstr(error.text, "loop cannot be read: "));
    if (geteuid() != 0) {
        write_file("secret", "x");
        assert_int_equal(chmod("secret", 0), 0);
        assert_int_equal(file_read("secret", 10, &text, &error), -EACCES);
    }
    assert_int_equal(text.size, 0);
    buffer_fini(&text);
}

static void test_a_pipe_is_read_to_its_end(void **state)
{
    (void)state;
    struct buffer text = {0};
    int pipe_fds[2];
    char path[32];
    assert_int_equal(pipe(pipe_fds), 0);
    (void)snprintf(path, sizeof(path), "/dev/fd/%d", pipe_fds[0]);
    assert_int_equal(write(pipe_fds[1], "a: b\n", 5), 5);
    assert_int_equal(close(pipe_fds[1]), 0);
    assert_int_equal(file_read(path, 100, &text, NULL), 0);
    assert_true(str_is(buffer_str(&text), "a: b\n"));
    assert_int_equal(close(pipe_fds[0]), 0);
    buffer_fini(&text);
}

static void test_a_pipe_without_writer_is_empty(void **state)
{
    (void)state;
    struct buffer text = {0};
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_int_equal(file_read("fifo", 100, &text, NULL), 0);
    assert_int_equal(text.size, 0);
    buffer_fini(&text);
}

static void test_exists(void **state)
{
    (void)state;
    write_file("here", "");
    assert_true(file_exists("here"));
    assert_true(file_exists("."));
    assert_false(file_exists("nosuch"));
    assert_false(file_exists("here/below"));
}

static void test_directories(void **state)
{
    (void)state;
    write_file("plain", "");
    assert_int_equal(file_check_directory("."), 0);
    assert_int_equal(file_check_directory("nosuch"), -ENOENT);
    assert_int_equal(file_check_directory("plain"), -ENOTDIR);
}

static void expect_absolute(const char *path, const char *wanted)
{
    char *absolute = file_absolute_path(path);
    assert_non_null(absolute);
    assert_string_equal(absolute, wanted);
    free(absolute);
}

static void test_absolute_paths(void **state)
{
    char wanted[64];
    (void)state;
    expect_absolute(".", folder);
    (void)snprintf(wanted, sizeof(wanted), "%s/sub", folder);
    expect_absolute("./sub/", wanted);
    expect_absolute("/", "/");
    expect_absolute("/a//b/./c/", "/a/b/c");
    assert_int_equal(mkdir("sub", 0700), 0);
    expect_absolute("sub/..", folder);
    assert_null(file_absolute_path("nosuch/.."));
    assert_int_equal(errno, ENOENT);
    assert_int_equal(symlink("sub", "current"), 0);
    (void)snprintf(wanted, sizeof(wanted), "%s/current", folder);
    expect_absolute("current", wanted); // not where it points today
}

static void test_writable(void **state)
{
    (void)state;
    write_file("plain", "");
    assert_int_equal(file_check_writable("plain"), 0);
    assert_int_equal(file_check_writable("fresh"), 0);
    assert_int_equal(file_check_writable("a/b/c/fresh"), 0);
    assert_false(file_exists("a"));
    assert_int_equal(file_check_writable("/dev/null"), 0);
    assert_int_equal(file_check_writable("."), -EISDIR);
    assert_int_equal(file_check_writable("plain/fresh"), -ENOTDIR);
    assert_int_equal(file_check_writable("plain/a/fresh"), -ENOTDIR);
    assert_int_equal(mkdir("closed", 0500), 0);
    assert_int_equal(file_check_writable("closed/a/fresh"), geteuid() == 0 ? 0 : -EACCES);
    assert_int_equal(symlink("nosuch/target", "dangling"), 0);
    assert_int_equal(file_check_writable("dangling"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_the_whole_file),
        cmocka_unit_test(test_limit_is_the_largest_size),
        cmocka_unit_test(test_tells_why_not),
        cmocka_unit_test(test_a_pipe_is_read_to_its_end),
        cmocka_unit_test(test_a_pipe_without_writer_is_empty),
        cmocka_unit_test(test_exists),
        cmocka_unit_test(test_directories),
        cmocka_unit_test(test_absolute_paths),
        cmocka_unit_test(test_writable),
    };
    return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
