// SPDX-License-Identifier: MIT
// The queue, with a program in the place of the one that compresses: this test, started again. It
// ends as the file's name says, and notes in `log` when it begins.
#include "os/compressor.h"

#include "base/limits.h"
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
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/formation-compressor-XXXXXX";
static struct loop loop;
static struct compressor compressor;
static char told[8192];
static unsigned told_count;
static const char *add_when_told;

// What is started as `compress NAME`.
static int pretend(const char *name)
{
    int fd = open("log", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (dprintf(fd, "%s ", name) < 0)
        return 9;
    if (strcmp(name, "fails") == 0)
        (void)fputs("fails cannot be compressed: No space left on device\n", stderr);
    else if (strcmp(name, "dies") == 0)
        (void)raise(SIGKILL);
    else if (strcmp(name, "hangs") == 0)
        for (;;)
            (void)pause();
    return strcmp(name, "fails") == 0 ? 1 : strcmp(name, "mute") == 0 ? 3 : 0;
}

static void on_done(struct compressor *of, const char *path, const char *failure)
{
    size_t size = strlen(told);
    assert_ptr_equal(of, &compressor);
    (void)snprintf(told + size, sizeof(told) - size, "%s%s%s\n", path, failure ? ": " : "",
                   failure ? failure : "");
    told_count++;
    const char *next = add_when_told;
    add_when_told = NULL;
    if (next)
        assert_int_equal(compressor_add(of, next), 0);
}

static int open_all(void **state)
{
    (void)state;
    told[0] = '\0';
    told_count = 0;
    (void)unlink("log");
    return loop_open(&loop) < 0 ? -1
                                : compressor_open(&compressor, &loop, "/proc/self/exe", on_done);
}

static int close_all(void **state)
{
    (void)state;
    compressor_close(&compressor);
    loop_close(&loop);
    return 0;
}

static void run_until_told(unsigned count)
{
    nsec_t until = clock_now() + 20 * NSEC_PER_SEC;
    while (told_count < count && clock_now() < until)
        assert_int_equal(loop_run_once(&loop, until), 0);
    assert_int_equal(told_count, count);
}

static void expect_log(const char *wanted)
{
    char text[256] = "";
    int fd = open("log", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && read(fd, text, sizeof(text) - 1) >= 0);
    assert_int_equal(close(fd), 0);
    assert_string_equal(text, wanted);
}

static unsigned count_children(void)
{
    struct kin_list children = {0};
    assert_int_equal(kin_add_children(&children, getpid()), 0);
    unsigned count = (unsigned)children.count;
    kin_fini(&children);
    return count;
}

// What a compression writes until it is done.
static void make_partial(const char *name)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(close(fd), 0);
}

static void one_after_the_other(void **state)
{
    (void)state;
    assert_int_equal(compressor_add(&compressor, "a"), 0);
    assert_int_equal(compressor_add(&compressor, "b"), 0);
    assert_int_equal(compressor_add(&compressor, "a"), 0); // waits already
    assert_int_equal(compressor_add(&compressor, "b"), 0);
    assert_int_equal(compressor_add(&compressor, "c"), 0);
    assert_int_equal(count_children(), 1);
    assert_int_equal(told_count, 0);
    run_until_told(3);
    assert_string_equal(told, "a\nb\nc\n");
    expect_log("a b c ");
    assert_int_equal(count_children(), 0);
    assert_int_equal(compressor_add(&compressor, "a"), 0); // again
    run_until_told(4);
}

static void failures_are_told_and_the_next_goes_on(void **state)
{
    (void)state;
    make_partial("dies.zst.partial");
    assert_int_equal(compressor_add(&compressor, "fails"), 0);
    assert_int_equal(compressor_add(&compressor, "dies"), 0);
    assert_int_equal(compressor_add(&compressor, "mute"), 0);
    assert_int_equal(compressor_add(&compressor, "a"), 0);
    run_until_told(4);
    assert_string_equal(told, "fails: fails cannot be compressed: No space left on device\n"
                              "dies: dies is not compressed: that was killed by signal 9\n"
                              "mute: mute is not compressed: that ended with code 3\n"
                              "a\n");
    assert_int_equal(access("dies.zst.partial", F_OK), -1);
}

static void more_may_be_added_when_one_is_done(void **state)
{
    (void)state;
    add_when_told = "b";
    assert_int_equal(compressor_add(&compressor, "a"), 0);
    run_until_told(2);
    add_when_told = "d";
    assert_int_equal(compressor_add(&compressor, "a"), 0);
    assert_int_equal(compressor_add(&compressor, "c"), 0);
    run_until_told(5);
    assert_string_equal(told, "a\nb\na\nc\nd\n");
}

static void a_program_that_is_missing_is_told(void **state)
{
    (void)state;
    compressor.program = "nosuch";
    assert_int_equal(compressor_add(&compressor, "a"), -ENOENT);
    assert_int_equal(compressor.count, 0);
    compressor.program = "/proc/self/exe";
    assert_int_equal(compressor_add(&compressor, "a"), 0);
    compressor.program = "nosuch";
    assert_int_equal(compressor_add(&compressor, "b"), 0);
    assert_int_equal(compressor_add(&compressor, "c"), 0);
    run_until_told(3);
    assert_string_equal(told, "a\n"
                              "b: b is not compressed: no process can be started for it:"
                              " No such file or directory\n"
                              "c: c is not compressed: no process can be started for it:"
                              " No such file or directory\n");
}

static void the_queue_is_bounded(void **state)
{
    (void)state;
    char name[16];
    assert_int_equal(compressor_add(&compressor, "hangs"), 0);
    for (int i = 1; i < LIMIT_COMPRESSIONS; i++) {
        (void)snprintf(name, sizeof(name), "%d", i);
        assert_int_equal(compressor_add(&compressor, name), 0);
    }
    assert_int_equal(compressor_add(&compressor, "more"), -ENOBUFS);
    assert_int_equal(compressor_add(&compressor, "17"), 0); // that one waits
}

static void whoever_is_at_work_ends_with_us(void **state)
{
    (void)state;
    static const char begun[] = "hangs.zst.partial";
    make_partial(begun);
    assert_int_equal(compressor_add(&compressor, "hangs"), 0);
    assert_int_equal(count_children(), 1);
    compressor_close(&compressor);
    assert_int_equal(count_children(), 0);
    assert_int_equal(access(begun, F_OK), -1);
    assert_int_equal(told_count, 0);
    compressor_close(&compressor); // is closed
}

static unsigned count_descriptors(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void no_descriptor_is_left(void **state)
{
    (void)state;
    unsigned before = count_descriptors();
    for (unsigned i = 1; i <= 100; i++) {
        compressor.program = i % 5 ? "/proc/self/exe" : "nosuch";
        assert_int_equal(compressor_add(&compressor, "a"), i % 5 ? 0 : -ENOENT);
        run_until_told(i - i / 5);
    }
    assert_int_equal(count_descriptors(), before);
}

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

#define COMPRESSOR_TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        COMPRESSOR_TEST(one_after_the_other),
        COMPRESSOR_TEST(failures_are_told_and_the_next_goes_on),
        COMPRESSOR_TEST(more_may_be_added_when_one_is_done),
        COMPRESSOR_TEST(a_program_that_is_missing_is_told),
        COMPRESSOR_TEST(the_queue_is_bounded),
        COMPRESSOR_TEST(whoever_is_at_work_ends_with_us),
        COMPRESSOR_TEST(no_descriptor_is_left),
    };
    if (argc == 3 && strcmp(argv[1], "compress") == 0)
        return pretend(argv[2]);
    return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
