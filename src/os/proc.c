// SPDX-License-Identifier: MIT
// /proc is a moment's picture: who acts on it opens a pidfd first and looks again, so that a pid
// that was used anew in between is never signalled.
#include "os/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_of(pid_t pid, const char *file)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int proc_read_status(pid_t pid, struct proc_status *out)
{
    char text[1024];
    int fd = open_of(pid, "stat");
    if (fd < 0)
        return fd;
    ssize_t size = read(fd, text, sizeof(text) - 1);
    int error = errno;
    (void)close(fd);
    if (size <= 0)
        return size < 0 ? -error : -ESRCH;
    text[size] = '\0';
    // The name in parentheses may contain anything, so fields are counted from its end (proc(5)).
    const char *rest = strrchr(text, ')');
    struct proc_status status = {.pid = pid};
    unsigned long long start;
    if (!rest ||
        sscanf(rest + 1,
               " %c %d %d %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
               &status.state, &status.parent, &status.group, &status.session, &start) != 5)
        return -EPROTO;
    status.start_ticks = start;
    *out = status;
    return 0;
}

// Environments may be megabytes, so they are read in pieces, and the wanted text is followed over
// the borders.
bool proc_has_variable(pid_t pid, const char *assignment)
{
    char piece[4096];
    size_t wanted = strlen(assignment) + 1; // its NUL too
    size_t matched = 0;
    bool matches = true; // the variable that is being read, so far
    int fd = open_of(pid, "environ");
    if (fd < 0)
        return false;
    bool found = false;
    for (ssize_t size; !found && (size = read(fd, piece, sizeof(piece))) > 0;) {
        for (ssize_t i = 0; i < size && !found; i++) {
            matches = matches && matched < wanted && piece[i] == assignment[matched];
            matched++;
            found = matches && matched == wanted;
            if (piece[i] == '\0') {
                matched = 0;
                matches = true;
            }
        }
    }
    (void)close(fd);
    return found;
}

void proc_each(proc_visit *visit, void *context)
{
    DIR *folder = opendir("/proc");
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder));) {
        char *end;
        long pid = strtol(entry->d_name, &end, 10);
        if (pid > 0 && *end == '\0' && !visit((pid_t)pid, context))
            break;
    }
    (void)closedir(folder);
}

uint64_t proc_namespace(void)
{
    struct stat status;
    return stat("/proc/self/ns/pid", &status) == 0 ? status.st_ino : 0;
}

void proc_signal_if(pid_t pid, int signal, proc_visit *still, void *context)
{
    int pidfd = pidfd_open(pid, 0);
    if (pidfd < 0)
        return;
    if (still(pid, context))
        (void)pidfd_send_signal(pidfd, signal, NULL, 0);
    (void)close(pidfd);
}
