// SPDX-License-Identifier: MIT
// Messages to other machines, by TCP and UDP: what did not get there is known, as far as the kernel
// knows.
#include "stream/outlet.h"

#include "stream/desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
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

static void put_numbered(struct outlet *outlet, unsigned number)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "[message %u]", number);
    put_message(outlet, text);
}

// --- TCP

static int open_listener(struct sockaddr_in *address)
{
    const int room = 32 * 1024;
    socklen_t size = sizeof(*address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &size), 0);
    assert_int_equal(listen(fd, 2), 0);
    return fd;
}

static void connect_pair(int listener, const struct sockaddr_in *address, int ends[2])
{
    ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(ends[0], (const struct sockaddr *)address, sizeof(*address)), 0);
    ends[1] = accept(listener, NULL, NULL);
    assert_true(ends[1] >= 0);
}

static struct tray *open_desk_tray(struct desk *desk, int parts[DESK_PARTS])
{
    struct tray *tray;
    assert_int_equal(desk_make(parts), 0);
    assert_int_equal(desk_open(desk, parts), 0);
    assert_int_equal(desk_take_tray(desk, 1, -1, &tray), 0);
    return tray;
}

static void close_desk(struct desk *desk, const int parts[DESK_PARTS])
{
    desk_close(desk);
    for (int i = 0; i < DESK_PARTS; i++)
        close(parts[i]);
}

enum { NUMBERED_BYTES = sizeof("[message 00000000]") - 1 };

static void put_fixed(struct outlet *outlet, unsigned number)
{
    char text[NUMBERED_BYTES + 1];
    (void)snprintf(text, sizeof(text), "[message %08u]", number);
    put_message(outlet, text);
}

// Reads all that is to come, while it is pushed; returns the number of the first message, after
// which none lacks up to `end`.
static unsigned read_numbered(struct outlet *outlet, int fd, unsigned end)
{
    static char got[8 * 1024 * 1024];
    unsigned first = 0;
    size_t size = 0;
    bool is_done = false;
    while (!is_done) {
        ssize_t more = recv(fd, got + size, sizeof(got) - size, MSG_DONTWAIT);
        size += more > 0 ? (size_t)more : 0;
        (void)outlet_push(outlet);
        char last[NUMBERED_BYTES + 1];
        (void)snprintf(last, sizeof(last), "[message %08u]", end - 1);
        is_done = size >= NUMBERED_BYTES &&
                  memcmp(got + size - NUMBERED_BYTES, last, NUMBERED_BYTES) == 0;
    }
    assert_int_equal(size % NUMBERED_BYTES, 0);
    assert_int_equal(sscanf(got, "[message %8u]", &first), 1);
    assert_int_equal(size / NUMBERED_BYTES, end - first);
    return first;
}

// A server that goes, with what its kernel had acknowledged; all else is sent to the next one.
static void what_a_machine_has_not_got_is_sent_again(void **state)
{
    (void)state;
    enum { COUNT = 400000 };
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int parts[DESK_PARTS];
    struct desk desk;
    struct outlet outlet;
    int ends[2];
    int acknowledged = 0;
    struct tray *tray = open_desk_tray(&desk, parts);
    int listener = open_listener(&address);
    connect_pair(listener, &address, ends);
    outlet_open_socket(&outlet, ends[0], true);
    outlet.is_framed = outlet.outlives_reader = true;
    outlet_use_tray(&outlet, tray);
    for (unsigned i = 0; i < COUNT; i++) {
        put_fixed(&outlet, i);
        if (i % 1000 == 0)
            (void)outlet_push(&outlet);
    }
    assert_int_equal(outlet_push(&outlet), OUTLET_BUSY);
    assert_int_equal(ioctl(ends[1], FIONREAD, &acknowledged), 0);
    close(ends[1]);
    while (outlet_push(&outlet) == OUTLET_BUSY)
        continue;
    outlet_take_back(&outlet);
    close(ends[0]);
    connect_pair(listener, &address, ends);
    outlet_resume(&outlet, ends[0]);
    unsigned first = read_numbered(&outlet, ends[1], COUNT);
    assert_true(first <= (unsigned)acknowledged / NUMBERED_BYTES);
    assert_int_equal(outlet_waiting_bytes(&outlet), 0);
    outlet_close(&outlet);
    close_desk(&desk, parts);
    close(listener);
    close(ends[0]);
    close(ends[1]);
}

