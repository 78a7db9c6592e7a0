// SPDX-License-Identifier: MIT
// libzstd is loaded here and not linked: the guard, the manager and the witness run the same
// program, and would each pay for a library that only a child of a few seconds needs.
#include "os/compress.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

// The name of the ABI that <zstd.h> describes: Debian's package libzstd1.
static const char library[] = "libzstd.so.1";

enum { LEVEL = 3 }; // what zstd(1) does unless told otherwise

#define ZSTD_CALLS(CALL)                                                                           \
    CALL(ZSTD_createCCtx)                                                                          \
    CALL(ZSTD_freeCCtx)                                                                            \
    CALL(ZSTD_CCtx_setParameter)                                                                   \
    CALL(ZSTD_compressStream2)                                                                     \
    CALL(ZSTD_CStreamInSize)                                                                       \
    CALL(ZSTD_CStreamOutSize)                                                                      \
    CALL(ZSTD_isError)                                                                             \
    CALL(ZSTD_getErrorName)

struct zstd {
    void *handle;
#define CALL(name) __typeof__(name) *name;
    ZSTD_CALLS(CALL)
#undef CALL
};

struct compression {
    const char *path;
    struct error *error;
    struct zstd zstd;
    ZSTD_CCtx *context;
    void *in;
    void *out;
    int from;
    int to;
    uint64_t read_bytes;
    char partial[PATH_MAX];
    char whole[PATH_MAX];
};

static int fail(const struct compression *compression, int code, const char *what)
{
    return error_set(compression->error, code, "%s cannot be compressed: %s%s%s", compression->path,
                     what, what[0] ? ": " : "", strerror(code));
}

static int load(struct compression *compression)
{
    struct zstd *zstd = &compression->zstd;
    zstd->handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    bool is_whole = zstd->handle != NULL;
#define CALL(name)                                                                                 \
    if (is_whole) {                                                                                \
        void *address = dlsym(zstd->handle, #name);                                                \
        memcpy(&zstd->name, &address, sizeof(address));                                            \
        is_whole = address != NULL;                                                                \
    }
    ZSTD_CALLS(CALL)
#undef CALL
    if (!is_whole)
        return error_set(compression->error, ELIBACC,
                         "%s cannot be compressed: there is no %s (Debian's package libzstd1)",
                         compression->path, library);
    return 0;
}

bool compress_is_possible(void)
{
    struct compression compression = {.path = ""};
    bool is_possible = load(&compression) == 0;
    if (compression.zstd.handle)
        (void)dlclose(compression.zstd.handle);
    return is_possible;
}

static bool prepare(struct compression *compression)
{
    const struct zstd *zstd = &compression->zstd;
    compression->context = zstd->ZSTD_createCCtx();
    compression->in = malloc(zstd->ZSTD_CStreamInSize());
    compression->out = malloc(zstd->ZSTD_CStreamOutSize());
    ZSTD_CCtx *context = compression->context;
    return context && compression->in && compression->out &&
           !zstd->ZSTD_isError(
               zstd->ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, LEVEL)) &&
           !zstd->ZSTD_isError(zstd->ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1));
}

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t count = write(fd, bytes, size);
        if (count < 0 && errno != EINTR)
            return -errno;
        bytes += count > 0 ? count : 0;
        size -= count > 0 ? (size_t)count : 0;
    }
    return 0;
}

// Takes in what was read; at the `end` also writes out what is held back.
static int pass_on(struct compression *compression, size_t size, bool end)
{
    const struct zstd *zstd = &compression->zstd;
    ZSTD_inBuffer in = {compression->in, size, 0};
    for (;;) {
        ZSTD_outBuffer out = {compression->out, zstd->ZSTD_CStreamOutSize(), 0};
        size_t left = zstd->ZSTD_compressStream2(compression->context, &out, &in,
                                                 end ? ZSTD_e_end : ZSTD_e_continue);
        if (zstd->ZSTD_isError(left))
            return error_set(compression->error, EIO, "%s cannot be compressed: %s",
                             compression->path, zstd->ZSTD_getErrorName(left));
        int result = write_all(compression->to, compression->out, out.pos);
        if (result < 0)
            return fail(compression, -result, compression->partial);
        if (end ? left == 0 : in.pos == in.size)
            return 0;
    }
}

static int copy(struct compression *compression)
{
    const size_t room = compression->zstd.ZSTD_CStreamInSize();
    for (;;) {
        ssize_t size = read(compression->from, compression->in, room);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return fail(compression, errno, "");
        compression->read_bytes += (uint64_t)size;
        int result = pass_on(compression, (size_t)size, size == 0);
        if (result < 0 || size == 0)
            return result;
    }
}

