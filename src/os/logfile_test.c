// SPDX-License-Identifier: MIT
// Files that are made, moved, emptied and removed under the eyes of who writes to them.
#include "os/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/formation-logfile-XXXXXX";
static struct logfile file;
static struct error error;
static nsec_t now; // of both clocks

static int enter_folder(void **state)
{
    (void)state;
    (void)umask(022);
    now = time(NULL) * NSEC_PER_SEC + 5 * NSEC_PER_SEC;
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[64];
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    return chdir("/") == 0 ? system(command) : -1;
}

static int close_file(void **state)
{
    (void)state;
    logfile_close(&file);
    return system("rm -rf -- *");
}

static void run(const char *command)
{
    assert_int_equal(system(command), 0);
}

static void say(const char *text)
{
    assert_int_equal(write(file.fd, text, strlen(text)), strlen(text));
    logfile_wrote(&file, strlen(text), now);
}

static enum logfile_change look(const char *path)
{
    now += NSEC_PER_SEC;
    return logfile_look(&file, path, now, now);
}

static void expect_mode(const char *path, unsigned mode)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, mode);
}

static void makes_the_file_and_its_folders(void **state)
{
    (void)state;
    assert_int_equal(logfile_open(&file, "a/b/c/log", 0660, &error), 0);
    expect_mode("a/b/c/log", 0660); // whatever the umask
    expect_mode("a", 0750);
    expect_mode("a/b/c", 0750);
    assert_int_equal(fcntl(file.fd, F_GETFD), FD_CLOEXEC);
    assert_true(fcntl(file.fd, F_GETFL) & O_APPEND);
    assert_true(file.is_regular);
    assert_int_equal(file.size_bytes, 0);
}

static void makes_not_any_number_of_folders(void **state)
{
    (void)state;
    assert_int_equal(logfile_open(&file, "1/2/3/4/5/6/7/8/log", 0644, &error), 0);
    logfile_close(&file);
    assert_int_equal(logfile_open(&file, "x/2/3/4/5/6/7/8/9/log", 0644, &error), -ENOENT);
    assert_int_equal(file.fd, -1); // untouched
    assert_string_equal(error.text, "x/2/3/4/5/6/7/8/9/log is in a folder that does not exist, nor"
                                    " do 8 above it");
    assert_int_equal(access("x", F_OK), -1);
    char path[600];
    (void)snprintf(path, sizeof(path), "%s/p/q/log", folder);
    assert_int_equal(logfile_open(&file, path, 0644, &error), 0);
}

static void appends_to_what_is_there(void **state)
{
    (void)state;
    run("printf 'first\\n' >log; chmod 0604 log");
    assert_int_equal(logfile_open(&file, "log", 0640, &error), 0);
    expect_mode("log", 0604);
    assert_int_equal(file.size_bytes, 6);
    assert_true(file.first_at > now - 60 * NSEC_PER_SEC && file.first_at <= now);
    run("echo other >>log");
    say("last\n");
    run("printf 'first\\nother\\nlast\\n' | cmp - log");
}

static void follows_links(void **state)
{
    (void)state;
    run("mkdir real; ln -s real/log log");
    assert_int_equal(logfile_open(&file, "log", 0640, &error), 0);
    say("x\n");
    run("test -L log && test -s real/log");
    assert_int_equal(look("log"), LOGFILE_SAME);
}

static void expect_refusal(const char *path, int code, const char *sentence)
{
    assert_int_equal(logfile_open(&file, path, 0640, &error), -code);
    assert_string_equal(error.text, sentence);
    assert_int_equal(file.fd, -1);
}

