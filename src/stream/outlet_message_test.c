// SPDX-License-Identifier: MIT
// Datagrams through an outlet, on real sockets: each arrives as one, in order, once.
#include "stream/outlet.h"

#include "stream/desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void put_message(struct outlet *outlet, const char *text)
{
    size_t begin = outlet_message_begin(outlet);
    buffer_append_text(outlet_buffer(outlet), text);
    outlet_message_end(outlet, begin);
}

static void assert_next(int fd, const char *text)
{
    char got[64];
    ssize_t size = recv(fd, got, sizeof(got), MSG_DONTWAIT);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(got, text, strlen(text));
}

static void open_pair(int ends[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends), 0);
}

static void each_arrives_as_one(void **state)
{
    (void)state;
    struct outlet outlet;
    int ends[2];
    open_pair(ends);
    outlet_open_socket(&outlet, ends[0], true);
    put_message(&outlet, "one");
    put_message(&outlet, "");
    put_message(&outlet, "three\nof it");
    assert_int_equal(outlet_push(&outlet), OUTLET_IDLE);
    assert_next(ends[1], "one");
    assert_next(ends[1], "");
    assert_next(ends[1], "three\nof it");
    outlet_close(&outlet);
    close(ends[0]);
    close(ends[1]);
}

// Far more than a socket takes at once: what it does not take waits, and nothing is left out.
static void wait_for_the_receiver(void **state)
{
    (void)state;
    enum { COUNT = 2000 };
    struct outlet outlet;
    int ends[2];
    char text[16];
    open_pair(ends);
    outlet_open_socket(&outlet, ends[0], true);
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(text, sizeof(text), "message %d", i);
        put_message(&outlet, text);
    }
    assert_int_equal(outlet_push(&outlet), OUTLET_BUSY);
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(text, sizeof(text), "message %d", i);
        assert_next(ends[1], text);
        (void)outlet_push(&outlet);
    }
    assert_int_equal(outlet_waiting_bytes(&outlet), 0);
    outlet_close(&outlet);
    close(ends[0]);
    close(ends[1]);
}

static void one_too_long_is_skipped_and_counted(void **state)
{
    (void)state;
    enum { TOO_LONG = 4 * 1024 * 1024 };
    struct outlet outlet;
    int ends[2];
    open_pair(ends);
    outlet_open_socket(&outlet, ends[0], true);
    put_message(&outlet, "before");
    size_t begin = outlet_message_begin(&outlet);
    assert_true(buffer_reserve(outlet_buffer(&outlet), TOO_LONG));
    memset(outlet_buffer(&outlet)->bytes + outlet_buffer(&outlet)->size, 'x', TOO_LONG);
    outlet_buffer(&outlet)->size += TOO_LONG;
    outlet_message_end(&outlet, begin);
    put_message(&outlet, "behind");
    assert_int_equal(outlet_push(&outlet), OUTLET_IDLE);
    assert_int_equal(outlet.refused_count, 1);
    assert_next(ends[1], "before");
    assert_next(ends[1], "behind");
    outlet_close(&outlet);
    close(ends[0]);
    close(ends[1]);
}

static void a_receiver_that_is_gone(void **state)
{
    (void)state;
    struct outlet outlet;
    int ends[2];
    open_pair(ends);
    outlet_open_socket(&outlet, ends[0], true);
    close(ends[1]);
    outlet.outlives_reader = true;
    put_message(&outlet, "to nobody");
    assert_int_equal(outlet_push(&outlet), OUTLET_CLOSED);
    close(ends[0]);
    open_pair(ends);
    outlet_resume(&outlet, ends[0]);
    assert_int_equal(outlet_push(&outlet), OUTLET_IDLE);
    assert_next(ends[1], "to nobody");
    outlet_close(&outlet);
    close(ends[0]);
    close(ends[1]);
}

// Killed between the call and the note of it: a message comes twice rather than not at all.
static void a_tray_keeps_them(void **state)
{
    (void)state;
    int parts[DESK_PARTS];
    struct desk desk;
    struct tray *tray;
    struct outlet outlet;
    int ends[2];
    open_pair(ends);
    assert_int_equal(desk_make(parts), 0);
    assert_int_equal(desk_open(&desk, parts), 0);
    assert_int_equal(desk_take_tray(&desk, 3, -1, &tray), 0);
    outlet_open_socket(&outlet, ends[0], true);
    outlet_use_tray(&outlet, tray);
    put_message(&outlet, "one");
    put_message(&outlet, "two");
    tray->state->writing = (uint32_t)tray->queue.size;
    tray->state->write_at = TRAY_NOWHERE;
    desk_commit(&desk);
    desk_close(&desk);
    assert_int_equal(desk_open(&desk, parts), 0);
    assert_int_equal(desk_take_tray(&desk, 3, -1, &tray), 0);
    outlet_use_tray(&outlet, tray);
    assert_int_equal(outlet_push(&outlet), OUTLET_IDLE);
    assert_next(ends[1], "one");
    assert_next(ends[1], "two");
    outlet_close(&outlet);
    desk_close(&desk);
    for (int i = 0; i < DESK_PARTS; i++)
        close(parts[i]);
    close(ends[0]);
    close(ends[1]);
}

