// SPDX-License-Identifier: MIT
// Serves HTTP at PORT on 127.0.0.1, or ::1 with -6. What it answers stands in a file, which it
// reads for every request: a status, "hang" (never answers) or "close"; 200 without the file.
//
//   responder [-6] FILE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int listen_at(int port, int is_six)
{
    struct sockaddr_in four = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    struct sockaddr_in6 six = {
        .sin6_family = AF_INET6,
        .sin6_port = htons((uint16_t)port),
        .sin6_addr = IN6ADDR_LOOPBACK_INIT,
    };
    int on = 1;
    int fd = socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const struct sockaddr *address = is_six ? (struct sockaddr *)&six : (struct sockaddr *)&four;
    if (bind(fd, address, is_six ? sizeof six : sizeof four) < 0 || listen(fd, 64) < 0) {
        perror("responder");
        exit(1);
    }
    return fd;
}

static void respond(int client, const char *path)
{
    char request[4096] = "", answer[64] = "200";
    size_t size = 0;
    FILE *file = fopen(path, "re");
    if (file) {
        if (!fgets(answer, sizeof answer, file))
            answer[0] = '\0';
        fclose(file);
    }
    answer[strcspn(answer, "\n")] = '\0';
    while (!strstr(request, "\r\n\r\n")) {
        ssize_t more = read(client, request + size, sizeof request - 1 - size);
        if (more <= 0)
            break;
        size += (size_t)more;
    }
    if (size > 0 && atoi(answer) > 0)
        dprintf(client, "HTTP/1.1 %s Answer\r\nContent-Length: 3\r\n\r\nhi\n", answer);
    if (strcmp(answer, "hang") != 0) // else it stays open
        close(client);
}

int main(int argc, char **argv)
{
    const char *port = getenv("PORT");
    int listener = listen_at(port ? atoi(port) : 0, argc > 1 && strcmp(argv[1], "-6") == 0);
    printf("listening on port %s\n", port);
    fflush(stdout);
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client >= 0)
            respond(client, argv[argc - 1]);
    }
}
