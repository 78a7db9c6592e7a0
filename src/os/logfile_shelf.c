// SPDX-License-Identifier: MIT
// What lies beside a log file: found by name each time, so that there is no list to get out of step
// with what people, logrotate and earlier formations did in that folder.
#include "os/logfile.h"

#include "base/limits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void logfile_shelf_fini(struct logfile_shelf *shelf)
{
    for (size_t i = 0; i < shelf->count; i++)
        free(shelf->entries[i].name);
    free(shelf->entries);
    free(shelf->folder);
    free(shelf->live);
    *shelf = (struct logfile_shelf){0};
}

static int compare(const void *a, const void *b)
{
    const struct logfile_entry *left = a;
    const struct logfile_entry *right = b;
    return strcmp(left->name, right->name);
}

// Cuts the path of the file itself, which it takes over, in two.
static int find(struct logfile_shelf *shelf, char *real)
{
    char *slash = strrchr(real, '/');
    shelf->live = strdup(slash + 1);
    slash[slash == real ? 1 : 0] = '\0';
    shelf->folder = real;
    return shelf->live ? 0 : -ENOMEM;
}

static int add(struct logfile_shelf *shelf, const char *name, uint64_t bytes)
{
    if (shelf->count == shelf->capacity) {
        size_t capacity = shelf->capacity ? shelf->capacity * 2 : 16;
        void *grown = reallocarray(shelf->entries, capacity, sizeof(*shelf->entries));
        if (!grown)
            return -ENOMEM;
        shelf->entries = grown;
        shelf->capacity = capacity;
    }
    char *copy = strdup(name);
    if (!copy)
        return -ENOMEM;
    shelf->entries[shelf->count++] = (struct logfile_entry){copy, bytes};
    // cppcheck-suppress memleak // the entry has it
    return 0;
}

static int read_folder(struct logfile_shelf *shelf, logfile_is_ours *is_ours)
{
    struct str live = str_of(shelf->live);
    struct stat status;
    DIR *folder = opendir(shelf->folder);
    if (!folder)
        return -errno;
    int result = 0;
    while (result == 0 && shelf->count < LIMIT_SHELF) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (!entry) {
            result = -errno;
            break;
        }
        if (is_ours(live, str_of(entry->d_name)) &&
            fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(status.st_mode))
            result = add(shelf, entry->d_name, (uint64_t)status.st_size);
    }
    (void)closedir(folder);
    return result;
}

int logfile_list(struct logfile_shelf *shelf, const char *path, logfile_is_ours *is_ours,
                 struct error *error)
{
    struct logfile_shelf found = {0};
    char *real = realpath(path, NULL);
    int result = real ? find(&found, real) : -errno;
    if (real && result == 0)
        result = read_folder(&found, is_ours);
    if (result < 0) {
        logfile_shelf_fini(&found);
        return error_set(error, -result, "the folder of %s cannot be read: %s", path,
                         strerror(-result));
    }
    if (found.count > 0)
        qsort(found.entries, found.count, sizeof(*found.entries), compare);
    *shelf = found;
    return 0;
}

// Not onto a file that is there. Where the kernel or the file system cannot do both in one step, a
// name that carries the millisecond is looked for first.
static int rename_in(int folder, const char *from, const char *to)
{
    struct stat status;
    if (renameat2(folder, from, folder, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -errno;
    if (fstatat(folder, to, &status, AT_SYMLINK_NOFOLLOW) == 0)
        return -EEXIST;
    return renameat(folder, from, folder, to) < 0 ? -errno : 0;
}

int logfile_put_aside(const struct logfile *file, const struct logfile_shelf *shelf,
                      const char *name, struct error *error)
{
    struct stat status;
    int folder = open(shelf->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int result = folder < 0 ? -errno : 0;
    if (result == 0 && fstatat(folder, shelf->live, &status, AT_SYMLINK_NOFOLLOW) < 0)
        result = errno == ENOENT ? -ESTALE : -errno;
    if (result == 0 && (status.st_dev != file->device || status.st_ino != file->inode))
        result = -ESTALE;
    if (result == 0)
        result = rename_in(folder, shelf->live, name);
    if (folder >= 0)
        (void)close(folder);
    if (result == -ESTALE)
        return error_set(error, ESTALE, "%s/%s is another file than before", shelf->folder,
                         shelf->live);
    if (result < 0)
        return error_set(error, -result, "%s/%s cannot be renamed to %s: %s", shelf->folder,
                         shelf->live, name, strerror(-result));
    return 0;
}

int logfile_remove(const struct logfile_shelf *shelf, const char *name, struct error *error)
{
    int folder = open(shelf->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int result = folder < 0 || unlinkat(folder, name, 0) < 0 ? -errno : 0;
    if (folder >= 0)
        (void)close(folder);
    if (result == 0 || result == -ENOENT)
        return 0;
    return error_set(error, -result, "%s/%s cannot be deleted: %s", shelf->folder, name,
                     strerror(-result));
}