// A stream, and what has come out of it so far.
static void open_stream(struct outlet *outlet, int ends[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    outlet_open_socket(outlet, ends[0], true);
    outlet->is_framed = true;
    outlet->outlives_reader = true;
}

static void close_stream(struct outlet *outlet, const int ends[2])
{
    outlet_close(outlet);
    close(ends[0]);
    close(ends[1]);
}

static void put_numbered(struct outlet *outlet, unsigned number)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "[message %u]", number);
    put_message(outlet, text);
}

// Reads what is there; returns how many bytes.
static size_t read_stream(int fd, char *out, size_t size)
{
    ssize_t got = recv(fd, out, size, MSG_DONTWAIT);
    return got > 0 ? (size_t)got : 0;
}

// No length and nothing else of the queue's own gets into a stream.
static void a_stream_gets_the_messages_alone(void **state)
{
    (void)state;
    struct outlet outlet;
    int ends[2];
    open_stream(&outlet, ends);
    put_message(&outlet, "3 one");
    put_message(&outlet, "3 two");
    assert_int_equal(outlet_push(&outlet), OUTLET_IDLE);
    assert_int_equal(outlet_waiting_bytes(&outlet), 0);
    assert_next(ends[1], "3 one3 two");
    close_stream(&outlet, ends);
}

// One that is half sent when the stream takes no more goes on where it was.
static void a_stream_that_is_slow_gets_each_once(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    struct outlet outlet;
    int ends[2];
    static char got[4 * 1024 * 1024];
    size_t size = 0;
    open_stream(&outlet, ends);
    for (unsigned i = 0; i < COUNT; i++)
        put_numbered(&outlet, i);
    assert_int_equal(outlet_push(&outlet), OUTLET_BUSY);
    for (size_t more; (more = read_stream(ends[1], got + size, 4096 + size % 7)) > 0; size += more)
        (void)outlet_push(&outlet);
    assert_int_equal(outlet_waiting_bytes(&outlet), 0);
    struct str rest = str_from(got, size);
    for (unsigned i = 0; i < COUNT; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "[message %u]", i);
        assert_true(str_starts_with(rest, text));
        rest = str_slice(rest, strlen(text), rest.size);
    }
    assert_int_equal(rest.size, 0);
    close_stream(&outlet, ends);
}

// Whoever is connected next gets all of the message that the last one got half of.
static void a_stream_that_breaks_within_a_message(void **state)
{
    (void)state;
    enum { LONG = 3 * 1024 * 1024 };
    struct outlet outlet;
    int ends[2];
    int others[2];
    static char text[LONG + 1];
    static char got[LONG];
    size_t size = 0;
    memset(text, 'x', LONG);
    open_stream(&outlet, ends);
    put_message(&outlet, text);
    put_message(&outlet, "behind");
    assert_int_equal(outlet_push(&outlet), OUTLET_BUSY);
    assert_true(read_stream(ends[1], got, LONG) > 0);
    close(ends[1]);
    assert_int_equal(outlet_push(&outlet), OUTLET_CLOSED);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, others), 0);
    outlet_resume(&outlet, others[0]);
    while (outlet_push(&outlet) == OUTLET_BUSY)
        size += read_stream(others[1], got + size, LONG - size);
    while (size < LONG)
        size += read_stream(others[1], got + size, LONG - size);
    assert_memory_equal(got, text, LONG);
    assert_next(others[1], "behind");
    close_stream(&outlet, others);
    close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_arrives_as_one),
        cmocka_unit_test(wait_for_the_receiver),
        cmocka_unit_test(one_too_long_is_skipped_and_counted),
        cmocka_unit_test(a_receiver_that_is_gone),
        cmocka_unit_test(a_tray_keeps_them),
        cmocka_unit_test(a_stream_gets_the_messages_alone),
        cmocka_unit_test(a_stream_that_is_slow_gets_each_once),
        cmocka_unit_test(a_stream_that_breaks_within_a_message),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("stream/outlet_message", tests, NULL, NULL);
}
