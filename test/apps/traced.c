// SPDX-License-Identifier: MIT
// What valgrind 3.19 does not know of the kernel, by other means: with these in the place of the C
// library's functions, the formation runs below it, as test/valgrind has it. They are for that
// only: a pid is taken for a process, so what is true of the formation itself is a little less true
// here.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#define SCM_PIDFD 0x04
#endif

// A message that claims to be of another process, which root may, comes with a descriptor for it
// (unix(7); Linux 6.5).
static int send_as(int socket, pid_t pid)
{
    struct ucred claimed = {.pid = pid, .uid = getuid(), .gid = getgid()};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(claimed))];
    } control = {0};
    struct iovec byte = {"x", 1};
    struct msghdr message = {
        .msg_iov = &byte,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control),
    };
    control.header = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(claimed)),
        .cmsg_level = SOL_SOCKET,
        .cmsg_type = SCM_CREDENTIALS,
    };
    memcpy(CMSG_DATA(&control.header), &claimed, sizeof(claimed));
    return sendmsg(socket, &message, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

static int receive_pidfd(int socket)
{
    union {
        struct cmsghdr header;
        char bytes[256];
    } control = {0};
    char byte;
    int pidfd = -1;
    struct iovec room = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &room,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control),
    };
    if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1)
        return -1;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part))
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_PIDFD)
            memcpy(&pidfd, CMSG_DATA(part), sizeof(pidfd));
    return pidfd;
}

int pidfd_open(pid_t pid, unsigned flags)
{
    int ends[2];
    int on = 1;
    int pidfd = -1;
    (void)flags;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return -1;
    if (setsockopt(ends[1], SOL_SOCKET, SO_PASSPIDFD, &on, sizeof(on)) == 0 &&
        send_as(ends[0], pid) == 0)
        pidfd = receive_pidfd(ends[1]);
    int error = errno;
    (void)close(ends[0]);
    (void)close(ends[1]);
    errno = error;
    return pidfd;
}

int pidfd_send_signal(int pidfd, int number, siginfo_t *info, unsigned flags)
{
    char path[64];
    char line[128];
    int pid = -1;
    (void)info;
    (void)flags;
    (void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file))
        (void)sscanf(line, "Pid: %d", &pid);
    if (file)
        (void)fclose(file);
    if (pid <= 0) {
        errno = ESRCH;
        return -1;
    }
    return kill(pid, number);
}

int close_range(unsigned first, unsigned last, int flags)
{
    enum { MOST = 4096 };
    DIR *folder = opendir("/proc/self/fd");
    int found[MOST];
    size_t count = 0;
    for (struct dirent *entry; folder && count < MOST && (entry = readdir(folder));) {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] != '.' && fd != dirfd(folder) && (unsigned)fd >= first &&
            (unsigned)fd <= last)
            found[count++] = fd;
    }
    if (folder)
        (void)closedir(folder);
    for (size_t i = 0; i < count; i++)
        (void)(flags & CLOSE_RANGE_CLOEXEC ? fcntl(found[i], F_SETFD, FD_CLOEXEC)
                                           : close(found[i]));
    return 0;
}

// Valgrind keeps a few descriptors to itself, more with each that is started by another, and allows
// no more than are left.
int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
    return (int)(resource == RLIMIT_NOFILE ? 0 : syscall(SYS_setrlimit, resource, limit));
}

int epoll_pwait2(int epoll, struct epoll_event *events, int most, const struct timespec *timeout,
                 const sigset_t *mask)
{
    long long ms = timeout ? timeout->tv_sec * 1000LL + (timeout->tv_nsec + 999999) / 1000000 : -1;
    return epoll_pwait(epoll, events, most, ms > INT_MAX ? INT_MAX : (int)ms, mask);
}

// The program is valgrind, to the kernel; only readlink(2) is told otherwise. A descriptor of ours
// is none of the valgrind that is executed first.
static const char *true_path(const char *path, char *room, size_t size)
{
    bool is_link = strcmp(path, "/proc/self/exe") == 0 || strncmp(path, "/proc/self/fd/", 14) == 0;
    ssize_t length = is_link ? readlink(path, room, size - 1) : -1;
    if (length <= 0 || room[0] != '/')
        return path;
    room[length] = '\0';
    return room;
}

int execve(const char *path, char *const arguments[], char *const environment[])
{
    char room[PATH_MAX];
    return (int)syscall(SYS_execve, true_path(path, room, sizeof(room)), arguments, environment);
}

// Of a descriptor only, as everywhere here.
int execveat(int fd, const char *path, char *const arguments[], char *const environment[],
             int flags)
{
    char link[64];
    char target[PATH_MAX];
    (void)path;
    (void)flags;
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, target, sizeof(target) - 1);
    if (size < 0)
        return -1;
    target[size] = '\0';
    return execve(target, arguments, environment);
}

int open(const char *path, int flags, ...)
{
    char room[PATH_MAX];
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    bool is_program = strcmp(path, "/proc/self/exe") == 0;
    return (int)syscall(SYS_openat, AT_FDCWD,
                        is_program ? true_path(path, room, sizeof(room)) : path, flags, mode);
}
