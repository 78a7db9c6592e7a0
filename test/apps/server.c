// SPDX-License-Identifier: MIT
// A web server as one writes it for a formation: it takes the socket that it is given, or opens
// PORT together with others, answers every request with its pid, and upon SIGTERM takes no more
// connections, tells those that it has by "Connection: close", and ends when they are gone.
//
// server [hang]: hang: accepts, and never answers.
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 256, BYTES = 2048, PATIENCE_MS = 3000 };

struct client {
    size_t size;
    char bytes[BYTES];
};

static volatile sig_atomic_t is_ending;
static struct pollfd polled[MOST + 1];
static struct client clients[MOST + 1];
static nfds_t count = 1; // the first is the listener

static void on_end(int signal)
{
    (void)signal;
    is_ending = 1;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int given_socket(void)
{
    const char *number = getenv("LISTEN_FDS");
    const char *pid = getenv("LISTEN_PID");
    return number && atoi(number) > 0 && pid && atoi(pid) == getpid() ? 3 : -1;
}

static int own_socket(void)
{
    const char *port = getenv("PORT");
    struct sockaddr_in6 address = {.sin6_family = AF_INET6};
    int one = 1;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin6_port = htons((uint16_t)atoi(port ? port : "0"));
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) < 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 4096) < 0)
        fail("PORT");
    return fd;
}

static void accept_all(void)
{
    int fd;
    while (count <= MOST &&
           (fd = accept4(polled[0].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        clients[count].size = 0;
        polled[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
}

static void forget(nfds_t at)
{
    (void)close(polled[at].fd);
    polled[at] = polled[--count];
    clients[at] = clients[count];
}

// False: the connection is over.
static bool serve(nfds_t at)
{
    struct client *client = &clients[at];
    char answer[128];
    char body[32];
    ssize_t size = read(polled[at].fd, client->bytes + client->size, BYTES - 1 - client->size);
    if (size <= 0)
        return size < 0 && errno == EAGAIN;
    client->size += (size_t)size;
    client->bytes[client->size] = '\0';
    if (!strstr(client->bytes, "\r\n\r\n"))
        return client->size < BYTES - 1;
    bool is_last = is_ending || strstr(client->bytes, "Connection: close");
    client->size = 0;
    int length = snprintf(body, sizeof(body), "%d\n", getpid());
    int total =
        snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s",
                 length, is_last ? "Connection: close\r\n" : "", body);
    return write(polled[at].fd, answer, (size_t)total) == total && !is_last;
}

static void round_of(bool hangs)
{
    static bool has_ended;
    if (is_ending && !has_ended) {
        accept_all();
        (void)close(polled[0].fd);
        polled[0].fd = -1;
        has_ended = true;
    }
    int ready = poll(polled, count, is_ending ? PATIENCE_MS : -1);
    if ((ready == 0 || count == 1) && is_ending)
        exit(0);
    for (nfds_t at = count; ready > 0 && at-- > 1;)
        if (polled[at].revents && !hangs && !serve(at))
            forget(at);
    if (ready > 0 && polled[0].revents)
        accept_all();
}

int main(int argc, char **argv)
{
    const struct sigaction action = {.sa_handler = on_end};
    bool hangs = argc > 1 && strcmp(argv[1], "hang") == 0;
    int fd = given_socket();
    bool is_given = fd >= 0;
    if (!is_given)
        fd = own_socket();
    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        fail("socket");
    (void)sigaction(SIGTERM, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    polled[0] = (struct pollfd){.fd = fd, .events = POLLIN};
    (void)printf("serving by %s\n", is_given ? "a socket that was given" : "a port of its own");
    (void)fflush(stdout);
    for (;;)
        round_of(hangs);
}
