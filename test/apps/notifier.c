// SPDX-License-Identifier: MIT
// Does one thing after the other, and then waits for its end:
//
//   say=TEXT      sends TEXT to NOTIFY_SOCKET; "|" stands for a newline
//   child=TEXT    the same from a child, which has ended before it goes on
//   barrier       waits until what it has sent was dealt with, as sd_notify_barrier(3)
//   flood=COUNT   sends WATCHDOG=1 so many times
//   ping=SECONDS  sends WATCHDOG=1 that often, until the file `quiet` is there
//   until=FILE    waits for a file
//   wait=SECONDS
//   touch=FILE
//   line=TEXT     writes a line
//   exit=CODE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void wait_seconds(double seconds)
{
    struct timespec pause = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&pause, NULL);
}

static void send_with(const char *text, int fd)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!name || strlen(name) > sizeof address.sun_path) {
        fprintf(stderr, "notifier: no NOTIFY_SOCKET\n");
        exit(2);
    }
    memcpy(address.sun_path, name, strlen(name));
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    struct iovec part = {(void *)text, strlen(text)};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr message = {
        .msg_name = &address,
        .msg_namelen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name)),
        .msg_iov = &part,
        .msg_iovlen = 1,
    };
    if (fd >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    }
    static int sender = -1;
    if (sender < 0)
        sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    while (sendmsg(sender, &message, MSG_NOSIGNAL) < 0)
        if (errno != EINTR) {
            perror("notifier");
            exit(2);
        }
}

static void say(const char *text)
{
    char *copy = strdup(text);
    for (char *bar; (bar = strchr(copy, '|'));)
        *bar = '\n';
    send_with(copy, -1);
    free(copy);
}

static void say_by_child(const char *text)
{
    pid_t pid = fork();
    if (pid == 0) {
        say(text);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

static void wait_for_barrier(void)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        exit(2);
    send_with("BARRIER=1", ends[1]);
    close(ends[1]);
    struct pollfd end = {.fd = ends[0]};
    poll(&end, 1, -1);
    close(ends[0]);
}

static void wait_for_file(const char *path)
{
    while (access(path, F_OK) < 0)
        wait_seconds(0.01);
}

static void ping(double seconds)
{
    while (access("quiet", F_OK) < 0) {
        say("WATCHDOG=1");
        wait_seconds(seconds);
    }
}

static void do_step(const char *step, const char *value)
{
    if (strcmp(step, "say") == 0)
        say(value);
    else if (strcmp(step, "child") == 0)
        say_by_child(value);
    else if (strcmp(step, "barrier") == 0)
        wait_for_barrier();
    else if (strcmp(step, "flood") == 0)
        for (int i = atoi(value); i > 0; i--)
            say("WATCHDOG=1");
    else if (strcmp(step, "ping") == 0)
        ping(atof(value));
    else if (strcmp(step, "until") == 0)
        wait_for_file(value);
    else if (strcmp(step, "wait") == 0)
        wait_seconds(atof(value));
    else if (strcmp(step, "touch") == 0)
        close(open(value, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    else if (strcmp(step, "line") == 0)
        printf("%s\n", value);
    else if (strcmp(step, "exit") == 0)
        exit(atoi(value));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (equals)
            *equals = '\0';
        do_step(argv[i], equals ? equals + 1 : "");
    }
    for (;;)
        pause();
}
