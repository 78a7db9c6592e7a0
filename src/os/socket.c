// SPDX-License-Identifier: MIT
// A socket's address has room for 107 bytes, so a socket that is there is reached by an O_PATH
// descriptor, as /proc/self/fd/N: that also is the very file whose kind was looked at. A new one is
// bound to a short name of its own beside the wanted one, listens, and only then gets its name: at
// no moment is there a name that nobody answers for, and link(2) gives a name to one only. The
// stale one in the way is the one thing that two could both take away, one of them the other's new
// socket: so all of it is done under the folder's lock.
#include "os/socket.h"

#include "os/clock.h"
#include "os/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

// Somebody whose queue is full for so long still listens, but will not say who it is.
#define HOLDER_PATIENCE (NSEC_PER_SEC / 2)

// A path, as the folder and the name in it.
struct spot {
    int folder_fd;    // holds the lock
    const char *path; // whole, for short addresses
    const char *name;
};

static bool address_of(const char *path, struct sockaddr_un *out)
{
    size_t size = strlen(path) + 1;
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (size > sizeof(out->sun_path))
        return false;
    memcpy(out->sun_path, path, size);
    return true;
}

static int new_socket(int flags, int *out)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0)
        return -errno;
    *out = fd;
    return 0;
}

// --- connecting ----------------------------------------------------------------------------------

// connect(2) of a blocking socket, which the kernel ends after `timeout`.
static int connect_until(int fd, const struct sockaddr_un *address, nsec_t timeout)
{
    nsec_t deadline = timeout >= NSEC_NEVER / 2 ? NSEC_NEVER : clock_now() + timeout;
    for (;;) {
        struct timeval left = {0}; // for ever
        if (deadline != NSEC_NEVER) {
            nsec_t rest = deadline - clock_now();
            if (rest < NSEC_PER_MSEC)
                rest = NSEC_PER_MSEC;
            left.tv_sec = (time_t)(rest / NSEC_PER_SEC);
            left.tv_usec = (suseconds_t)(rest % NSEC_PER_SEC / NSEC_PER_USEC);
        }
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &left, sizeof(left)) < 0)
            return -errno;
        if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
            return 0;
        if (errno == EAGAIN)
            return -ETIMEDOUT;
        if (errno != EINTR)
            return -errno;
    }
}

// `file_fd` is O_PATH, of what is at `path`.
static int connect_file(int file_fd, const char *path, nsec_t timeout, int *out)
{
    struct sockaddr_un address;
    char link[32];
    int fd = -1;
    int result = new_socket(0, &fd);
    if (result < 0)
        return result;
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", file_fd);
    (void)address_of(link, &address);
    result = connect_until(fd, &address, timeout);
    if ((result == -ENOENT || result == -ENOTDIR) && access(link, F_OK) < 0) // no /proc
        result = address_of(path, &address) ? connect_until(fd, &address, timeout) : -ENAMETOOLONG;
    if (result == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        result = -errno;
    if (result < 0)
        (void)close(fd);
    else
        *out = fd;
    return result;
}

static int check_is_socket(int file_fd, struct stat *out)
{
    if (fstat(file_fd, out) < 0)
        return -errno;
    return S_ISSOCK(out->st_mode) ? 0 : -ENOTSOCK;
}

int socket_connect(const char *path, nsec_t timeout, int *out)
{
    struct stat status;
    int file_fd = open(path, O_PATH | O_CLOEXEC);
    if (file_fd < 0)
        return -errno;
    int result = check_is_socket(file_fd, &status);
    if (result == 0)
        result = connect_file(file_fd, path, timeout, out);
    (void)close(file_fd);
    return result;
}

int socket_accept(int listener, int *out)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            *out = fd;
            return 0;
        }
        if (errno != EINTR && errno != ECONNABORTED)
            return -errno;
    }
}

int socket_read_peer(int fd, struct socket_peer *out)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return -errno;
    *out = (struct socket_peer){.pid = peer.pid, .uid = peer.uid, .gid = peer.gid};
    return 0;
}

bool socket_peer_is_trusted(const struct socket_peer *peer)
{
    return peer->uid == geteuid() || peer->uid == 0;
}

// --- the folder and its lock ---------------------------------------------------------------------

static int spot_open(const char *path, struct spot *out)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    size_t size = slash == path ? 1 : (size_t)(name - path);
    if (!name[0])
        return -EISDIR;
    if (size >= sizeof(folder))
        return -ENAMETOOLONG;
    memcpy(folder, slash ? path : ".", slash ? size : 1);
    folder[slash ? size : 1] = '\0';
    int fd;
    int result = lock_folder(folder, &fd);
    if (result < 0)
        return result;
    *out = (struct spot){.folder_fd = fd, .path = path, .name = name};
    return 0;
}

static void spot_close(const struct spot *spot)
{
    (void)close(spot->folder_fd);
}

// --- what is there already -----------------------------------------------------------------------

