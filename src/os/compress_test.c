// SPDX-License-Identifier: MIT
// What is in a file is in the compressed one or still in the file, whatever goes wrong.
#include "os/compress.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/formation-compress-XXXXXX";

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

static void run(const char *command)
{
    assert_int_equal(system(command), 0);
}

static void write_lines(const char *path, unsigned count)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (unsigned i = 0; i < count; i++)
        assert_true(fprintf(file, "%u a line of some length %u\n", i, i * 2654435761U) > 0);
    assert_int_equal(fclose(file), 0);
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

static void the_file_becomes_another(void **state)
{
    (void)state;
    struct stat before, after;
    struct error error;
    write_lines("a.log", 100000);
    run("cp a.log a.copy");
    run("touch -d '2020-01-02 03:04:05' a.log; chmod 0640 a.log");
    if (geteuid() == 0)
        assert_int_equal(chown("a.log", 1, 2), 0);
    assert_int_equal(stat("a.log", &before), 0);
    assert_int_equal(compress_file("a.log", &error), 0);
    assert_int_equal(stat("a.log.zst", &after), 0);
    assert_int_equal(after.st_mode, before.st_mode);
    assert_int_equal(after.st_uid, before.st_uid);
    assert_int_equal(after.st_gid, before.st_gid);
    assert_int_equal(after.st_mtim.tv_sec, before.st_mtim.tv_sec);
    assert_true(after.st_size < before.st_size / 2);
    assert_false(is_there("a.log"));
    assert_false(is_there("a.log.zst.partial"));
    run("zstd -qdc a.log.zst | cmp - a.copy");
    run("zstd -lv a.log.zst 2>/dev/null | grep -q 'Check: XXH64'");
}

static void an_empty_file_is_no_exception(void **state)
{
    (void)state;
    struct error error;
    run("mkdir -p sub; : >sub/empty");
    assert_int_equal(compress_file("sub/empty", &error), 0);
    run("test ! -e sub/empty && zstd -qt sub/empty.zst && test -z \"$(zstd -qdc sub/empty.zst)\"");
}

static void what_an_earlier_attempt_left_is_replaced(void **state)
{
    (void)state;
    struct error error;
    write_lines("b.log", 1000);
    run("cp b.log b.copy; echo half >b.log.zst.partial; echo older >b.log.zst");
    run("echo precious >precious; ln -sf precious c.log.zst.partial");
    assert_int_equal(compress_file("b.log", &error), 0);
    run("zstd -qdc b.log.zst | cmp - b.copy && test ! -e b.log.zst.partial");
    write_lines("c.log", 1000);
    assert_int_equal(compress_file("c.log", &error), 0);
    run("grep -qx precious precious && zstd -qt c.log.zst && test ! -L c.log.zst");
}

static void one_that_is_gone_is_no_failure(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(compress_file("nosuch", &error), 0);
    assert_false(is_there("nosuch.zst"));
}

static void what_is_no_file_is_left_alone(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(mkfifo("pipe", 0600), 0);
    assert_int_equal(compress_file("pipe", &error), -EINVAL);
    assert_string_equal(error.text, "pipe cannot be compressed: it is not a file");
    assert_int_equal(compress_file(".", &error), -EINVAL);
    write_lines("target", 3);
    assert_int_equal(symlink("target", "link"), 0);
    assert_int_equal(compress_file("link", &error), -ELOOP);
    assert_true(is_there("pipe") && is_there("target") && is_there("link"));
    char path[5000];
    memset(path, 'a', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(compress_file(path, &error), -ENAMETOOLONG);
}

static void only_one_at_a_time(void **state)
{
    (void)state;
    struct error error;
    write_lines("d.log", 10);
    run("echo other >d.log.zst.partial");
    int fd = open("d.log", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && flock(fd, LOCK_EX) == 0);
    assert_int_equal(compress_file("d.log", &error), -EBUSY);
    assert_string_equal(error.text, "d.log cannot be compressed: that is being done already");
    run("grep -qx other d.log.zst.partial && test -s d.log");
    assert_int_equal(close(fd), 0);
    assert_int_equal(compress_file("d.log", &error), 0);
}

// In a child, which has a small disk of its own.
static int fill_a_disk(void)
{
    struct error error = {0};
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mkdir("disk", 0700) < 0 || mount("tmpfs", "disk", "tmpfs", 0, "size=1m") < 0)
        return 77;
    if (system("head -c 900000 /dev/urandom >disk/log; cp disk/log copy") != 0)
        return 1;
    if (compress_file("disk/log", &error) != -ENOSPC)
        return 2;
    if (!strstr(error.text, "disk/log cannot be compressed: disk/log.zst.partial: No space left"))
        return 3;
    return system("cmp disk/log copy && test ! -e disk/log.zst && test ! -e disk/log.zst.partial");
}

static void a_full_disk_costs_nothing(void **state)
{
    (void)state;
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(fill_a_disk() & 0xff);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_becomes_another),
        cmocka_unit_test(an_empty_file_is_no_exception),
        cmocka_unit_test(what_an_earlier_attempt_left_is_replaced),
        cmocka_unit_test(one_that_is_gone_is_no_failure),
        cmocka_unit_test(what_is_no_file_is_left_alone),
        cmocka_unit_test(only_one_at_a_time),
        cmocka_unit_test(a_full_disk_costs_nothing),
    };
    return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
