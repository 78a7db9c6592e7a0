// SPDX-License-Identifier: MIT
// Real sockets, and others that are in the way.
#include "os/listener.h"

#include "os/holder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
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
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/formation-listener-XXXXXX";

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

static uint16_t free_port(void)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    (void)close(fd);
    return ntohs(address.sin6_port);
}

static struct listener_spec local(uint16_t port)
{
    return (struct listener_spec){
        .family = AF_INET, .host = {127, 0, 0, 1}, .port = port, .backlog = 8};
}

static struct listener_spec everywhere(uint16_t port)
{
    return (struct listener_spec){.family = AF_UNSPEC, .port = port, .backlog = 8};
}

static struct listener_spec file(const char *path)
{
    return (struct listener_spec){.family = AF_UNIX,
                                  .path = path,
                                  .backlog = 8,
                                  .mode = 0620,
                                  .uid = (uid_t)-1,
                                  .gid = (gid_t)-1};
}

static int opened(struct listener_spec spec)
{
    struct error error = {0};
    int fd = -1;
    if (listener_open(&spec, &fd, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    return fd;
}

static void refused(struct listener_spec spec, int code, const char *expected)
{
    struct error error = {0};
    int fd = -1;
    assert_int_equal(listener_open(&spec, &fd, &error), -code);
    assert_int_equal(fd, -1);
    if (strncmp(error.text, expected, strlen(expected)) != 0)
        fail_msg("%s", error.text);
}

static bool answers(int family, uint16_t port)
{
    struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ipv6.sin6_addr = in6addr_loopback;
    int fd = socket(family, SOCK_STREAM, 0);
    int result = family == AF_INET ? connect(fd, (struct sockaddr *)&ipv4, sizeof(ipv4))
                                   : connect(fd, (struct sockaddr *)&ipv6, sizeof(ipv6));
    (void)close(fd);
    return result == 0;
}

static void listens_where_it_is_told_to(void **state)
{
    (void)state;
    uint16_t port = free_port();
    int fd = opened(local(port));
    assert_true(answers(AF_INET, port));
    assert_false(answers(AF_INET6, port));
    (void)close(fd);
    fd = opened(everywhere(port));
    assert_true(answers(AF_INET, port));
    assert_true(answers(AF_INET6, port));
    (void)close(fd);
    struct listener_spec only = everywhere(port);
    only.family = AF_INET6;
    fd = opened(only);
    assert_false(answers(AF_INET, port));
    assert_true(answers(AF_INET6, port));
    (void)close(fd);
}

static void says_who_has_a_port(void **state)
{
    (void)state;
    char expected[128];
    struct holder self = {.pid = getpid()};
    uint16_t port = free_port();
    holder_name(&self);
    int fd = opened(local(port));
    (void)snprintf(expected, sizeof(expected),
                   "127.0.0.1:%u is in use: process %d (%s) listens there", port, getpid(),
                   self.name);
    refused(local(port), EADDRINUSE, expected);
    (void)snprintf(expected, sizeof(expected), "*:%u is in use: process %d (%s) listens there",
                   port, getpid(), self.name);
    refused(everywhere(port), EADDRINUSE, expected);
    (void)close(fd);
    fd = opened(everywhere(port));
    (void)snprintf(expected, sizeof(expected),
                   "127.0.0.1:%u is in use: process %d (%s) listens there", port, getpid(),
                   self.name);
    refused(local(port), EADDRINUSE, expected);
    (void)close(fd);
    (void)close(opened(local(port)));
}

static void says_that_nobody_listens_at_a_port_that_is_bound(void **state)
{
    (void)state;
    char expected[128];
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(expected, sizeof(expected),
                   "127.0.0.1:%u is in use, though nobody listens there", ntohs(address.sin_port));
    refused(local(ntohs(address.sin_port)), EADDRINUSE, expected);
    (void)close(fd);
}

static void says_what_is_missing(void **state)
{
    (void)state;
    struct listener_spec foreign = local(free_port());
    memcpy(foreign.host, (uint8_t[]){192, 0, 2, 1}, 4); // TEST-NET-1: nobody's
    char expected[128];
    (void)snprintf(expected, sizeof(expected), "192.0.2.1:%u cannot be listened at: no interface",
                   foreign.port);
    refused(foreign, EADDRNOTAVAIL, expected);
    refused(file("/nowhere/socket"), ENOENT,
            "/nowhere/socket cannot be made: there is no folder /nowhere");
}

// In a child, since there is no way back to root.
static void in_child_as_nobody(void (*function)(uint16_t), uint16_t port)
{
    enum { NOBODY = 65534 };
    int status;
    if (geteuid() != 0)
        skip();
    pid_t pid = fork();
    if (pid == 0) {
        (void)close_range(STDERR_FILENO + 1, ~0U, 0); // what it has itself, it would find
        if (setgid(NOBODY) == 0 && setuid(NOBODY) == 0)
            function(port);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void expect_as_nobody(struct listener_spec spec, int code, const char *expected)
{
    struct error error = {0};
    int fd = -1;
    int result = listener_open(&spec, &fd, &error);
    if (result != -code || strncmp(error.text, expected, strlen(expected)) != 0) {
        (void)fprintf(stderr, "%d: %s\n", result, error.text);
        _exit(1);
    }
}

static void try_low_port(uint16_t port)
{
    char expected[128];
    (void)snprintf(expected, sizeof(expected),
                   "127.0.0.1:%u needs more rights than the formation has: ports below ", port);
    expect_as_nobody(local(port), EACCES, expected);
}

static void try_taken_port(uint16_t port)
{
    char expected[128];
    (void)snprintf(expected, sizeof(expected),
                   "127.0.0.1:%u is in use: a process of user 0 listens there, which only", port);
    expect_as_nobody(local(port), EADDRINUSE, expected);
}

static void tells_who_lacks_a_right_what_to_do(void **state)
{
    (void)state;
    int fd = opened(local(free_port()));
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    in_child_as_nobody(try_low_port, 7);
    in_child_as_nobody(try_taken_port, ntohs(address.sin_port));
    (void)close(fd);
}

static bool path_answers(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    int result = connect(fd, (struct sockaddr *)&address, sizeof(address));
    (void)close(fd);
    return result == 0;
}

static void a_file_has_the_mode_that_was_asked_for(void **state)
{
    (void)state;
    struct stat status;
    struct error error;
    int fd = opened(file("socket"));
    assert_int_equal(stat("socket", &status), 0);
    assert_int_equal(status.st_mode, S_IFSOCK | 0620);
    assert_true(path_answers("socket"));
    struct listener_spec other = file("socket");
    other.mode = 0600;
    assert_int_equal(listener_tune(fd, &other, &error), 0);
    assert_int_equal(stat("socket", &status), 0);
    assert_int_equal(status.st_mode, S_IFSOCK | 0600);
    listener_remove_file(fd, "socket");
    assert_int_equal(access("socket", F_OK), -1);
    (void)close(fd);
}

static void only_a_stale_file_is_replaced(void **state)
{
    (void)state;
    char expected[128];
    struct holder self = {.pid = getpid()};
    holder_name(&self);
    int first = opened(file("socket"));
    (void)snprintf(expected, sizeof(expected), "socket is in use: process %d (%s) listens there",
                   getpid(), self.name);
    refused(file("socket"), EADDRINUSE, expected);
    assert_true(path_answers("socket"));
    (void)close(first); // its file is stale
    int second = opened(file("socket"));
    assert_true(path_answers("socket"));
    int other = opened(file("other"));
    assert_int_equal(rename("other", "socket"), 0);
    listener_remove_file(second, "socket"); // it is not its own any more
    assert_true(path_answers("socket"));
    listener_remove_file(other, "socket");
    assert_int_equal(access("socket", F_OK), -1);
    (void)close(second);
    (void)close(other);
    assert_int_equal(mkdir("folder", 0700), 0);
    refused(file("folder"), EEXIST, "folder is no stream socket; move it out of the way");
}

static void a_shared_port_is_free_for_those_who_share_it(void **state)
{
    (void)state;
    struct error error = {0};
    struct listener_spec spec = local(free_port());
    int one = 1;
    assert_int_equal(listener_check_shared(&spec, &error), 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(spec.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(listener_check_shared(&spec, &error), 0);
    (void)close(fd);
    fd = opened(spec);
    assert_int_equal(listener_check_shared(&spec, &error), -EADDRINUSE);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listens_where_it_is_told_to),
        cmocka_unit_test(says_who_has_a_port),
        cmocka_unit_test(says_that_nobody_listens_at_a_port_that_is_bound),
        cmocka_unit_test(says_what_is_missing),
        cmocka_unit_test(tells_who_lacks_a_right_what_to_do),
        cmocka_unit_test(a_file_has_the_mode_that_was_asked_for),
        cmocka_unit_test(only_a_stale_file_is_replaced),
        cmocka_unit_test(a_shared_port_is_free_for_those_who_share_it),
    };
    return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
