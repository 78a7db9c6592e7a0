// SPDX-License-Identifier: MIT
// Links are followed: people link their logs to another disk, and who may write into the folder may
// replace the log anyway. (What strangers link in /tmp, the kernel refuses: protected_symlinks.)
//
// A rename is not made durable by fsync(2) of the folder: after a power failure the file has the
// old name or the new one, and is complete either way.
#include "os/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

// Folders that are made for one log. A path that lacks more of them is a mistake.
enum { FOLDERS = 8 };

#define LOOK_INTERVAL NSEC_PER_SEC

static nsec_t moment(struct statx_timestamp time)
{
    return time.tv_sec * NSEC_PER_SEC + time.tv_nsec;
}

static int open_failed(const char *path, int code, struct error *error)
{
    if (code == EISDIR)
        return error_set(error, code, "%s is a directory, not a file", path);
    return error_set(error, code, "%s cannot be opened for writing: %s", path, strerror(code));
}

// /dev/null, zero or full: nothing waits there, and nothing is broken by writing to it.
static bool is_harmless(const struct stat *status)
{
    enum { MEMORY_DEVICES = 1, NULL_DEVICE = 3, ZERO_DEVICE = 5, FULL_DEVICE = 7 };
    unsigned number = minor(status->st_rdev);
    return S_ISCHR(status->st_mode) && major(status->st_rdev) == MEMORY_DEVICES &&
           (number == NULL_DEVICE || number == ZERO_DEVICE || number == FULL_DEVICE);
}

static int check_kind(const char *path, const struct stat *status, struct error *error)
{
    const char *kind = S_ISFIFO(status->st_mode)   ? "named pipe"
                       : S_ISSOCK(status->st_mode) ? "socket"
                                                   : "device";
    if (S_ISREG(status->st_mode) || is_harmless(status))
        return 0;
    if (S_ISDIR(status->st_mode))
        return open_failed(path, EISDIR, error);
    return error_set(error, EINVAL, "%s is a %s, and a log has to be a file", path, kind);
}

// For whom the file is readable, the folder is open; the umask may take from that.
static mode_t folder_mode(unsigned mode)
{
    return (mode_t)(0700 | (mode & 0444) | (mode & 0444) >> 2);
}

// Makes the folders that are missing, from the first one down.
static int make_folders(const char *path, unsigned mode, struct error *error)
{
    char folder[PATH_MAX];
    size_t size = strnlen(path, sizeof(folder));
    if (size == sizeof(folder))
        return open_failed(path, ENAMETOOLONG, error);
    memcpy(folder, path, size + 1);
    char *ends[FOLDERS]; // of those that are missing, the lowest first
    int missing = 0;
    struct stat status;
    char *slash = strrchr(folder, '/');
    for (; slash && slash != folder; slash = strrchr(folder, '/')) {
        *slash = '\0';
        if (stat(folder, &status) == 0) {
            *slash = '/'; // up to the next one: the first that is missing
            break;
        }
        if (errno != ENOENT)
            return open_failed(path, errno, error);
        if (missing == FOLDERS)
            return error_set(error, ENOENT,
                             "%s is in a folder that does not exist, nor do %d above it", path,
                             FOLDERS);
        ends[missing++] = slash;
    }
    while (missing > 0) {
        if (mkdir(folder, folder_mode(mode)) < 0 && errno != EEXIST)
            return error_set(error, errno, "the folder %s of the log %s cannot be made: %s", folder,
                             path, strerror(errno));
        *ends[--missing] = '/';
    }
    return 0;
}

// A pipe without reader fails instead of waiting; for files the flag means nothing.
enum { HOW = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK };

// Whoever makes the file gives it its mode, whatever the umask is. What was there keeps its own.
static int open_or_make(const char *path, unsigned mode)
{
    int fd = open(path, HOW);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    fd = open(path, HOW | O_CREAT | O_EXCL, (mode_t)mode & 0600);
    if (fd >= 0)
        (void)fchmod(fd, (mode_t)mode);
    else if (errno == EEXIST) // made meanwhile, or a link to a file that is missing
        fd = open(path, HOW | O_CREAT, (mode_t)mode);
    return fd;
}

// A file that is opened while it has lines: the first came when it was born, or at the latest with
// the last one. Of one that was emptied in its life that is too early; it is put aside sooner,
// once.
static nsec_t first_line_at(int fd)
{
    struct statx status;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME | STATX_MTIME, &status) < 0)
        return NSEC_NEVER; // begins anew when it is looked at
    return moment(status.stx_mask & STATX_BTIME ? status.stx_btime : status.stx_mtime);
}

int logfile_open(struct logfile *file, const char *path, unsigned mode, struct error *error)
{
    struct stat status;
    int result = 0;
    // Opening is an event for the reader of a pipe, or a tape; so what is there is looked at first.
    if (stat(path, &status) == 0)
        result = check_kind(path, &status, error);
    else if (errno == ENOENT)
        result = make_folders(path, mode, error);
    if (result < 0)
        return result;
    int fd = open_or_make(path, mode);
    if (fd < 0)
        return open_failed(path, errno, error);
    result =
        fstat(fd, &status) < 0 ? open_failed(path, errno, error) : check_kind(path, &status, error);
    if (result < 0) {
        (void)close(fd);
        return result;
    }
    *file = (struct logfile){
        .fd = fd,
        .device = status.st_dev,
        .inode = status.st_ino,
        .is_regular = S_ISREG(status.st_mode),
        .size_bytes = S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0,
        .first_at = first_line_at(fd),
        .looked_at = -LOOK_INTERVAL,
    };
    return 0;
}

void logfile_close(struct logfile *file)
{
    if (file->fd >= 0)
        (void)close(file->fd);
    file->fd = -1;
}

void logfile_wrote(struct logfile *file, size_t bytes, nsec_t wall)
{
    if (!file->is_regular || bytes == 0)
        return;
    if (file->size_bytes == 0)
        file->first_at = wall;
    file->size_bytes += bytes;
}

static bool is_at(const struct logfile *file, const struct stat *status)
{
    return status->st_dev == file->device && status->st_ino == file->inode;
}

enum logfile_change logfile_look(struct logfile *file, const char *path, nsec_t now, nsec_t wall)
{
    struct stat status;
    if (now - file->looked_at < LOOK_INTERVAL)
        return LOGFILE_SAME;
    file->looked_at = now;
    if (file->first_at > wall) // the clock was set back: its age is counted anew
        file->first_at = wall;
    if (stat(path, &status) < 0 ? errno == ENOENT || errno == ENOTDIR : !is_at(file, &status))
        return LOGFILE_MOVED;
    if (!file->is_regular || fstat(file->fd, &status) < 0)
        return LOGFILE_SAME;
    uint64_t size_before = file->size_bytes;
    file->size_bytes = (uint64_t)status.st_size;
    if (file->size_bytes >= size_before)
        return LOGFILE_SAME;
    file->first_at = wall;
    return LOGFILE_EMPTIED;
}

bool logfile_has_name(const struct logfile *file)
{
    struct stat status;
    return fstat(file->fd, &status) < 0 || status.st_nlink > 0;
}
