// SPDX-License-Identifier: MIT
// Relative names are looked up through a descriptor of the directory and handed on unchanged: a
// script that is started as ./bin/web shall find just that in its $0.
#include "os/program.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <paths.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// 0, -EACCES when it is there but no program, or -ENOENT.
static int check_program(int directory_fd, const char *path)
{
    struct stat status;
    if (fstatat(directory_fd, path, &status, 0) < 0)
        return errno == EACCES ? -EACCES : -ENOENT;
    if (!S_ISREG(status.st_mode))
        return -EACCES;
    return faccessat(directory_fd, path, X_OK, AT_EACCESS) < 0 ? -EACCES : 0;
}

static int search(int directory_fd, const char *name, const char *path, char out[PATH_MAX])
{
    struct str rest = str_of(path ? path : _PATH_DEFPATH);
    struct str folder;
    int result = -ENOENT;
    while (str_next(&rest, ':', &folder)) {
        char candidate[PATH_MAX];
        const char *slash = folder.size ? "/" : "./"; // an empty entry is the directory itself
        int length = snprintf(candidate, PATH_MAX, "%.*s%s%s", STR_ARGS(folder), slash, name);
        if (length >= PATH_MAX)
            continue;
        int found = check_program(directory_fd, candidate);
        if (found == 0) {
            memcpy(out, candidate, (size_t)length + 1);
            return 0;
        }
        if (found == -EACCES) // remembered, as execvp does: a better one may follow
            result = -EACCES;
    }
    return result;
}

int program_find(const char *name, const char *path, const char *directory, char out[PATH_MAX])
{
    if (name[0] == '\0')
        return -ENOENT;
    if (strlen(name) >= PATH_MAX)
        return -ENAMETOOLONG;
    int directory_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory_fd < 0)
        return -errno;
    int result;
    if (strchr(name, '/')) {
        result = check_program(directory_fd, name);
        if (result == 0)
            memcpy(out, name, strlen(name) + 1);
    } else {
        result = search(directory_fd, name, path, out);
    }
    (void)close(directory_fd);
    return result;
}

int program_check_interpreter(const char *path, const char *directory, char out[PATH_MAX])
{
    char start[256]; // what the kernel looks at (BINPRM_BUF_SIZE)
    int directory_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = directory_fd < 0 ? -1 : openat(directory_fd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, start, sizeof(start));
    struct str line = str_from(start, size > 0 ? (size_t)size : 0);
    int result = 0;
    if (str_starts_with(line, "#!")) {
        struct stat status;
        line = str_trim(str_slice(line, 2, str_find_char(line, '\n')));
        line = str_slice(line, 0, str_find_char(line, ' '));
        line = str_slice(line, 0, str_find_char(line, '\t'));
        char name[sizeof(start)];
        (void)snprintf(name, sizeof(name), "%.*s", STR_ARGS(line));
        if (fstatat(directory_fd, name, &status, 0) < 0 && errno == ENOENT) {
            memcpy(out, name, sizeof(name));
            result = -ENOENT;
        }
    }
    if (fd >= 0)
        (void)close(fd);
    if (directory_fd >= 0)
        (void)close(directory_fd);
    return result;
}