// What stands at the spot: 0 and its identity: a socket that nobody listens at; -ENOENT: nothing;
// -EADDRINUSE: somebody listens, and who; -EEXIST: no socket of this kind; or another -errno.
static int spot_examine(const struct spot *spot, struct stat *out, pid_t *holder)
{
    struct socket_peer peer = {0};
    int connection = -1;
    int file_fd = openat(spot->folder_fd, spot->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (file_fd < 0)
        return -errno;
    int result = check_is_socket(file_fd, out);
    if (result == 0)
        result = connect_file(file_fd, spot->path, HOLDER_PATIENCE, &connection);
    (void)close(file_fd);
    if (result == 0) {
        (void)socket_read_peer(connection, &peer);
        (void)close(connection);
    }
    *holder = peer.pid;
    if (result == 0 || result == -ETIMEDOUT)
        return -EADDRINUSE;
    if (result == -ECONNREFUSED)
        return 0;
    return result == -ENOTSOCK || result == -EPROTOTYPE ? -EEXIST : result;
}

// Removes the file that was examined, and no other: whatever stands there is moved aside first.
static int spot_remove(const struct spot *spot, const struct stat *examined)
{
    char aside[32];
    struct stat moved;
    (void)snprintf(aside, sizeof(aside), ".%d.old", getpid());
    if (renameat2(spot->folder_fd, spot->name, spot->folder_fd, aside, 0) < 0)
        return -errno;
    if (fstatat(spot->folder_fd, aside, &moved, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (moved.st_dev == examined->st_dev && moved.st_ino == examined->st_ino)
        return unlinkat(spot->folder_fd, aside, 0) < 0 ? -errno : 0;
    if (renameat2(spot->folder_fd, aside, spot->folder_fd, spot->name, RENAME_NOREPLACE) < 0)
        return -errno;
    return -EEXIST;
}

static int spot_clear(const struct spot *spot, pid_t *holder)
{
    struct stat status = {0};
    int result = spot_examine(spot, &status, holder);
    return result == 0 ? spot_remove(spot, &status) : result;
}

int socket_remove_stale(const char *path)
{
    struct spot spot;
    pid_t holder;
    int result = spot_open(path, &spot);
    if (result < 0)
        return result;
    result = spot_clear(&spot, &holder);
    spot_close(&spot);
    return result;
}

// --- listening -----------------------------------------------------------------------------------

// The address of `name` in the folder of the spot: the plain one if that is short enough, since it
// is what ss(8) shows; else by the folder's descriptor.
static int new_address(const struct spot *spot, const char *name, struct sockaddr_un *out)
{
    char text[sizeof(out->sun_path)];
    int folder_size = (int)(spot->name - spot->path);
    int size = snprintf(text, sizeof(text), "%.*s%s", folder_size, spot->path, name);
    if (size < 0 || (size_t)size >= sizeof(text)) {
        if (access("/proc/self/fd", F_OK) < 0)
            return -ENAMETOOLONG;
        (void)snprintf(text, sizeof(text), "/proc/self/fd/%d/%s", spot->folder_fd, name);
    }
    (void)address_of(text, out);
    return 0;
}

// A listener that has the name `name`, which is left by nobody else but a dead process of our pid.
// The mode that the socket has before bind(2) is the one that its file is made with.
static int listen_as(const struct spot *spot, const char *name, int backlog, int *out)
{
    struct sockaddr_un address;
    int fd = -1;
    int result = new_address(spot, name, &address);
    if (result < 0)
        return result;
    result = new_socket(SOCK_NONBLOCK, &fd);
    if (result < 0)
        return result;
    (void)unlinkat(spot->folder_fd, name, 0);
    if (fchmod(fd, 0600) < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        fchmodat(spot->folder_fd, name, 0600, 0) < 0 || // whatever the umask took away
        listen(fd, backlog) < 0) {
        result = -errno;
        (void)unlinkat(spot->folder_fd, name, 0);
        (void)close(fd);
        return result;
    }
    *out = fd;
    return 0;
}

static int spot_listen(const struct spot *spot, int backlog, int *out, pid_t *holder)
{
    char name[32];
    int listener = -1;
    int result = spot_clear(spot, holder);
    if (result < 0 && result != -ENOENT)
        return result;
    (void)snprintf(name, sizeof(name), ".%d.new", getpid());
    result = listen_as(spot, name, backlog, &listener);
    if (result < 0)
        return result;
    if (linkat(spot->folder_fd, name, spot->folder_fd, spot->name, 0) < 0) {
        result = -errno;
        if (result == -EEXIST && spot_examine(spot, &(struct stat){0}, holder) == -EADDRINUSE)
            result = -EADDRINUSE; // where there are no locks
    }
    (void)unlinkat(spot->folder_fd, name, 0);
    if (result < 0)
        (void)close(listener);
    else
        *out = listener;
    return result;
}

static int listen_failed(const char *path, int result, pid_t holder, struct error *error)
{
    int code = -result;
    if (code == EADDRINUSE && holder > 0)
        return error_set(error, code, "process %d listens at %s already", holder, path);
    if (code == EADDRINUSE)
        return error_set(error, code, "another process listens at %s already", path);
    if (code == EEXIST)
        return error_set(error, code, "%s is no stream socket; move it out of the way", path);
    if (code == ETIMEDOUT)
        return error_set(error, code, "the folder of %s is locked by another process", path);
    if (code == ENAMETOOLONG)
        return error_set(error, code, "%s is too long for a socket without /proc", path);
    return error_set(error, code, "cannot listen at %s: %s", path, strerror(code));
}

int socket_listen(const char *path, int backlog, int *out, pid_t *holder, struct error *error)
{
    struct spot spot;
    pid_t found = 0;
    int result = spot_open(path, &spot);
    if (result == 0) {
        result = spot_listen(&spot, backlog, out, &found);
        spot_close(&spot);
    }
    if (result < 0 && holder)
        *holder = found;
    return result < 0 ? listen_failed(path, result, found, error) : 0;
}

int socket_listen_again(int listener, int backlog)
{
    return listen(listener, backlog) < 0 ? -errno : 0;
}

void socket_close(int listener)
{
    (void)shutdown(listener, SHUT_RDWR);
    (void)close(listener);
}
