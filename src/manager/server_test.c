// SPDX-License-Identifier: MIT
// Clients over real sockets: good ones, slow ones, broken ones, and more than there are places.
#include "manager/server.h"

#include "base/limits.h"
#include "os/clock.h"
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct subscription {
    int unused;
};

static struct {
    struct loop loop;
    struct server server;
    int listener;
    char path[64];
    unsigned served;
    char log[4096]; // the first letters of what was served
    size_t longest;
    unsigned forgotten;
    size_t reply_bytes; // of each answer
    size_t room;        // of what is fed
    char fed[256];
    size_t fed_bytes;
    struct subscription subscription;
} all;

// "W…": waits; "R": what follows are bytes; anything else is answered.
static void serve(void *context, struct client *client, struct str message)
{
    assert_ptr_equal(context, &all);
    if (all.served < sizeof(all.log) && message.size > 0)
        all.log[all.served] = message.bytes[0];
    all.served++;
    all.longest = message.size > all.longest ? message.size : all.longest;
    if (str_starts_with(message, "W")) {
        client->subscription = &all.subscription;
    } else if (str_starts_with(message, "R")) {
        client->is_raw = true;
    } else {
        for (size_t i = 1; i < all.reply_bytes; i++)
            buffer_append_char(&client->out, 'x');
        buffer_append_char(&client->out, '\0');
    }
}

static void forget(void *context, struct client *client)
{
    assert_ptr_equal(context, &all);
    assert_non_null(client->subscription);
    client->subscription = NULL;
    all.forgotten++;
}

static void feed(void *context, struct client *client)
{
    assert_ptr_equal(context, &all);
    size_t size = client->in.size < all.room ? client->in.size : all.room;
    if (size == 0)
        return;
    memcpy(all.fed + all.fed_bytes, client->in.bytes, size);
    all.fed_bytes += size;
    all.room -= size;
    server_take(client, size);
}

static int open_server(void **state)
{
    struct error error;
    const struct server_calls calls = {serve, forget, feed, &all};
    (void)state;
    memset(&all, 0, sizeof(all));
    all.reply_bytes = 3;
    (void)snprintf(all.path, sizeof(all.path), "/tmp/server-test-%d", getpid());
    assert_int_equal(socket_listen(all.path, 2000, &all.listener, NULL, &error), 0);
    assert_int_equal(loop_open(&all.loop), 0);
    server_open(&all.server, &all.loop, all.listener, &calls);
    return 0;
}

static int close_server(void **state)
{
    (void)state;
    server_close(&all.server);
    loop_close(&all.loop);
    socket_close(all.listener);
    (void)unlink(all.path);
    return 0;
}

static int connect_one(void)
{
    int fd;
    assert_int_equal(socket_connect(all.path, NSEC_PER_SEC, &fd), 0);
    return fd;
}

static void say(int fd, const char *bytes, size_t size)
{
    assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

// So many rounds, each of which waits for nothing.
static void rounds(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        (void)loop_run_once(&all.loop, 0);
        server_work(&all.server);
    }
}

// How many bytes there are to read; -1: the end.
static ssize_t hear(int fd)
{
    static char bytes[1024 * 1024];
    ssize_t size = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN)
        return 0;
    return size <= 0 ? -1 : size;
}

static void one_message_a_round_for_each(void **state)
{
    (void)state;
    int many = connect_one();
    int one = connect_one();
    for (int i = 0; i < 50; i++)
        say(many, "m\0", 2);
    rounds(2);
    say(one, "o", 1);
    rounds(2);
    say(one, "\0", 1);
    unsigned before = all.served;
    rounds(2);
    assert_non_null(memchr(all.log + before, 'o', 4));
    assert_true(all.served < 20);
    assert_int_equal(server_due_at(&all.server), 0); // some still wait
    rounds(60);
    assert_int_equal(all.served, 51);
    assert_int_equal(server_due_at(&all.server), NSEC_NEVER);
    assert_int_equal(hear(many), 50 * 3);
    assert_int_equal(hear(one), 3);
    (void)close(many);
    (void)close(one);
    rounds(3);
    assert_int_equal(all.server.client_count, 0);
}

