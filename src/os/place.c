// SPDX-License-Identifier: MIT
// A socket in a runtime folder is called after the app, for people, and after a hash of the app's
// folder, for us: of the real path, so that every way to the folder leads to it. Who was called by
// another path (`current`, a link that the next release moves) also gets a link by that path's
// hash, and is found by it wherever the link points by then. Who looks does not know what the one
// that listens had in its environment, so all folders are looked through where it can be.
#include "os/place.h"

#include "base/buffer.h"
#include "base/limits.h"
#include "os/file.h"
#include "os/lock.h"
#include "os/socket.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".sock"
enum { HASH_DIGITS = 12, TAIL_BYTES = 1 + HASH_DIGITS + sizeof(SUFFIX) - 1 };

// One that listens and does not take a connection within that time is there, and busy.
#define HOLDER_PATIENCE (NSEC_PER_SEC / 2)

// The app's folder by its two paths, which are mostly one.
struct app_folder {
    char *called;
    char *real;
};

// Which names of a runtime folder are wanted.
struct wanted {
    struct str app;      // as in names; empty: any
    const char *tail[2]; // "-HASH.sock"; NULL: any
};

// --- names ---------------------------------------------------------------------------------------

// "-HASH.sock" of a path: 48 bits of FNV-1a. Among a thousand apps of one user, two have the same
// hash with a probability of 2 in 10^9; nobody but the user can put one there.
static void tail_of(const char *path, char out[TAIL_BYTES + 1])
{
    uint64_t hash = 0xcbf29ce484222325;
    for (; *path; path++)
        hash = (hash ^ (unsigned char)*path) * 0x100000001b3;
    hash = (hash ^ hash >> 48) & 0xffffffffffff;
    (void)snprintf(out, TAIL_BYTES + 1, "-%0*" PRIx64 SUFFIX, HASH_DIGITS, hash);
}

// An app's name as part of a file name.
static void clean_name(struct str app, char out[LIMIT_NAME_BYTES + 1])
{
    size_t size = app.size < LIMIT_NAME_BYTES ? app.size : LIMIT_NAME_BYTES;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)app.bytes[i];
        out[i] = c <= ' ' || c == '/' || c == 0x7f || (c == '.' && i == 0) ? '_' : (char)c;
    }
    out[size] = '\0';
}

static void clean_name_of(const char *app, const char *real, char out[LIMIT_NAME_BYTES + 1])
{
    const char *last = strrchr(real, '/');
    const char *name = app && app[0] ? app : last && last[1] ? last + 1 : "app";
    clean_name(str_of(name), out);
}

static bool is_wanted(const struct wanted *wanted, struct str name)
{
    if (name.size <= TAIL_BYTES || name.bytes[0] == '.' || !str_ends_with(name, SUFFIX))
        return false;
    struct str app = str_slice(name, 0, name.size - TAIL_BYTES);
    struct str hash = str_slice(name, app.size + 1, app.size + 1 + HASH_DIGITS);
    if (name.bytes[app.size] != '-')
        return false;
    for (size_t i = 0; i < hash.size; i++)
        if (!strchr("0123456789abcdef", hash.bytes[i]))
            return false;
    if (wanted->app.size > 0 && !str_equal(wanted->app, app))
        return false;
    return !wanted->tail[0] || str_ends_with(name, wanted->tail[0]) ||
           str_ends_with(name, wanted->tail[1]);
}

__attribute__((format(printf, 1, 2))) static char *format_path(const char *format, ...)
{
    char *path = NULL;
    va_list arguments;
    va_start(arguments, format);
    int size = vasprintf(&path, format, arguments);
    va_end(arguments);
    return size < 0 ? NULL : path;
}

// --- folders -------------------------------------------------------------------------------------

// false, and errno, when the current folder is gone or memory is short.
static bool app_folder_init(struct app_folder *folder, const char *root)
{
    folder->called = file_absolute_path(root);
    if (!folder->called)
        return false;
    folder->real = realpath(folder->called, NULL);
    if (!folder->real) // it is gone; its formation may still be there
        folder->real = strdup(folder->called);
    if (folder->real)
        return true;
    free(folder->called);
    errno = ENOMEM;
    return false;
}

