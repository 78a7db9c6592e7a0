// SPDX-License-Identifier: MIT
// Opened without blocking, so that a named pipe without a writer is an empty file and no hang. The
// size is never asked for: what stat(2) says of a pipe or of a file in /proc is not true.
#include "os/file.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_failed(const char *path, int code, struct error *error)
{
    if (code == ENOENT)
        return error_set(error, code, "%s does not exist", path);
    if (code == EISDIR)
        return error_set(error, code, "%s is a directory, not a file", path);
    return error_set(error, code, "%s cannot be read: %s", path, strerror(code));
}

// Returns the number of bytes read, 0 at the end, or -errno.
static ssize_t read_some(int fd, char *bytes, size_t size)
{
    for (;;) {
        ssize_t count = read(fd, bytes, size);
        if (count >= 0)
            return count;
        if (errno == EAGAIN)
            (void)poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1);
        else if (errno != EINTR)
            return -errno;
    }
}

static int read_all(int fd, const char *path, size_t limit, struct buffer *out, struct error *error)
{
    enum { PIECE = 64 * 1024 };
    size_t size = 0;
    for (;;) {
        if (!buffer_reserve(out, PIECE))
            return read_failed(path, ENOMEM, error);
        ssize_t count = read_some(fd, out->bytes + out->size, PIECE);
        if (count < 0)
            return read_failed(path, (int)-count, error);
        if (count == 0)
            return 0;
        size += (size_t)count;
        if (size > limit)
            return error_set(error, EFBIG, "%s is larger than %zu MiB", path, limit >> 20);
        out->size += (size_t)count;
    }
}

int file_read(const char *path, size_t limit, struct buffer *out, struct error *error)
{
    size_t size_before = out->size;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return read_failed(path, errno, error);
    int result = read_all(fd, path, limit, out, error);
    if (result < 0)
        out->size = size_before;
    (void)close(fd);
    return result;
}

bool file_exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

int file_check_directory(const char *path)
{
    struct stat status;
    if (stat(path, &status) < 0)
        return -errno;
    if (!S_ISDIR(status.st_mode))
        return -ENOTDIR;
    return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

// Cuts the last component off. Returns false when there is none.
static bool to_folder(char *path)
{
    char *slash = strrchr(path, '/');
    if (strcmp(path, "/") == 0 || strcmp(path, ".") == 0)
        return false;
    if (!slash)
        memcpy(path, ".", sizeof("."));
    else
        slash[slash == path] = '\0';
    return true;
}

int file_check_writable(const char *path)
{
    char folder[PATH_MAX];
    struct stat status;
    size_t size = strlen(path);
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return -EISDIR;
    if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0)
        return 0;
    if (errno != ENOENT)
        return -errno;
    if (size >= sizeof(folder))
        return -ENAMETOOLONG;
    memcpy(folder, path, size + 1);
    while (to_folder(folder)) {
        if (stat(folder, &status) == 0 && !S_ISDIR(status.st_mode))
            return -ENOTDIR;
        if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0)
            return 0;
        if (errno != ENOENT)
            return -errno;
    }
    return -ENOENT;
}

char *file_absolute_path(const char *path)
{
    struct buffer out = {0};
    struct str rest = str_of(path);
    struct str part;
    bool goes_up = false;
    if (path[0] != '/') {
        char *current = get_current_dir_name();
        if (!current)
            return NULL;
        if (strcmp(current, "/") != 0)
            buffer_append_text(&out, current);
        free(current);
    }
    while (str_next(&rest, '/', &part)) {
        goes_up = goes_up || str_is(part, "..");
        if (part.size > 0 && !str_is(part, ".")) {
            buffer_append_char(&out, '/');
            buffer_append_str(&out, part);
        }
    }
    if (out.size == 0)
        buffer_append_char(&out, '/');
    buffer_append_char(&out, '\0');
    if (out.failed) {
        buffer_fini(&out);
        errno = ENOMEM;
    } else if (goes_up) { // only the kernel knows where that leads
        char *resolved = realpath(out.bytes, NULL);
        buffer_fini(&out);
        return resolved;
    }
    return out.bytes;
}
