// SPDX-License-Identifier: MIT
// Which formation is meant: by folder, by name, none, several, another user's.
#include "engine/engine.h"

#include "os/place.h"
#include "os/socket.h"

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
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOBODY = 65534, BACKLOG = 1 };

static char folder[] = "/tmp/formation-engine-XXXXXX";

static int enter_folder(void **state)
{
    (void)state;
    return !mkdtemp(folder) || chdir(folder) < 0 || chmod(folder, 0755) < 0 ||
           mkdir("shop", 0755) < 0 || mkdir("deep", 0755) < 0 || mkdir("deep/shop", 0755) < 0;
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
    return setenv("XDG_RUNTIME_DIR", folder, 1);
}

static int use_none(void **state)
{
    (void)state;
    return unsetenv("XDG_RUNTIME_DIR");
}

static int listen_for(const char *root)
{
    struct error error = {0};
    int listener = -1;
    if (place_listen(root, NULL, BACKLOG, &listener, &error) < 0)
        fail_msg("%s", error.text);
    return listener;
}

static void expect_open(struct engine_address address)
{
    struct error error = {0};
    struct engine *engine = NULL;
    if (engine_open(&address, 0, &engine, &error) < 0)
        fail_msg("%s", error.text);
    engine_close(engine);
}

static void expect_none(struct engine_address address, int code, const char *sentence)
{
    struct error error = {0};
    struct engine *engine = NULL;
    assert_int_equal(engine_open(&address, NSEC_PER_SEC / 20, &engine, &error), -code);
    if (!strstr(error.text, sentence))
        fail_msg("'%s' has no '%s'", error.text, sentence);
    assert_null(engine);
}

static void test_none(void **state)
{
    (void)state;
    expect_none((struct engine_address){.folder = "shop"}, ENOENT, "/shop does not run");
    expect_none((struct engine_address){0}, ENOENT, "the formation of /tmp/formation-engine-");
    expect_none((struct engine_address){.folder = "nosuch"}, ENOENT, "/nosuch does not exist");
    expect_none((struct engine_address){.app = "shop"}, ENOENT, "the formation shop does not run");
    assert_int_equal(close(listen_for("shop")), 0); // a crash
    expect_none((struct engine_address){.folder = "shop"}, ENOENT, "/shop does not run");
    expect_none((struct engine_address){.app = "shop"}, ENOENT, "the formation shop does not run");
    engine_close(NULL);
}

static void test_by_folder_and_name(void **state)
{
    (void)state;
    int listener = listen_for("shop");
    expect_open((struct engine_address){.folder = "shop"});
    (void)place_leave("shop", listener);
    listener = listen_for("shop");
    expect_open((struct engine_address){.app = "shop", .folder = "nosuch"});
    place_leave("shop", listener);
    listener = listen_for("shop");
    assert_int_equal(chdir("shop"), 0);
    expect_open((struct engine_address){0});
    assert_int_equal(chdir(".."), 0);
    place_leave("shop", listener);
}

static void test_beside_the_app(void **state)
{
    (void)state;
    int listener = listen_for("shop");
    expect_open((struct engine_address){.folder = "shop"});
    expect_none((struct engine_address){.app = "shop"}, ENOENT, "XDG_RUNTIME_DIR is not set");
    place_leave("shop", listener);
}

// Tells its folder, as a formation does.
static void serve(int listener, const char *root)
{
    char reply[128];
    char c;
    (void)fcntl(listener, F_SETFL, 0);
    int fd = accept(listener, NULL, NULL);
    while (read(fd, &c, 1) == 1 && c != '\0')
        continue;
    int size = snprintf(reply, sizeof(reply), "{\"parameters\":{\"root\":\"%s\"}}", root);
    (void)!write(fd, reply, (size_t)size + 1);
    (void)!read(fd, &c, 1);
}