static void refuses_what_is_no_file(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    run("mkdir folder; mkfifo pipe; ln -s pipe link; ln -s loop loop; : >plain");
    file.fd = -1;
    expect_refusal("folder", EISDIR, "folder is a directory, not a file");
    expect_refusal("folder/", EISDIR, "folder/ is a directory, not a file");
    expect_refusal("pipe", EINVAL, "pipe is a named pipe, and a log has to be a file");
    expect_refusal("link", EINVAL, "link is a named pipe, and a log has to be a file");
    expect_refusal("socket", EINVAL, "socket is a socket, and a log has to be a file");
    expect_refusal("/dev/ptmx", EINVAL, "/dev/ptmx is a device, and a log has to be a file");
    expect_refusal("plain/log", ENOTDIR, "plain/log cannot be opened for writing: Not a directory");
    expect_refusal("loop", ELOOP,
                   "loop cannot be opened for writing: Too many levels of symbolic links");
    assert_int_equal(close(fd), 0);
}

static void dev_null_is_never_put_aside(void **state)
{
    (void)state;
    assert_int_equal(logfile_open(&file, "/dev/null", 0640, &error), 0);
    assert_false(file.is_regular);
    say("x\n");
    assert_int_equal(file.size_bytes, 0);
    assert_int_equal(look("/dev/null"), LOGFILE_SAME);
    logfile_close(&file);
    assert_int_equal(logfile_open(&file, "/dev/full", 0640, &error), 0);
    assert_int_equal(write(file.fd, "x", 1), -1);
    assert_int_equal(errno, ENOSPC);
}

static void notices_what_others_do(void **state)
{
    (void)state;
    assert_int_equal(logfile_open(&file, "log", 0640, &error), 0);
    say("one\n");
    assert_int_equal(look("log"), LOGFILE_SAME);
    run("mv log log.1");
    assert_int_equal(logfile_look(&file, "log", now + NSEC_PER_SEC - 1, now), LOGFILE_SAME);
    assert_int_equal(look("log"), LOGFILE_MOVED);
    say("two\n"); // is in the file that was moved
    run(": >log");
    assert_int_equal(look("log"), LOGFILE_MOVED);
    logfile_close(&file);
    assert_int_equal(logfile_open(&file, "log", 0640, &error), 0);
    assert_int_equal(look("log"), LOGFILE_SAME); // at once after it was opened, too
    run("ln log link; rm log");
    assert_true(logfile_has_name(&file));
    run("rm link");
    assert_false(logfile_has_name(&file));
    run(": >log; rm log; printf 'one\\ntwo\\n' | cmp - log.1");
    assert_int_equal(look("log"), LOGFILE_MOVED);
}

static void notices_that_it_was_emptied(void **state)
{
    (void)state;
    assert_int_equal(logfile_open(&file, "log", 0640, &error), 0);
    say("one\n");
    assert_int_equal(file.first_at, now);
    run("cp log log.1; : >log"); // copytruncate
    assert_int_equal(look("log"), LOGFILE_EMPTIED);
    assert_int_equal(file.size_bytes, 0);
    assert_int_equal(look("log"), LOGFILE_SAME);
    say("two\n");
    assert_int_equal(file.first_at, now);
    run("printf 'two\\n' | cmp - log"); // not behind a hole
    run("echo three >>log");
    assert_int_equal(look("log"), LOGFILE_SAME);
    assert_int_equal(file.size_bytes, 10); // others' lines count
}

static void age_begins_with_the_first_line(void **state)
{
    (void)state;
    assert_int_equal(logfile_open(&file, "log", 0640, &error), 0);
    now += 3600 * NSEC_PER_SEC;
    say("one\n");
    nsec_t first_at = now;
    assert_int_equal(look("log"), LOGFILE_SAME);
    say("two\n");
    assert_int_equal(file.first_at, first_at);
    // The wall clock is set back by an hour.
    assert_int_equal(logfile_look(&file, "log", now + NSEC_PER_SEC, first_at - 3600 * NSEC_PER_SEC),
                     LOGFILE_SAME);
    assert_int_equal(file.first_at, first_at - 3600 * NSEC_PER_SEC);
}

static bool begins_like_it(struct str live, struct str name)
{
    return name.size > live.size && str_equal(str_slice(name, 0, live.size), live);
}