// Whether the path still leads to this file: somebody else may have compressed or deleted it.
static bool is_there(const char *path, int fd)
{
    struct stat status, open_status;
    return lstat(path, &status) == 0 && fstat(fd, &open_status) == 0 &&
           status.st_dev == open_status.st_dev && status.st_ino == open_status.st_ino;
}

static int busy(const struct compression *compression, const char *why)
{
    return error_set(compression->error, EBUSY, "%s cannot be compressed: %s", compression->path,
                     why);
}

// 1: there is one to be compressed; 0: there is none, or none any more.
static int open_source(struct compression *compression)
{
    struct stat status;
    compression->from =
        open(compression->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (compression->from < 0)
        return errno == ENOENT ? 0 : fail(compression, errno, "");
    if (fstat(compression->from, &status) < 0)
        return fail(compression, errno, "");
    if (!S_ISREG(status.st_mode))
        return error_set(compression->error, EINVAL, "%s cannot be compressed: it is not a file",
                         compression->path);
    // Where there are no locks, two at once are told apart by their partial files in the end.
    if (flock(compression->from, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return busy(compression, "that is being done already");
    return is_there(compression->path, compression->from);
}

static int open_target(struct compression *compression)
{
    if (unlink(compression->partial) < 0 && errno != ENOENT)
        return fail(compression, errno, compression->partial);
    compression->to =
        open(compression->partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
    return compression->to < 0 ? fail(compression, errno, compression->partial) : 0;
}

// Owner before mode: changing it may clear bits of the mode. One who may not change it is it.
static int dress(const struct compression *compression)
{
    struct stat status;
    if (fstat(compression->from, &status) < 0)
        return fail(compression, errno, "");
    if ((uint64_t)status.st_size != compression->read_bytes)
        return busy(compression, "somebody still writes to it");
    if (fchown(compression->to, status.st_uid, status.st_gid) < 0 && errno != EPERM)
        return fail(compression, errno, compression->partial);
    const struct timespec times[] = {status.st_atim, status.st_mtim};
    if (fchmod(compression->to, status.st_mode & 07777) < 0 ||
        futimens(compression->to, times) < 0 || fsync(compression->to) < 0)
        return fail(compression, errno, compression->partial);
    return 0;
}

// The new name has to be on the disk before the old file is gone from it.
static int settle_folder(const char *path)
{
    char folder[PATH_MAX];
    (void)snprintf(folder, sizeof(folder), "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder ? 1 : 0] = '\0';
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int result = fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
    (void)close(fd);
    return result;
}

static int replace(const struct compression *compression)
{
    if (!is_there(compression->partial, compression->to))
        return busy(compression, "somebody else does that at the same time");
    if (!is_there(compression->path, compression->from))
        return unlink(compression->partial) < 0 ? fail(compression, errno, "") : 0;
    if (rename(compression->partial, compression->whole) < 0)
        return fail(compression, errno, compression->whole);
    int result = settle_folder(compression->whole);
    if (result < 0)
        return fail(compression, -result, compression->whole);
    if (unlink(compression->path) < 0 && errno != ENOENT)
        return error_set(compression->error, errno, "%s is compressed but cannot be deleted: %s",
                         compression->path, strerror(errno));
    return 0;
}

static int compress(struct compression *compression)
{
    int result = open_source(compression);
    if (result <= 0)
        return result;
    result = load(compression);
    if (result == 0)
        result = prepare(compression) ? 0 : fail(compression, ENOMEM, "");
    if (result == 0)
        result = open_target(compression);
    if (result < 0)
        return result;
    result = copy(compression);
    if (result == 0)
        result = dress(compression);
    if (result == 0)
        result = replace(compression);
    if (result < 0 && is_there(compression->partial, compression->to))
        (void)unlink(compression->partial); // a full disk shall have the room back
    return result;
}

static void end(struct compression *compression)
{
    if (compression->context)
        (void)compression->zstd.ZSTD_freeCCtx(compression->context);
    free(compression->in);
    free(compression->out);
    if (compression->from >= 0)
        (void)close(compression->from);
    if (compression->to >= 0)
        (void)close(compression->to);
    if (compression->zstd.handle)
        (void)dlclose(compression->zstd.handle);
}

static bool name_partial(const char *path, char out[PATH_MAX])
{
    int size = snprintf(out, PATH_MAX, "%s.zst.partial", path);
    return size >= 0 && size < PATH_MAX;
}

void compress_discard(const char *path)
{
    char partial[PATH_MAX];
    if (name_partial(path, partial))
        (void)unlink(partial);
}

int compress_file(const char *path, struct error *error)
{
    struct compression compression = {.path = path, .error = error, .from = -1, .to = -1};
    if (!name_partial(path, compression.partial))
        return fail(&compression, ENAMETOOLONG, "");
    (void)snprintf(compression.whole, sizeof(compression.whole), "%s.zst", path);
    int result = compress(&compression);
    end(&compression);
    return result;
}
