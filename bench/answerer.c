// SPDX-License-Identifier: MIT
// answerer PORT MICROSECONDS BYTES: a small web server of one thread. It computes for so long for
// each request and answers with so many bytes. One request is one read(2): nobody pipelines here.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long now_microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void compute(long microseconds)
{
    long end = now_microseconds() + microseconds;
    while (microseconds > 0 && now_microseconds() < end)
        ;
}

static void answer(int client, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t written = send(client, text, size, MSG_NOSIGNAL);
        if (written <= 0)
            return;
        text += written;
        size -= (size_t)written;
    }
}

static int listen_at(int port)
{
    const int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 4096) < 0) {
        perror("answerer");
        exit(1);
    }
    return fd;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int listener = listen_at(atoi(argv[1]));
    long work = atol(argv[2]);
    size_t bytes = strtoul(argv[3], NULL, 10);
    enum { HEAD = 200 };
    char *text = malloc(HEAD + bytes);
    int head = snprintf(text, HEAD, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", bytes);
    memset(text + head, 'x', bytes);

    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        struct epoll_event batch[64];
        int count = epoll_wait(epoll, batch, 64, -1);
        for (int i = 0; i < count; i++) {
            char request[8192];
            int fd = batch[i].data.fd;
            if (fd == listener) {
                event.data.fd = accept(listener, NULL, NULL);
                if (event.data.fd >= 0)
                    epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event);
            } else if (read(fd, request, sizeof(request)) <= 0) {
                close(fd);
            } else {
                compute(work);
                answer(fd, text, (size_t)head + bytes);
            }
        }
    }
}