static void lists_what_is_beside_it(void **state)
{
    (void)state;
    struct logfile_shelf shelf = {0};
    run("mkdir real log.folder real/log.folder; ln -s real/log log; printf 12 >real/log.2;"
        " printf 1 >real/log.1; ln -s log.1 real/log.link; printf x >real/other; : >log.9");
    assert_int_equal(logfile_list(&shelf, "log", begins_like_it, &error), -ENOENT);
    assert_string_equal(error.text, "the folder of log cannot be read: No such file or directory");
    assert_int_equal(logfile_open(&file, "log", 0640, &error), 0);
    assert_int_equal(logfile_list(&shelf, "log", begins_like_it, &error), 0);
    assert_string_equal(shelf.live, "log");
    assert_string_equal(strrchr(shelf.folder, '/'), "/real");
    assert_int_equal(shelf.count, 2);
    assert_string_equal(shelf.entries[0].name, "log.1");
    assert_string_equal(shelf.entries[1].name, "log.2");
    assert_int_equal(shelf.entries[1].bytes, 2);
    assert_int_equal(logfile_remove(&shelf, "log.1", &error), 0);
    assert_int_equal(logfile_remove(&shelf, "log.1", &error), 0); // gone already
    assert_int_equal(logfile_remove(&shelf, "log.folder", &error), -EISDIR);
    assert_non_null(strstr(error.text, "/real/log.folder cannot be deleted: "));
    run("test ! -e real/log.1 && test -e real/log.2");
    logfile_shelf_fini(&shelf);
}

static void is_put_aside(void **state)
{
    (void)state;
    struct logfile_shelf shelf = {0};
    run("mkdir real; ln -s real/log log");
    assert_int_equal(logfile_open(&file, "log", 0640, &error), 0);
    say("one\n");
    assert_int_equal(logfile_list(&shelf, "log", begins_like_it, &error), 0);
    run("echo taken >real/log.1");
    assert_int_equal(logfile_put_aside(&file, &shelf, "log.1", &error), -EEXIST);
    assert_int_equal(logfile_put_aside(&file, &shelf, "log.2", &error), 0);
    assert_int_equal(logfile_put_aside(&file, &shelf, "log.3", &error), -ESTALE);
    run("test -L log && test ! -e log && echo one | cmp - real/log.2 && grep -qx taken real/log.1");
    struct logfile next = {.fd = -1};
    assert_int_equal(logfile_open(&next, "log", 0640, &error), 0); // where the link leads
    assert_int_equal(logfile_put_aside(&file, &shelf, "log.3", &error), -ESTALE);
    assert_non_null(strstr(error.text, "/real/log is another file than before"));
    assert_int_equal(logfile_put_aside(&next, &shelf, "log.3", &error), 0);
    logfile_close(&next);
    logfile_shelf_fini(&shelf);
}

static void a_crowded_folder_is_read_to_a_bound(void **state)
{
    (void)state;
    struct logfile_shelf shelf = {0};
    assert_int_equal(logfile_open(&file, "log", 0640, &error), 0);
    run("seq -f log.%.0f 10001 18200 | xargs touch");
    assert_int_equal(logfile_list(&shelf, "log", begins_like_it, &error), 0);
    assert_int_equal(shelf.count, 8000);
    for (size_t i = 1; i < shelf.count; i++)
        assert_true(strcmp(shelf.entries[i - 1].name, shelf.entries[i].name) < 0);
    logfile_shelf_fini(&shelf);
}

#define LOGFILE_TEST(name) cmocka_unit_test_teardown(name, close_file)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOGFILE_TEST(makes_the_file_and_its_folders),
        LOGFILE_TEST(makes_not_any_number_of_folders),
        LOGFILE_TEST(appends_to_what_is_there),
        LOGFILE_TEST(follows_links),
        LOGFILE_TEST(refuses_what_is_no_file),
        LOGFILE_TEST(dev_null_is_never_put_aside),
        LOGFILE_TEST(notices_what_others_do),
        LOGFILE_TEST(notices_that_it_was_emptied),
        LOGFILE_TEST(age_begins_with_the_first_line),
        LOGFILE_TEST(lists_what_is_beside_it),
        LOGFILE_TEST(is_put_aside),
        LOGFILE_TEST(a_crowded_folder_is_read_to_a_bound),
    };
    return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