static void who_has_said_all_still_gets_the_answers(void **state)
{
    (void)state;
    int fd = connect_one();
    say(fd, "a\0b\0half", 8);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    rounds(10);
    assert_int_equal(all.served, 2);
    assert_int_equal(hear(fd), 6);
    assert_int_equal(hear(fd), -1);
    assert_int_equal(all.server.client_count, 0);
    (void)close(fd);
    fd = connect_one();
    say(fd, "W\0a\0", 4);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    rounds(10);
    assert_int_equal(all.served, 3); // the second waits for the first
    assert_int_equal(all.server.client_count, 1);
    assert_int_equal(server_due_at(&all.server), NSEC_NEVER);
    forget(&all, all.server.clients);
    server_touch(all.server.clients);
    rounds(10);
    assert_int_equal(all.served, 4);
    assert_int_equal(hear(fd), 3);
    assert_int_equal(hear(fd), -1);
    (void)close(fd);
}

static void what_was_sent_before_leaving_is_done(void **state)
{
    (void)state;
    int fd = connect_one();
    rounds(3);
    for (int i = 0; i < 20; i++)
        say(fd, "a\0W\0", 4);
    (void)close(fd);
    rounds(100);
    assert_int_equal(all.served, 40);
    assert_int_equal(all.forgotten, 20); // nobody waits for these any more
    assert_int_equal(all.server.client_count, 0);
    fd = connect_one(); // one that reads nothing more, and leaves later
    (void)shutdown(fd, SHUT_RD);
    say(fd, "a\0b\0", 4);
    rounds(20);
    assert_int_equal(all.served, 42);
    assert_int_equal(server_due_at(&all.server), NSEC_NEVER);
    (void)close(fd);
    rounds(3);
    assert_int_equal(all.server.client_count, 0);
}

static void who_does_not_read_is_not_served(void **state)
{
    (void)state;
    all.reply_bytes = 64 * 1024;
    int lazy = connect_one();
    int other = connect_one();
    for (int i = 0; i < 100; i++)
        say(lazy, "l\0", 2);
    rounds(300);
    unsigned most = 100;
    assert_true(all.served > 4 && all.served < most);
    assert_int_equal(server_due_at(&all.server), NSEC_NEVER);
    struct client *client = all.server.clients;
    while (client->out.size == 0)
        client = client->next;
    assert_true(client->out.size - client->sent <= LIMIT_CLIENT_QUEUE_BYTES + all.reply_bytes);
    unsigned before = all.served;
    say(other, "o\0", 2);
    rounds(5);
    assert_int_equal(all.served, before + 1);
    size_t heard = 0;
    for (int i = 0; i < 1000 && heard < 100 * all.reply_bytes; i++) {
        ssize_t size = hear(lazy);
        assert_true(size >= 0);
        heard += (size_t)size;
        rounds(1);
    }
    assert_int_equal(heard, 100 * all.reply_bytes);
    assert_int_equal(all.served, 101);
    (void)close(lazy);
    (void)close(other);
}

