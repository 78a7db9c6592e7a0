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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_arrives_as_one),
        cmocka_unit_test(wait_for_the_receiver),
        cmocka_unit_test(one_too_long_is_skipped_and_counted),
        cmocka_unit_test(a_receiver_that_is_gone),
        cmocka_unit_test(a_tray_keeps_them),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("stream/outlet_message", tests, NULL, NULL);
}
