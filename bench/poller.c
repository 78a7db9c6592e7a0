// SPDX-License-Identifier: MIT
// Many clients of one manager, each of which asks for the list of its processes so many times a
// second, and looks at every answer: as many processes as there may be, sorted, none of them twice.
//
//     poller varlink|xmlrpc|axon SOCKET CLIENTS TIMES_A_SECOND MOST_PROCESSES
//
// A client has one request on its way at a time; who waits longer for an answer than for its next
// turn asks at once then. Runs until SIGTERM. Then it prints how many answers there were, how many
// of them were wrong, and the first of those; then a line for each: the nanoseconds that it took.
// Who has waited longer than for one turn by then is among these, as if it were answered now: else
// a manager that answers nobody would look fast.
#include "board.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { MAX_CLIENTS = 256, CONNECT_TRIES = 2000, CONNECT_PAUSE_USEC = 5000 };

struct client {
    int fd;
    int64_t due_at;
    int64_t asked_at; // 0: waits for its turn
    char *answer;
    size_t length, capacity;
    size_t wanted; // the answer's length, once it is known
};

// How a manager is asked. `mark` stands before the number of each process, and nowhere else.
struct language {
    const char *name;
    const char *request;
    size_t request_length;
    const char *mark;
    // The length of an answer that begins so, 0 while it cannot be known.
    size_t (*measure)(const char *answer, size_t length);
};

static size_t measure_varlink(const char *answer, size_t length)
{
    return length > 0 && !answer[length - 1] ? length : 0;
}