static void app_folder_fini(struct app_folder *folder)
{
    free(folder->called);
    free(folder->real);
}

// $XDG_RUNTIME_DIR, if it is what the specification asks for: absolute, there, and our own.
// `sudo -E` gives root that of somebody else.
static const char *runtime_folder(void)
{
    struct stat status;
    const char *folder = getenv("XDG_RUNTIME_DIR");
    if (!folder || folder[0] != '/' || stat(folder, &status) < 0 || !S_ISDIR(status.st_mode))
        return NULL;
    return status.st_uid == geteuid() && access(folder, W_OK | X_OK) == 0 ? folder : NULL;
}

// Makes a folder that is only the user's, or makes it so.
static int make_private_folder(const char *path)
{
    struct stat status;
    int result = 0;
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return -errno;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &status) < 0)
        result = -errno;
    else if (status.st_uid != geteuid() && geteuid() != 0)
        result = -EPERM;
    else if ((status.st_mode & 07777) != 0700 && fchmod(fd, 0700) < 0)
        result = -errno;
    (void)close(fd);
    return result;
}

// --- looking -------------------------------------------------------------------------------------

void place_list_fini(struct place_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->paths[i]);
    free(list->paths);
    *list = (struct place_list){0};
}

// Whether the list has the file at `path` by whatever path.
static bool has_file(const struct place_list *list, const char *path)
{
    struct stat wanted;
    struct stat status;
    if (stat(path, &wanted) < 0)
        return false;
    for (size_t i = 0; i < list->count; i++)
        if (stat(list->paths[i], &status) == 0 && status.st_dev == wanted.st_dev &&
            status.st_ino == wanted.st_ino)
            return true;
    return false;
}

// Takes `path`, which may be NULL: no memory.
static int add_path(struct place_list *list, char *path)
{
    if (path && has_file(list, path)) {
        free(path);
        return 0;
    }
    char **paths = path ? reallocarray(list->paths, list->count + 1, sizeof(*paths)) : NULL;
    if (!paths) {
        free(path);
        return -ENOMEM;
    }
    list->paths = paths;
    list->paths[list->count++] = path;
    return 0;
}

// Adds the socket `name` of a runtime folder, or the one that it is a link to. A link to nothing is
// not one: it is removed.
static int add_name(struct place_list *list, DIR *folder, const char *path, const char *name)
{
    char target[NAME_MAX + 1];
    struct stat status;
    ssize_t size = readlinkat(dirfd(folder), name, target, sizeof(target) - 1);
    if (size < 0)
        return add_path(list, format_path("%s/%s", path, name));
    target[size] = '\0';
    if (strchr(target, '/'))
        return 0;
    if (fstatat(dirfd(folder), target, &status, 0) == 0)
        return add_path(list, format_path("%s/%s", path, target));
    (void)unlinkat(dirfd(folder), name, 0);
    return 0;
}

// Takes `path` of a folder that need not be there.
static int add_wanted(struct place_list *list, char *path, const struct wanted *wanted)
{
    int result = 0;
    if (!path)
        return -ENOMEM;
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && result == 0 && (entry = readdir(folder));)
        if (is_wanted(wanted, str_of(entry->d_name)))
            result = add_name(list, folder, path, entry->d_name);
    if (folder)
        (void)closedir(folder);
    free(path);
    return result;
}

// In all runtime folders where a formation of this user, or for root of `owner`, may have put its
// socket.
static int add_from_runtime_folders(struct place_list *list, const struct wanted *wanted,
                                    uid_t owner)
{
    static const char of_user[] = "/run/user/%u/formation";
    const char *folder = getenv("XDG_RUNTIME_DIR");
    int result = 0;
    if (folder && folder[0] == '/')
        result = add_wanted(list, format_path("%s/formation", folder), wanted);
    if (result == 0)
        result = add_wanted(list, format_path(of_user, geteuid()), wanted);
    if (result == 0 && geteuid() == 0 && owner != 0)
        result = add_wanted(list, format_path(of_user, owner), wanted);
    return result;
}

