// SPDX-License-Identifier: MIT
// Requests without a pause until SIGTERM, by so many connections at once, and what became of them:
// "ok 1234 failed 0 servers 7". Every way in which an answer does not come whole is a failure; a
// connection that ends after a whole answer with "Connection: close" is none.
//
// loader PORT|PATH CONNECTIONS keep|new: by connections that stay, or by a new one for each
// request.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MOST = 256, BYTES = 512, PATIENCE_MS = 10000, SERVERS = 256 };

struct visitor {
    size_t size;
    char bytes[BYTES];
};

static volatile sig_atomic_t is_ending;
static struct pollfd polled[MOST];
static struct visitor visitors[MOST];
static const char *target;
static bool keeps;
static unsigned long served, failed, under_way;
static long servers[SERVERS];
static unsigned server_count;

static void on_end(int signal)
{
    (void)signal;
    is_ending = 1;
}

static void fail(int at, const char *why, int code)
{
    failed++;
    (void)fprintf(stderr, "failed: %s: %s\n", why, code ? strerror(code) : "ended");
    if (polled[at].fd >= 0)
        (void)close(polled[at].fd);
    polled[at].fd = -1;
    under_way--;
}

static int connect_to_target(void)
{
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    struct sockaddr_in port = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(target))};
    bool has_path = strchr(target, '/') != NULL;
    port.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)snprintf(path.sun_path, sizeof(path.sun_path), "%s", target);
    int fd = socket(has_path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result = has_path ? connect(fd, (struct sockaddr *)&path, sizeof(path))
                          : connect(fd, (struct sockaddr *)&port, sizeof(port));
    if (result == 0)
        return fd;
    int code = errno;
    (void)close(fd);
    errno = code;
    return -1;
}

static void ask(int at)
{
    static const char kept[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    static const char single[] = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    const char *request = keeps ? kept : single;
    under_way++;
    visitors[at].size = 0;
    if (polled[at].fd < 0) {
        polled[at] = (struct pollfd){.fd = connect_to_target(), .events = POLLIN};
        if (polled[at].fd < 0) {
            fail(at, "connect", errno);
            return;
        }
    }
    if (send(polled[at].fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request))
        fail(at, "send", errno);
}

static void note_server(long pid)
{
    for (unsigned i = 0; i < server_count; i++)
        if (servers[i] == pid)
            return;
    if (server_count < SERVERS)
        servers[server_count++] = pid;
}

static void hear(int at)
{
    struct visitor *visitor = &visitors[at];
    ssize_t size =
        recv(polled[at].fd, visitor->bytes + visitor->size, BYTES - 1 - visitor->size, 0);
    if (size <= 0) {
        fail(at, "receive", size < 0 ? errno : 0);
        return;
    }
    visitor->size += (size_t)size;
    visitor->bytes[visitor->size] = '\0';
    const char *body = strstr(visitor->bytes, "\r\n\r\n");
    if (!body || body[strlen(body) - 1] != '\n' || strlen(body) == 4)
        return;
    served++;
    under_way--;
    note_server(strtol(body + 4, NULL, 10));
    if (!keeps || strstr(visitor->bytes, "Connection: close")) {
        (void)close(polled[at].fd);
        polled[at].fd = -1;
    }
    if (!is_ending)
        ask(at);
}

int main(int argc, char **argv)
{
    const struct sigaction action = {.sa_handler = on_end, .sa_flags = SA_RESTART};
    if (argc != 4)
        return 2;
    target = argv[1];
    int count = atoi(argv[2]);
    keeps = strcmp(argv[3], "keep") == 0;
    if (count < 1 || count > MOST)
        return 2;
    (void)sigaction(SIGTERM, &action, NULL);
    for (int at = 0; at < count; at++)
        polled[at].fd = -1;
    for (int at = 0; at < count; at++)
        ask(at);
    while (under_way > 0) {
        int ready = poll(polled, (nfds_t)count, PATIENCE_MS);
        if (ready == 0)
            break; // those that are under way are counted below
        for (int at = 0; ready > 0 && at < count; at++)
            if (polled[at].fd >= 0 && polled[at].revents)
                hear(at);
        for (int at = 0; !is_ending && at < count; at++)
            if (polled[at].fd < 0)
                ask(at);
    }
    failed += under_way;
    (void)printf("ok %lu failed %lu servers %u\n", served, failed, server_count);
    return failed > 0;
}
