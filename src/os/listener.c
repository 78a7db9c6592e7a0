// SPDX-License-Identifier: MIT
// "*" is one socket of IPv6 that takes IPv4, too, or, on a machine without IPv6, one of IPv4. All
// others of IPv6 are for IPv6 alone (IPV6_V6ONLY), whatever net.ipv6.bindv6only says.
#include "os/listener.h"

#include "os/diag.h"
#include "os/holder.h"
#include "os/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

union address {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
};

enum { SHOWN_BYTES = INET6_ADDRSTRLEN + sizeof("[]:65535") };

static const char *show(const struct listener_spec *spec, char out[SHOWN_BYTES])
{
    char host[INET6_ADDRSTRLEN] = "*";
    if (spec->family != AF_UNSPEC)
        (void)inet_ntop(spec->family, spec->host, host, sizeof(host));
    (void)snprintf(out, SHOWN_BYTES, spec->family == AF_INET6 ? "[%s]:%u" : "%s:%u", host,
                   spec->port);
    return out;
}

static socklen_t address_of(const struct listener_spec *spec, int family, union address *out)
{
    *out = (union address){0};
    out->any.sa_family = (sa_family_t)family;
    if (family == AF_INET) {
        out->ipv4.sin_port = htons(spec->port);
        memcpy(&out->ipv4.sin_addr, spec->host, sizeof(out->ipv4.sin_addr));
        return sizeof(out->ipv4);
    }
    out->ipv6.sin6_port = htons(spec->port);
    memcpy(&out->ipv6.sin6_addr, spec->host, sizeof(out->ipv6.sin6_addr));
    return sizeof(out->ipv6);
}

// The first port that everybody may have: ip(7).
static unsigned first_free_port(void)
{
    enum { USUAL = 1024 };
    char text[16] = "";
    int fd = open("/proc/sys/net/ipv4/ip_unprivileged_port_start", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        (void)close(fd);
    return size > 0 ? (unsigned)strtoul(text, NULL, 10) : USUAL;
}

static int say_in_use(const struct listener_spec *spec, const char *shown, struct error *error)
{
    struct holder holder;
    switch (holder_find(spec->family, spec->port, &holder)) {
    case HOLDER_FOUND:
        return error_set(error, EADDRINUSE, "%s is in use: process %d (%s) listens there", shown,
                         holder.pid, holder.name);
    case HOLDER_HIDDEN:
        return error_set(error, EADDRINUSE,
                         "%s is in use: a process of user %u listens there, which only that user "
                         "and root can name ('ss -ltnp' does)",
                         shown, holder.uid);
    case HOLDER_UNKNOWN:
        break;
    }
    return error_set(error, EADDRINUSE,
                     "%s is in use, though nobody listens there: some socket has been bound to it "
                     "('ss -tanp' shows whose)",
                     shown);
}

static int say_why(const struct listener_spec *spec, int code, struct error *error)
{
    char shown[SHOWN_BYTES];
    (void)show(spec, shown);
    switch (code) {
    case EADDRINUSE:
        return say_in_use(spec, shown, error);
    case EACCES:
        return error_set(error, code,
                         "%s needs more rights than the formation has: ports below %u are for root "
                         "and who has the capability net_bind_service; choose a higher one, lower "
                         "net.ipv4.ip_unprivileged_port_start, or have a socket unit of systemd "
                         "open it ('sockets')",
                         shown, first_free_port());
    case EADDRNOTAVAIL:
        return error_set(error, code,
                         "%s cannot be listened at: no interface of this machine has "
                         "that address",
                         shown);
    case EAFNOSUPPORT:
        return error_set(error, code, "%s cannot be listened at: this machine has no %s", shown,
                         spec->family == AF_INET ? "IPv4" : "IPv6");
    default:
        return error_set(error, code, "%s cannot be listened at: %s", shown, strerrordesc_np(code));
    }
}

// --- TCP

static int set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

// Returns a socket that is bound, or -errno.
static int bind_tcp(const struct listener_spec *spec, int family, int sharing)
{
    union address address;
    socklen_t size = address_of(spec, family, &address);
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int result = set(fd, SOL_SOCKET, sharing, 1);
    if (result == 0 && family == AF_INET6)
        result = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, spec->family == AF_INET6);
    if (result == 0 && bind(fd, &address.any, size) < 0)
        result = -errno;
    if (result < 0)
        (void)close(fd);
    return result < 0 ? result : fd;
}

