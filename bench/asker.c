// SPDX-License-Identifier: MIT
// asker PORT SECONDS keep|new: asks for /, one request after the other, by one connection or each
// by a new one. Prints how many there were, then the median, the 99th percentile (nanoseconds).
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 10000000 };

static long now_nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000 + now.tv_nsec;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int connect_to(int port)
{
    const int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        fail("connect");
    return fd;
}

static void ask(int fd)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    static char answer[65536];
    size_t size = 0;
    size_t whole = 0;
    if (write(fd, request, sizeof(request) - 1) != sizeof(request) - 1)
        fail("write");
    do {
        ssize_t got =
            read(fd, answer + (whole ? 0 : size), sizeof(answer) - 1 - (whole ? 0 : size));
        if (got <= 0)
            fail("read");
        size += (size_t)got;
        if (whole)
            continue;
        answer[size] = '\0';
        char *end = strstr(answer, "\r\n\r\n");
        char *length = strstr(answer, "Content-Length: ");
        if (end && length)
            whole = (size_t)(end + 4 - answer) + strtoul(length + 16, NULL, 10);
    } while (whole == 0 || size < whole);
}

static int compare(const void *a, const void *b)
{
    long one = *(const long *)a;
    long other = *(const long *)b;
    return (one > other) - (one < other);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    int port = atoi(argv[1]);
    int is_kept = strcmp(argv[3], "keep") == 0;
    long *samples = malloc(MOST * sizeof(*samples));
    int fd = is_kept ? connect_to(port) : -1;
    for (int i = 0; i < 100 && is_kept; i++)
        ask(fd);
    long end = now_nanoseconds() + (long)(atof(argv[2]) * 1e9);
    long count = 0;
    long at = now_nanoseconds();
    while (at < end && count < MOST) {
        if (!is_kept)
            fd = connect_to(port);
        ask(fd);
        if (!is_kept)
            close(fd);
        long now = now_nanoseconds();
        samples[count++] = now - at;
        at = now;
    }
    qsort(samples, (size_t)count, sizeof(*samples), compare);
    printf("%ld %ld %ld\n", count, samples[count / 2], samples[count * 99 / 100]);
}