static int find_of_folder(const struct app_folder *folder, struct place_list *out)
{
    char real[TAIL_BYTES + 1];
    char called[TAIL_BYTES + 1];
    struct stat status = {.st_uid = geteuid()};
    tail_of(folder->real, real);
    tail_of(folder->called, called);
    (void)stat(folder->real, &status);
    const struct wanted wanted = {.tail = {real, called}};
    int result = add_from_runtime_folders(out, &wanted, status.st_uid);
    if (result < 0)
        return result;
    char *beside = format_path("%s/.formation/control.sock", folder->real);
    if (beside && lstat(beside, &status) < 0 && errno != EACCES) {
        free(beside);
        return 0;
    }
    return add_path(out, beside);
}

int place_find(const char *root, struct place_list *out)
{
    struct app_folder folder;
    if (!app_folder_init(&folder, root))
        return -errno;
    int result = find_of_folder(&folder, out);
    app_folder_fini(&folder);
    if (result < 0)
        place_list_fini(out);
    return result;
}

int place_find_app(const char *app, struct place_list *out)
{
    char name[LIMIT_NAME_BYTES + 1];
    clean_name(str_of(app ? app : ""), name);
    const struct wanted wanted = {.app = str_of(name)};
    bool may_be = !app || wanted.app.size > 0;
    int result = may_be ? add_from_runtime_folders(out, &wanted, geteuid()) : 0;
    if (result < 0)
        place_list_fini(out);
    return result;
}

struct str place_app_of(const char *path)
{
    const char *last = strrchr(path, '/');
    struct str name = str_of(last ? last + 1 : path);
    return str_slice(name, 0, name.size > TAIL_BYTES ? name.size - TAIL_BYTES : 0);
}

// --- listening -----------------------------------------------------------------------------------

static int already_runs(const struct app_folder *folder, pid_t holder, struct error *error)
{
    if (holder > 0)
        return error_set(error, EADDRINUSE, "a formation of %s runs already: process %d",
                         folder->called, holder);
    return error_set(error, EADDRINUSE, "a formation of %s runs already", folder->called);
}

// 0 when no formation of the folder listens; what dead ones left is removed. Those of others that
// may not be asked do not count: they are not of this user's environment.
static int refuse_second(const struct app_folder *folder, struct error *error)
{
    struct place_list list = {0};
    struct socket_peer peer = {0};
    int result = find_of_folder(folder, &list);
    if (result < 0)
        (void)error_set(error, -result, "cannot look for other formations: %s", strerror(-result));
    for (size_t i = 0; i < list.count && result == 0; i++) {
        int connection;
        int connected = socket_connect(list.paths[i], HOLDER_PATIENCE, &connection);
        if (connected == -ECONNREFUSED)
            (void)socket_remove_stale(list.paths[i]);
        if (connected == 0) {
            (void)socket_read_peer(connection, &peer);
            (void)close(connection);
        }
        if (connected == 0 || connected == -ETIMEDOUT)
            result = already_runs(folder, peer.pid, error);
    }
    place_list_fini(&list);
    return result;
}

static int listen_at(const struct app_folder *folder, const char *path, int backlog, int *listener,
                     struct error *error)
{
    pid_t holder = 0;
    int result = socket_listen(path, backlog, listener, &holder, error);
    return result == -EADDRINUSE ? already_runs(folder, holder, error) : result;
}

static int listen_beside(const struct app_folder *folder, int backlog, int *listener,
                         struct error *error)
{
    char *private = format_path("%s/.formation", folder->real);
    char *path = format_path("%s/.formation/control.sock", folder->real);
    int result = private && path ? make_private_folder(private) : -ENOMEM;
    if (result == 0)
        result = listen_at(folder, path, backlog, listener, error);
    else if (result == -EPERM || result == -ENOTDIR)
        (void)error_set(error, -result, "%s is not a folder of this user", private);
    else
        (void)error_set(error, -result,
                        "%s/.formation cannot be made for the control socket: %s; set "
                        "XDG_RUNTIME_DIR to a folder of this user",
                        folder->real, strerror(-result));
    free(private);
    free(path);
    return result;
}