static void test_several_of_one_name(void **state)
{
    (void)state;
    static const char *const roots[] = {"/srv/one", "/srv/two"};
    const int listeners[] = {listen_for("shop"), listen_for("deep/shop")};
    struct error error;
    struct engine *engine = NULL;
    pid_t children[2];
    for (int i = 0; i < 2; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] > 0)
            continue;
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); // also when the test fails
        serve(listeners[i], roots[i]);
        _exit(0);
    }
    const struct engine_address address = {.app = "shop"};
    assert_int_equal(engine_open(&address, 0, &engine, &error), -EEXIST);
    assert_non_null(strstr(error.text, "the formation shop runs several times, say of which"));
    assert_non_null(strstr(error.text, "/srv/one"));
    assert_non_null(strstr(error.text, "/srv/two"));
    for (int i = 0; i < 2; i++)
        assert_int_equal(waitpid(children[i], NULL, 0), children[i]);
    place_leave("shop", listeners[0]);
    expect_open((struct engine_address){.app = "shop"});
    place_leave("deep/shop", listeners[1]);
}

static void test_one_that_takes_no_connection(void **state)
{
    (void)state;
    int listener = listen_for("shop");
    struct engine *engines[BACKLOG + 1];
    const struct engine_address address = {.folder = "shop"};
    for (int i = 0; i <= BACKLOG; i++) // as many as the queue holds
        assert_int_equal(engine_open(&address, 0, &engines[i], NULL), 0);
    expect_none(address, ETIMEDOUT, "/shop took no connection within 50ms");
    for (int i = 0; i <= BACKLOG; i++)
        engine_close(engines[i]);
    place_leave("shop", listener);
}

static int as_nobody(void (*act)(void))
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
            _exit(2);
        act();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static int expected; // in a child, whose assertions nobody hears

static void ask_shop(void)
{
    struct error error;
    struct engine *engine;
    const struct engine_address address = {.folder = "shop"};
    int result = engine_open(&address, NSEC_PER_SEC, &engine, &error);
    if (result == 0)
        engine_close(engine);
    if (result != expected || (result < 0 && !strstr(error.text, "/shop is another user's")))
        _exit(1);
}

static void test_another_users(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    int listener = listen_for("shop");
    expected = -EACCES;
    assert_int_equal(as_nobody(ask_shop), 0);
    assert_int_equal(chmod("shop/.formation", 0755), 0);
    assert_int_equal(as_nobody(ask_shop), 0);
    assert_int_equal(chmod("shop/.formation/control.sock", 0666), 0);
    expected = 0; // root's is trusted, if root lets us
    assert_int_equal(as_nobody(ask_shop), 0);
    place_leave("shop", listener);
}

static void test_a_planted_socket(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    int listener = listen_for("shop");
    assert_int_equal(chmod("shop/.formation", 0755), 0);
    assert_int_equal(chmod("shop/.formation/control.sock", 0666), 0);
    pid_t planter = fork();
    assert_true(planter >= 0);
    if (planter == 0) {
        bool is_other = setresuid(1, 1, 1) == 0 && socket_listen_again(listener, BACKLOG) == 0;
        _exit(is_other ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(planter, &status, 0), planter);
    assert_int_equal(status, 0);
    expected = -EACCES; // user 1 listens; nobody is neither that nor root
    assert_int_equal(as_nobody(ask_shop), 0);
    expect_open((struct engine_address){.folder = "shop"}); // root may ask everybody
    place_leave("shop", listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_none, use_runtime),
        cmocka_unit_test_setup(test_by_folder_and_name, use_runtime),
        cmocka_unit_test_setup(test_beside_the_app, use_none),
        cmocka_unit_test_setup(test_several_of_one_name, use_runtime),
        cmocka_unit_test_setup(test_one_that_takes_no_connection, use_runtime),
        cmocka_unit_test_setup(test_another_users, use_none),
        cmocka_unit_test_setup(test_a_planted_socket, use_none),
    };
    return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