static int bind_any(const struct listener_spec *spec, int sharing)
{
    if (spec->family != AF_UNSPEC)
        return bind_tcp(spec, spec->family, sharing);
    int fd = bind_tcp(spec, AF_INET6, sharing);
    // Neither is there IPv6 where it was switched off: net.ipv6.conf.all.disable_ipv6.
    return fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL ? bind_tcp(spec, AF_INET, sharing) : fd;
}

static int open_tcp(const struct listener_spec *spec, int *out, struct error *error)
{
    int fd = bind_any(spec, SO_REUSEADDR);
    if (fd < 0)
        return say_why(spec, -fd, error);
    if (listen(fd, spec->backlog) < 0) { // somebody else was quicker, with SO_REUSEADDR, too
        int code = errno;
        (void)close(fd);
        return say_why(spec, code, error);
    }
    *out = fd;
    return 0;
}

int listener_check_shared(const struct listener_spec *spec, struct error *error)
{
    int fd = bind_any(spec, SO_REUSEPORT);
    if (fd < 0)
        return say_why(spec, -fd, error);
    (void)close(fd);
    return 0;
}

// --- unix

static int tune_file(const struct listener_spec *spec, struct error *error)
{
    if (chown(spec->path, spec->uid, spec->gid) < 0)
        return error_set(error, errno, "%s cannot be given to user or group: %s", spec->path,
                         strerrordesc_np(errno));
    if (chmod(spec->path, spec->mode) < 0)
        return error_set(error, errno, "%s cannot be given its mode: %s", spec->path,
                         strerrordesc_np(errno));
    return 0;
}

static int say_no_folder(const char *path, int result, struct error *error)
{
    const char *slash = strrchr(path, '/');
    if (result == -ENOENT)
        return error_set(error, ENOENT, "%s cannot be made: there is no folder %.*s", path,
                         slash > path ? (int)(slash - path) : 1, path);
    return result;
}

static int open_unix(const struct listener_spec *spec, int *out, struct error *error)
{
    pid_t pid = 0;
    int fd;
    int result = socket_listen(spec->path, spec->backlog, &fd, &pid, error);
    if (result == -EADDRINUSE && pid > 0) {
        struct holder holder = {.pid = pid};
        holder_name(&holder);
        return error_set(error, EADDRINUSE, "%s is in use: process %d (%s) listens there",
                         spec->path, pid, holder.name);
    }
    if (result < 0)
        return say_no_folder(spec->path, result, error);
    (void)fcntl(fd, F_SETFL, 0); // not O_NONBLOCK
    result = tune_file(spec, error);
    if (result < 0) {
        listener_remove_file(fd, spec->path);
        (void)close(fd);
        return result;
    }
    *out = fd;
    return 0;
}

static void take_unix(const struct diag_unix *socket, void *context)
{
    *(struct diag_unix *)context = *socket;
}

// Without CONFIG_UNIX_DIAG it is left, and replaced by whoever wants its place.
void listener_remove_file(int listener, const char *path)
{
    struct diag_unix found = {0};
    struct stat own;
    struct stat file;
    if (fstat(listener, &own) < 0 ||
        diag_each_unix(~0U, (uint32_t)own.st_ino, take_unix, &found) < 0 ||
        lstat(path, &file) < 0 || found.file_inode == 0)
        return;
    if (S_ISSOCK(file.st_mode) && (uint32_t)file.st_ino == found.file_inode)
        (void)unlink(path);
}

// --- either

int listener_open(const struct listener_spec *spec, int *out, struct error *error)
{
    return spec->family == AF_UNIX ? open_unix(spec, out, error) : open_tcp(spec, out, error);
}

int listener_tune(int listener, const struct listener_spec *spec, struct error *error)
{
    if (listen(listener, spec->backlog) < 0)
        return error_set(error, errno, "the backlog cannot be changed: %s", strerrordesc_np(errno));
    return spec->family == AF_UNIX ? tune_file(spec, error) : 0;
}
