// SPDX-License-Identifier: MIT
// Real connections to real listeners, of which some are accepted and some are not.
#include "os/backlog.h"

#include "os/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum { CONNECTIONS = 5, ACCEPTED = 2, LIMIT = 10 };

static void expect(int listener, unsigned waiting, unsigned connections)
{
    struct backlog backlog = {0};
    unsigned count = 99;
    assert_int_equal(backlog_read(listener, &backlog), 0);
    assert_int_equal(backlog.waiting, waiting);
    assert_int_equal(backlog.limit, LIMIT);
    assert_int_equal(backlog_count_connections(listener, &count), 0);
    assert_int_equal(count, connections);
}

static void count_at(int listener, const struct sockaddr *address, socklen_t size)
{
    int clients[CONNECTIONS];
    int accepted[ACCEPTED];
    expect(listener, 0, 0);
    for (int i = 0; i < CONNECTIONS; i++) {
        clients[i] = socket(address->sa_family, SOCK_STREAM, 0);
        assert_int_equal(connect(clients[i], address, size), 0);
    }
    expect(listener, CONNECTIONS, 0);
    for (int i = 0; i < ACCEPTED; i++)
        accepted[i] = accept(listener, NULL, NULL);
    expect(listener, CONNECTIONS - ACCEPTED, ACCEPTED);
    assert_int_equal(shutdown(clients[0], SHUT_WR), 0); // it waits for the answer
    expect(listener, CONNECTIONS - ACCEPTED, ACCEPTED);
    for (int i = 0; i < ACCEPTED; i++)
        (void)close(accepted[i]);
    expect(listener, CONNECTIONS - ACCEPTED, 0);
    for (int i = 0; i < CONNECTIONS; i++)
        (void)close(clients[i]);
    (void)close(listener);
}

// A port that is free, by a listener of the machine's choice which is closed again.
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

static int open_listener(struct listener_spec spec)
{
    struct error error = {0};
    int fd = -1;
    spec.backlog = LIMIT;
    if (listener_open(&spec, &fd, &error) < 0)
        fail_msg("%s", error.text);
    return fd;
}

static void counts_those_of_one_address(void **state)
{
    (void)state;
    uint16_t port = free_port();
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct listener_spec spec = {.family = AF_INET, .host = {127, 0, 0, 1}, .port = port};
    count_at(open_listener(spec), (struct sockaddr *)&address, sizeof(address));
}

static void counts_those_of_all_addresses(void **state)
{
    (void)state;
    uint16_t port = free_port();
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct listener_spec spec = {.family = AF_UNSPEC, .port = port};
    count_at(open_listener(spec), (struct sockaddr *)&address, sizeof(address));
}

static void counts_those_of_a_path(void **state)
{
    (void)state;
    char folder[] = "/tmp/formation-backlog-XXXXXX";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_non_null(mkdtemp(folder));
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", folder);
    struct listener_spec spec = {.family = AF_UNIX,
                                 .path = address.sun_path,
                                 .mode = 0600,
                                 .uid = (uid_t)-1,
                                 .gid = (gid_t)-1};
    count_at(open_listener(spec), (struct sockaddr *)&address, sizeof(address));
    assert_int_equal(unlink(address.sun_path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void tells_who_does_not_listen(void **state)
{
    (void)state;
    struct backlog backlog;
    unsigned count;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(backlog_read(fd, &backlog), -EINVAL);
    assert_int_equal(backlog_count_connections(fd, &count), -EINVAL);
    (void)close(fd);
    assert_int_equal(backlog_read(fd, &backlog), -EBADF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_those_of_one_address),
        cmocka_unit_test(counts_those_of_all_addresses),
        cmocka_unit_test(counts_those_of_a_path),
        cmocka_unit_test(tells_who_does_not_listen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