// What was sent is forgotten at some time, although there is always something on the way.
static void what_a_machine_has_got_is_forgotten(void **state)
{
    (void)state;
    enum { ROUNDS = 500, A_ROUND = 1000 };
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    static char got[64 * 1024];
    int parts[DESK_PARTS];
    struct desk desk;
    struct outlet outlet;
    int ends[2];
    size_t size = 0;
    size_t most = 0;
    struct tray *tray = open_desk_tray(&desk, parts);
    int listener = open_listener(&address);
    connect_pair(listener, &address, ends);
    outlet_open_socket(&outlet, ends[0], true);
    outlet.is_framed = outlet.outlives_reader = true;
    outlet_use_tray(&outlet, tray);
    for (unsigned i = 0; i < ROUNDS * A_ROUND || outlet_waiting_bytes(&outlet) > 0;) {
        for (unsigned end = i + A_ROUND; i < end && i < ROUNDS * A_ROUND; i++)
            put_fixed(&outlet, i);
        (void)outlet_push(&outlet);
        most = tray->queue.size > most ? tray->queue.size : most;
        for (ssize_t more; outlet_waiting_bytes(&outlet) > 0 &&
                           (more = recv(ends[1], got, sizeof(got), MSG_DONTWAIT)) > 0;
             (void)outlet_push(&outlet))
            size += (size_t)more;
    }
    for (ssize_t more; size < (size_t)ROUNDS * A_ROUND * NUMBERED_BYTES; size += (size_t)more)
        assert_true((more = recv(ends[1], got, sizeof(got), 0)) > 0);
    assert_true(most < 16 * 1024 * 1024);
    assert_int_equal(outlet_waiting_bytes(&outlet), 0);
    outlet_close(&outlet);
    close_desk(&desk, parts);
    close(listener);
    close(ends[0]);
    close(ends[1]);
}

// --- UDP

static int open_receiver(struct sockaddr_in *address)
{
    socklen_t size = sizeof(*address);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &size), 0);
    return fd;
}

static int open_sender(const struct sockaddr_in *address)
{
    const int yes = 1;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)address, sizeof(*address)), 0);
    assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_RECVERR, &yes, sizeof(yes)), 0);
    return fd;
}

// The first datagram to nobody is sent all the same, and the refusal is told with the second, or by
// sendmmsg(2) not at all.
static void nobody_at_a_port_costs_nothing(void **state)
{
    (void)state;
    enum { COUNT = 100 };
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct outlet outlet;
    close(open_receiver(&address));
    int sender = open_sender(&address);
    outlet_open_socket(&outlet, sender, true);
    outlet.outlives_reader = outlet.hears_refusals = outlet.refuses_at_once = true;
    for (unsigned i = 0; i < COUNT; i++)
        put_numbered(&outlet, i);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(outlet_push(&outlet), OUTLET_CLOSED);
        assert_int_equal(outlet.error, ECONNREFUSED);
        outlet_resume(&outlet, sender);
    }
    int receiver = open_receiver(&address);
    assert_int_equal(outlet_push(&outlet), OUTLET_IDLE);
    for (unsigned i = 0; i < COUNT; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "[message %u]", i);
        assert_next(receiver, text);
    }
    assert_int_equal(outlet.refused_count, 0);
    outlet_close(&outlet);
    close(receiver);
    close(sender);
}

// From another machine it comes when nobody knows any more which it was about: it is counted.
static void those_that_were_refused_later_are_counted(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct outlet outlet;
    close(open_receiver(&address));
    int sender = open_sender(&address);
    outlet_open_socket(&outlet, sender, true);
    outlet.outlives_reader = outlet.hears_refusals = true;
    for (unsigned i = 0; i < 3; i++) {
        put_numbered(&outlet, i);
        assert_int_equal(outlet_push(&outlet), OUTLET_IDLE);
    }
    assert_int_equal(outlet.refused_count, 3);
    outlet_close(&outlet);
    close(sender);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_machine_has_not_got_is_sent_again),
        cmocka_unit_test(what_a_machine_has_got_is_forgotten),
        cmocka_unit_test(nobody_at_a_port_costs_nothing),
        cmocka_unit_test(those_that_were_refused_later_are_counted),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("stream/outlet_remote", tests, NULL, NULL);
}