static void a_message_without_end_is_cut_short(void **state)
{
    static char bytes[LIMIT_MESSAGE_BYTES + 64 * 1024];
    (void)state;
    int fd = connect_one();
    memset(bytes, 'a', sizeof(bytes));
    size_t sent = 0;
    for (int i = 0; i < 100 && all.served == 0; i++) {
        ssize_t size = send(fd, bytes, sizeof(bytes) - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += size > 0 ? (size_t)size : 0;
        rounds(1);
    }
    assert_int_equal(all.served, 1);
    assert_true(all.longest > LIMIT_MESSAGE_BYTES); // which the one who serves it refuses
    assert_true(all.longest <= LIMIT_MESSAGE_BYTES + 32 * 1024);
    (void)close(fd);
}

static void more_than_there_are_places(void **state)
{
    enum { MANY = LIMIT_CLIENTS + 76 };
    static int fds[MANY];
    struct rlimit before;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit limit = {.rlim_cur = before.rlim_max, .rlim_max = before.rlim_max};
    if (before.rlim_max < 4 * LIMIT_CLIENTS || setrlimit(RLIMIT_NOFILE, &limit) < 0)
        skip();
    (void)close_server(NULL);
    (void)open_server(NULL);
    for (int i = 0; i < MANY; i++) {
        fds[i] = connect_one();
        say(fds[i], "a\0", 2);
    }
    rounds(200);
    assert_int_equal(all.server.client_count, LIMIT_CLIENTS);
    assert_int_equal(all.served, LIMIT_CLIENTS);
    assert_int_equal(server_due_at(&all.server), NSEC_NEVER);
    for (int i = 0; i < MANY - LIMIT_CLIENTS; i++) {
        assert_int_equal(hear(fds[i]), 3);
        (void)close(fds[i]);
    }
    rounds(200);
    assert_int_equal(all.served, MANY);
    for (int i = MANY - LIMIT_CLIENTS; i < MANY; i++) {
        assert_int_equal(hear(fds[i]), 3);
        (void)close(fds[i]);
    }
    rounds(100);
    assert_int_equal(all.server.client_count, 0);
    (void)setrlimit(RLIMIT_NOFILE, &before);
}

static void clients_leave_descriptors_for_others(void **state)
{
    struct rlimit before;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    (void)close_server(NULL);
    struct rlimit limit = {.rlim_cur = 40, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    (void)open_server(NULL);
    assert_int_equal(all.server.client_limit, 10);
    (void)setrlimit(RLIMIT_NOFILE, &before);
}

static void without_a_descriptor_it_is_tried_again(void **state)
{
    struct rlimit before;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int fd = connect_one();
    int next = dup(fd); // the number that the connection would get
    assert_true(next >= 0);
    (void)close(next);
    struct rlimit limit = {.rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    rounds(5);
    assert_int_equal(all.server.client_count, 0);
    assert_false(all.server.source.is_added); // or it would be told without end
    nsec_t due_at = server_due_at(&all.server);
    assert_true(due_at > clock_now() && due_at < clock_now() + NSEC_PER_SEC);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    while (clock_now() <= due_at)
        rounds(1);
    rounds(2);
    assert_int_equal(all.server.client_count, 1);
    (void)close(fd);
}

static void who_leaves_while_waiting_is_forgotten(void **state)
{
    (void)state;
    int fd = connect_one();
    say(fd, "W\0", 2);
    rounds(3);
    assert_non_null(all.server.clients->subscription);
    (void)close(fd);
    rounds(5);
    assert_int_equal(all.forgotten, 1);
    assert_int_equal(all.server.client_count, 0);
    fd = connect_one();
    say(fd, "W\0", 2);
    rounds(3);
    server_close(&all.server);
    assert_int_equal(all.forgotten, 2);
    assert_int_equal(hear(fd), -1);
    (void)close(fd);
    (void)close_server(NULL);
    (void)open_server(NULL);
}

static void bytes_are_fed_as_there_is_room(void **state)
{
    (void)state;
    int fd = connect_one();
    all.room = 4;
    say(fd, "R\0bytes\0x", 9);
    rounds(2);
    assert_int_equal(all.fed_bytes, 4);
    rounds(3);
    say(fd, "more", 4); // not read before there is room
    rounds(3);
    assert_int_equal(all.server.clients->in.size, 3);
    all.room = 100;
    server_touch(all.server.clients);
    rounds(4);
    assert_int_equal(all.fed_bytes, 11);
    assert_memory_equal(all.fed, "bytes\0xmore", 11);
    assert_int_equal(all.served, 1);
    (void)close(fd);
    rounds(3);
    assert_int_equal(all.server.client_count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_server, close_server)
    const struct CMUnitTest tests[] = {
        TEST(one_message_a_round_for_each),          TEST(who_has_said_all_still_gets_the_answers),
        TEST(what_was_sent_before_leaving_is_done),  TEST(who_does_not_read_is_not_served),
        TEST(a_message_without_end_is_cut_short),    TEST(more_than_there_are_places),
        TEST(clients_leave_descriptors_for_others),  TEST(without_a_descriptor_it_is_tried_again),
        TEST(who_leaves_while_waiting_is_forgotten), TEST(bytes_are_fed_as_there_is_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