static size_t measure_http(const char *answer, size_t length)
{
    const char *end = memmem(answer, length, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t head = (size_t)(end - answer) + 4;
    static const char name[] = "Content-Length: ";
    const char *value = memmem(answer, head, name, sizeof name - 1);
    return value ? head + strtoul(value + sizeof name - 1, NULL, 10) : 0;
}

// One byte with version and count of what follows: each with its length in four bytes before it.
static size_t measure_axon(const char *answer, size_t length)
{
    if (length < 1)
        return 0;
    const unsigned char *bytes = (const unsigned char *)answer;
    size_t at = 1;
    for (int left = bytes[0] & 15; left > 0; left--) {
        if (at + 4 > length)
            return 0;
        at += 4 + ((size_t)bytes[at] << 24 | (size_t)bytes[at + 1] << 16 |
                   (size_t)bytes[at + 2] << 8 | bytes[at + 3]);
    }
    return at;
}

#define XML                                                                                        \
    "<?xml version='1.0'?><methodCall><methodName>supervisor.getAllProcessInfo</methodName>"       \
    "<params></params></methodCall>"
#define HTTP                                                                                       \
    "POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: 116\r\n"  \
    "\r\n" XML
_Static_assert(sizeof XML - 1 == 116, "as the header says");

#define AXON                                                                                       \
    "\x12\x00\x00\x00\x37j:{\"type\":\"call\",\"method\":\"getMonitorData\",\"args\":[{}]}\0"      \
    "\x00\x00\x04s:x0"

#define VARLINK "{\"method\":\"org.formation.Manager.List\"}" // its NUL ends it

static const struct language languages[] = {
    {"varlink", VARLINK, sizeof VARLINK, "\"number\":", measure_varlink},
    {"xmlrpc", HTTP, sizeof HTTP - 1, "<string>w_", measure_http},
    {"axon", AXON, sizeof AXON - 1, "},\"pm_id\":", measure_axon},
};

static const struct language *language;
static const char *path;
static int watch;
static size_t most;
static int64_t period;
static int64_t *latencies;
static size_t latency_count, latency_capacity, wrong_count;
static char first_wrong[200];

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void note_wrong(const char *why, size_t number)
{
    if (wrong_count++ == 0)
        snprintf(first_wrong, sizeof first_wrong, "%s (%zu)", why, number);
}

static void note_latency(int64_t latency)
{
    if (latency_count == latency_capacity) {
        latency_capacity = latency_capacity ? 2 * latency_capacity : 65536;
        latencies = realloc(latencies, latency_capacity * sizeof *latencies);
        if (!latencies)
            fail("memory");
    }
    latencies[latency_count++] = latency;
}

static void check(const char *answer, size_t length)
{
    size_t count = 0, mark_length = strlen(language->mark);
    long last = -1;
    const char *end = answer + length;
    for (const char *at = answer;
         (at = memmem(at, (size_t)(end - at), language->mark, mark_length)); count++) {
        at += mark_length;
        long number = strtol(at, NULL, 10);
        if (number <= last) {
            note_wrong("not sorted, or one twice, at process", count);
            return;
        }
        last = number;
    }
    if (count < 1 || count > most)
        note_wrong("a wrong number of processes", count);
}

// Waits until there is somebody who listens.
static void client_connect(struct client *client)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    for (int tries = 0; connect(client->fd, (struct sockaddr *)&address, sizeof address) < 0;
         tries++) {
        if (tries == CONNECT_TRIES)
            fail(path);
        usleep(CONNECT_PAUSE_USEC);
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    if (epoll_ctl(watch, EPOLL_CTL_ADD, client->fd, &event) < 0)
        fail("epoll_ctl");
}

static void client_ask(struct client *client, int64_t now)
{
    client->asked_at = now;
    client->length = client->wanted = 0;
    // A closed connection is found by reading.
    send(client->fd, language->request, language->request_length, MSG_NOSIGNAL);
}

static void client_closed(struct client *client)
{
    if (client->asked_at)
        note_wrong("the connection was closed before the answer was whole, bytes", client->length);
    client->asked_at = 0;
    close(client->fd);
    client_connect(client);
}

static void client_answered(struct client *client)
{
    int64_t now = board_now();
    note_latency(now - client->asked_at);
    check(client->answer, client->length);
    client->asked_at = 0;
    client->due_at += period;
    if (client->due_at < now)
        client->due_at = now;
}

static void client_read(struct client *client)
{
    if (client->capacity - client->length < 65536) {
        client->capacity = 2 * client->capacity + 65536;
        client->answer = realloc(client->answer, client->capacity);
        if (!client->answer)
            fail("memory");
    }
    ssize_t got = recv(client->fd, client->answer + client->length,
                       client->capacity - client->length - 1, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        client_closed(client);
        return;
    }
    client->length += (size_t)got;
    client->answer[client->length] = '\0'; // no number goes on behind it
    if (!client->wanted)
        client->wanted = language->measure(client->answer, client->length);
    if (client->wanted && client->length >= client->wanted)
        client_answered(client);
}

// Asks for whom it is time. Returns the milliseconds until the next one's turn.
static int clients_take_turns(struct client *clients, size_t count)
{
    int64_t now = board_now(), next = now + period;
    for (size_t i = 0; i < count; i++) {
        struct client *client = &clients[i];
        if (client->asked_at)
            continue;
        if (client->due_at <= now)
            client_ask(client, board_now());
        else if (client->due_at < next)
            next = client->due_at;
    }
    return (int)((next - now + 999999) / 1000000);
}

static void poll_until_told(struct client *clients, size_t count)
{
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    struct epoll_event events[64] = {{.events = EPOLLIN, .data.ptr = NULL}};
    epoll_ctl(watch, EPOLL_CTL_ADD, signalfd(-1, &term, SFD_CLOEXEC), &events[0]);
    for (;;) {
        int timeout = clients_take_turns(clients, count);
        int ready = epoll_wait(watch, events, 64, timeout);
        for (int i = 0; i < ready; i++) {
            if (!events[i].data.ptr)
                return;
            client_read(events[i].data.ptr);
        }
    }
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 6 && i < sizeof languages / sizeof *languages; i++)
        if (!strcmp(languages[i].name, argv[1]))
            language = &languages[i];
    if (!language)
        return 2;
    path = argv[2];
    size_t count = strtoul(argv[3], NULL, 10);
    period = (int64_t)(1000000000 / strtoul(argv[4], NULL, 10));
    most = strtoul(argv[5], NULL, 10);
    watch = epoll_create1(EPOLL_CLOEXEC);
    if (count < 1 || count > MAX_CLIENTS || watch < 0)
        return 2;
    static struct client clients[MAX_CLIENTS];
    for (size_t i = 0; i < count; i++)
        client_connect(&clients[i]);
    int64_t now = board_now();
    for (size_t i = 0; i < count; i++) // one after the other, as people do
        clients[i].due_at = now + period * (int64_t)i / (int64_t)count;
    poll_until_told(clients, count);
    printf("%zu\n%zu\n%s\n", latency_count, wrong_count, first_wrong);
    now = board_now();
    for (size_t i = 0; i < count; i++)
        if (clients[i].asked_at && now - clients[i].asked_at > period)
            note_latency(now - clients[i].asked_at);
    for (size_t i = 0; i < latency_count; i++)
        printf("%lld\n", (long long)latencies[i]);
    return fflush(stdout) ? 1 : 0;
}
