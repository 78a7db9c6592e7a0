// SPDX-License-Identifier: MIT
// The other end of a sink: takes messages from standard input or a socket, reads each by the rules
// of its format, and proves that the numbered lines of chatty (--least 64) are there: whole, in
// order, once. What is missing, told to be missing, or there twice is counted, for test/soak to
// judge.
//
//   auditor FORMAT MOST stdin | unix PATH | udp PORT | tcp PORT
//
// FORMAT: text raw json logfmt heroku syslog local journal; MOST bytes has a line of chatty, see
// audit_init(). Ends
// at the end of standard input, or at SIGTERM when nothing is left to be received; then tells what
// it has seen, as one JSON object. At SIGUSR1 a receiver of datagrams takes what was sent, goes
// away for a second, and comes back; one of a stream breaks the connection.
#include "audit.h"
#include "line.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

enum { ROOM = 4 * LINE_LONGEST, MEMINFO_DROPS = 8, MEMINFO_COUNT = 9, AWAY_MS = 1000 };

static volatile sig_atomic_t is_asked_to_end;
static volatile sig_atomic_t is_asked_to_leave;
static char room[ROOM];

static void on_signal(int number)
{
    if (number == SIGTERM)
        is_asked_to_end = 1;
    else
        is_asked_to_leave = 1;
}

static void listen_to_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
}

// Until something can be received. False: a signal came instead, or nothing did for a while after
// the end was asked for.
static bool wait_for(int fd)
{
    sigset_t none;
    sigemptyset(&none);
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    const struct timespec moment = {.tv_nsec = 200000000};
    return ppoll(&ready, 1, is_asked_to_end ? &moment : NULL, &none) > 0;
}

static int fail(const char *what)
{
    perror(what);
    exit(2);
}

// --- lines of standard input

static void audit_input(struct audit *audit)
{
    char *line = NULL;
    size_t capacity = 0;
    for (ssize_t size; (size = getline(&line, &capacity, stdin)) > 0;) {
        if (line[size - 1] == '\n')
            audit_message(audit, line, (size_t)size - 1);
        else
            audit_complain(audit, "ends in the middle of a line", line, (size_t)size);
    }
    free(line);
}

// --- sockets

static int open_socket(const char *way, const char *place)
{
    union {
        struct sockaddr any;
        struct sockaddr_un local;
        struct sockaddr_in four;
    } address = {.four = {.sin_family = AF_INET}};
    socklen_t size = sizeof(address.four);
    bool is_local = strcmp(way, "unix") == 0, is_stream = strcmp(way, "tcp") == 0;
    int yes = 1;
    if (is_local) {
        address.local.sun_family = AF_UNIX;
        size = sizeof(address.local);
        (void)snprintf(address.local.sun_path, sizeof(address.local.sun_path), "%s", place);
    } else {
        address.four.sin_port = htons((uint16_t)atoi(place));
        address.four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
    int fd = socket(address.any.sa_family, is_stream ? SOCK_STREAM : SOCK_DGRAM, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
        bind(fd, &address.any, size) < 0 || (is_stream && listen(fd, 16) < 0))
        fail(place);
    return fd;
}

static uint64_t overflow_of(int fd)
{
    uint32_t figures[MEMINFO_COUNT] = {0};
    socklen_t size = sizeof(figures);
    (void)getsockopt(fd, SOL_SOCKET, SO_MEMINFO, figures, &size);
    return figures[MEMINFO_DROPS];
}

// What was sent to us is taken, and nothing more can be sent: no message is lost.
static int leave_and_return(struct audit *audit, int fd, const char *way, const char *place)
{
    shutdown(fd, SHUT_RD);
    for (ssize_t size; (size = recv(fd, room, ROOM, MSG_DONTWAIT)) > 0;)
        audit_message(audit, room, (size_t)size);
    close(fd);
    unlink(place);
    (void)poll(NULL, 0, AWAY_MS);
    is_asked_to_leave = 0;
    return open_socket(way, place);
}

static void audit_datagrams(struct audit *audit, const char *way, const char *place)
{
    int fd = open_socket(way, place);
    for (;;) {
        bool is_there = wait_for(fd);
        if (is_asked_to_leave)
            fd = leave_and_return(audit, fd, way, place);
        else if (is_there) {
            ssize_t size = recv(fd, room, ROOM, MSG_DONTWAIT);
            if (size > 0)
                audit_message(audit, room, (size_t)size);
        } else if (is_asked_to_end) {
            break;
        }
    }
    audit->overflow = overflow_of(fd);
    close(fd);
}

// Takes whole messages, each behind its length (RFC 6587, 3.4.1). Returns the bytes of a rest.
static size_t take_frames(struct audit *audit, size_t size)
{
    size_t at = 0;
    for (;;) {
        char *blank = memchr(room + at, ' ', size - at);
        if (!blank) {
            if (size - at > 8)
                audit_complain(audit, "has no length", room + at, size - at);
            break;
        }
        char *end;
        size_t length = strtoul(room + at, &end, 10);
        if (end != blank || length == 0 || length > 65536) {
            audit_complain(audit, "has no length", room + at, size - at);
            return 0;
        }
        if ((size_t)(room + size - (blank + 1)) < length)
            break;
        audit_message(audit, blank + 1, length);
        at = (size_t)(blank + 1 - room) + length;
    }
    memmove(room, room + at, size - at);
    return size - at;
}

// One that ends in the middle of a message is followed by one that has all of it.
static void audit_connection(struct audit *audit, int fd)
{
    size_t rest = 0;
    for (;;) {
        bool is_there = wait_for(fd);
        if (is_asked_to_leave)
            break;
        if (!is_there && is_asked_to_end)
            break;
        if (!is_there)
            continue;
        ssize_t size = recv(fd, room + rest, 65536, MSG_DONTWAIT);
        if (size == 0 || (size < 0 && errno != EAGAIN))
            break;
        rest = take_frames(audit, rest + (size > 0 ? (size_t)size : 0));
    }
    is_asked_to_leave = 0;
    close(fd);
}

static void audit_stream(struct audit *audit, const char *way, const char *place)
{
    int fd = open_socket(way, place);
    while (wait_for(fd) || !is_asked_to_end) {
        int connection = accept(fd, NULL, NULL);
        is_asked_to_leave = 0;
        if (connection >= 0)
            audit_connection(audit, connection);
    }
    close(fd);
}

int main(int argc, char **argv)
{
    static struct audit audit;
    bool is_input = argc == 4 && strcmp(argv[3], "stdin") == 0;
    if ((!is_input && argc != 5) || !audit_init(&audit, argv[1], argv[2])) {
        fprintf(stderr, "usage: auditor FORMAT MOST stdin | unix PATH | udp PORT | tcp PORT\n");
        return 2;
    }
    if (!is_input)
        listen_to_signals();
    if (is_input)
        audit_input(&audit);
    else if (strcmp(argv[3], "tcp") == 0)
        audit_stream(&audit, argv[3], argv[4]);
    else
        audit_datagrams(&audit, argv[3], argv[4]);
    audit_tell(&audit);
    return audit.has_problem;
}