// The name by the path that the folder was called by is a convenience: without it the formation is
// found by the real one.
static void link_other_name(const struct app_folder *folder, const char *app, const char *runtime,
                            const char *path)
{
    char tail[TAIL_BYTES + 1];
    struct stat status;
    tail_of(folder->called, tail);
    char *other = format_path("%s/%s%s", runtime, app, tail);
    if (other && lstat(other, &status) == 0 && S_ISLNK(status.st_mode))
        (void)unlink(other);
    if (other)
        (void)!symlink(strrchr(path, '/') + 1, other);
    free(other);
}

static int listen_in_runtime(const struct app_folder *folder, const char *app, const char *runtime,
                             int backlog, int *listener, struct error *error)
{
    char name[LIMIT_NAME_BYTES + 1];
    char tail[TAIL_BYTES + 1];
    clean_name_of(app, folder->called, name);
    tail_of(folder->real, tail);
    char *path = format_path("%s/%s%s", runtime, name, tail);
    int result = path ? listen_at(folder, path, backlog, listener, error)
                      : error_set(error, ENOMEM, "no memory for the control socket's path");
    if (result == 0 && path && strcmp(folder->called, folder->real) != 0)
        link_other_name(folder, name, runtime, path);
    free(path);
    return result;
}

static int listen_somewhere(const struct app_folder *folder, const char *app, int backlog,
                            int *listener, struct error *error)
{
    const char *xdg = runtime_folder();
    char *runtime = xdg ? format_path("%s/formation", xdg) : NULL;
    int result = refuse_second(folder, error);
    if (result == 0 && runtime && make_private_folder(runtime) == 0)
        result = listen_in_runtime(folder, app, runtime, backlog, listener, error);
    else if (result == 0)
        result = listen_beside(folder, backlog, listener, error);
    free(runtime);
    return result;
}

int place_listen(const char *root, const char *app, int backlog, int *listener, struct error *error)
{
    struct app_folder folder;
    int lock = -1;
    int result;
    if (!app_folder_init(&folder, root))
        return error_set(error, errno, "%s: %s", root, strerror(errno));
    // Two that start at once may have different runtime folders: the app's own is common to them.
    if (lock_folder(folder.real, &lock) == -ETIMEDOUT)
        result = error_set(error, ETIMEDOUT, "%s is locked by another process", folder.called);
    else
        result = listen_somewhere(&folder, app, backlog, listener, error);
    if (lock >= 0)
        (void)close(lock);
    app_folder_fini(&folder);
    return result;
}

static int try_folder(const char *path, const char *above)
{
    if (access(path, W_OK | X_OK) == 0)
        return 0;
    return errno != ENOENT || access(above, W_OK | X_OK) < 0 ? -errno : 0;
}

static int try_in_runtime(const struct app_folder *folder, const char *app, const char *above,
                          char *path, size_t capacity)
{
    char name[LIMIT_NAME_BYTES + 1];
    char tail[TAIL_BYTES + 1];
    char *runtime = format_path("%s/formation", above);
    int result = runtime ? try_folder(runtime, above) : -ENOMEM;
    clean_name_of(app, folder->called, name);
    tail_of(folder->real, tail);
    if (runtime)
        (void)snprintf(path, capacity, "%s/%s%s", runtime, name, tail);
    free(runtime);
    return result;
}

int place_try(const char *root, const char *app, char *path, size_t capacity)
{
    struct app_folder folder;
    if (!app_folder_init(&folder, root))
        return -errno;
    const char *above = runtime_folder();
    int result = above ? try_in_runtime(&folder, app, above, path, capacity) : -ENOENT;
    if (result < 0) {
        char *private = format_path("%s/.formation", folder.real);
        result = private ? try_folder(private, folder.real) : -ENOMEM;
        (void)snprintf(path, capacity, "%s/.formation/control.sock", folder.real);
        free(private);
    }
    app_folder_fini(&folder);
    return result;
}

void place_leave(const char *root, int listener)
{
    struct place_list list = {0};
    socket_close(listener);
    if (place_find(root, &list) < 0)
        return;
    for (size_t i = 0; i < list.count; i++)
        (void)socket_remove_stale(list.paths[i]);
    place_list_fini(&list);
    (void)place_find(root, &list); // removes links to what is gone now
    place_list_fini(&list);
}
