// SPDX-License-Identifier: MIT
// /proc is a moment's picture: who acts on it opens a pidfd first and looks again, so that a pid
// that was used anew in between is never signalled.
#include "os/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
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
    unsigned long long start, user, system, pages;
    long long child_user, child_system;
    if (!rest || sscanf(rest + 1,
                        " %c %d %d %d %*s %*s %*s %*s %*s %*s %*s %llu %llu %lld %lld"
                        " %*s %*s %*s %*s %llu %*s %llu",
                        &status.state, &status.parent, &status.group, &status.session, &user,
                        &system, &child_user, &child_system, &start, &pages) != 10)
        return -EPROTO;
    // One that is being reaped has a line still, but no session, group or parent any more
    // (do_task_stat in fs/proc/array.c of Linux leaves -1, -1 and 0).
    if (status.session < 0)
        return -ESRCH;
    status.start_ticks = start;
    status.cpu_ticks = user + system + (uint64_t)child_user + (uint64_t)child_system;
    status.resident_pages = pages;
    *out = status;
    return 0;
}

void proc_read_name(pid_t pid, char *out, size_t capacity)
{
    int fd = open_of(pid, "comm");
    ssize_t size = fd < 0 ? 0 : read(fd, out, capacity - 1);
    if (fd >= 0)
        (void)close(fd);
    out[size > 0 ? size : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
}

// Environments may be megabytes, so they are read in pieces, and the wanted text is followed over
// the borders.
struct variable {
    const char *prefix;
    bool is_whole; // nothing may follow the prefix
    char *out;     // takes what follows it
    size_t capacity;
    size_t matched; // bytes of the prefix
    size_t copied;
    bool differs; // the variable that is being read
    bool is_found;
};

static void follow(struct variable *variable, char byte)
{
    if (!variable->differs && variable->prefix[variable->matched]) {
        variable->differs = byte != variable->prefix[variable->matched];
        variable->matched++;
    } else if (byte && variable->is_whole) {
        variable->differs = true;
    } else if (byte && !variable->differs && variable->copied + 1 < variable->capacity) {
        variable->out[variable->copied++] = byte;
    }
    if (byte)
        return;
    variable->is_found = !variable->differs && !variable->prefix[variable->matched];
    variable->differs = false;
    variable->matched = 0;
}

static bool find_variable(pid_t pid, struct variable *variable)
{
    char piece[4096];
    int fd = open_of(pid, "environ");
    if (fd < 0)
        return false;
    for (ssize_t size; !variable->is_found && (size = read(fd, piece, sizeof(piece))) > 0;)
        for (ssize_t i = 0; i < size && !variable->is_found; i++)
            follow(variable, piece[i]);
    (void)close(fd);
    return variable->is_found;
}

bool proc_has_variable(pid_t pid, const char *assignment)
{
    return find_variable(pid, &(struct variable){.prefix = assignment, .is_whole = true});
}

bool proc_read_variable(pid_t pid, const char *prefix, char *out, size_t capacity)
{
    struct variable variable = {.prefix = prefix, .out = out, .capacity = capacity};
    if (!find_variable(pid, &variable))
        return false;
    out[variable.copied] = '\0';
    return true;
}

// Returns false when `visit` has.
static bool each_listed(const char *bytes, size_t size, proc_visit *visit, void *context)
{
    const struct dirent64 *entry;
    for (size_t at = 0; at < size; at += entry->d_reclen) {
        entry = (const void *)(bytes + at);
        char *end;
        long pid = strtol(entry->d_name, &end, 10);
        if (pid > 0 && *end == '\0' && !visit((pid_t)pid, context))
            return false;
    }
    return true;
}

// The kernel lists in the order of pids, from wherever it has come to: in small pieces, each is
// visited when it was listed a moment ago. One of thousands, as readdir(3) reads them, would have
// died meanwhile if it lives for a moment only.
bool proc_each(proc_visit *visit, void *context)
{
    _Alignas(struct dirent64) char piece[2 * sizeof(struct dirent64)];
    ssize_t size = 1;
    int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd >= 0 && size > 0) {
        size = getdents64(fd, piece, sizeof(piece));
        if (size > 0 && !each_listed(piece, (size_t)size, visit, context))
            break;
    }
    if (fd >= 0)
        (void)close(fd);
    return fd >= 0 && size >= 0;
}

uint64_t proc_namespace(void)
{
    struct stat status;
    return stat("/proc/self/ns/pid", &status) == 0 ? status.st_ino : 0;
}

// Where pidfd_open(2) is refused, a folder of /proc is as good to be signalled by.
static int open_pidfd(pid_t pid)
{
    char path[32];
    int pidfd = pidfd_open(pid, 0);
    if (pidfd >= 0 || (errno != ENOSYS && errno != EPERM))
        return pidfd;
    (void)snprintf(path, sizeof(path), "/proc/%d", pid);
    return open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
}

void proc_signal_if(pid_t pid, int signal, proc_visit *still, void *context)
{
    int pidfd = open_pidfd(pid);
    if (pidfd < 0)
        return;
    if (still(pid, context))
        (void)pidfd_send_signal(pidfd, signal, NULL, 0);
    (void)close(pidfd);
}

// Every main process has a session of its own, so a group that one of theirs is in holds no others.
// The kernel kills a group in one go, forks that have just begun included.
bool proc_kill_if(pid_t pid, proc_visit *still, void *context)
{
    int pidfd = open_pidfd(pid);
    if (pidfd < 0)
        return still(pid, context); // for want of a descriptor, or it is gone: told to whoever asks
    pid_t group = getpgid(pid);
    pid_t session = getsid(pid);
    bool is_meant = still(pid, context);
    // As it was not reaped until now, its number was nobody else's in the lines above.
    if (is_meant && pidfd_send_signal(pidfd, SIGKILL, NULL, 0) == 0 && group > 1 &&
        session != getsid(0))
        (void)kill(-group, SIGKILL);
    (void)close(pidfd);
    return is_meant;
}
