// SPDX-License-Identifier: MIT
// Files that people wrote, read whole or refused with the reason.
#pragma once

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

// Appends the whole file to `out`. A pipe (`-f <(generate)`) is read to its end. Returns 0,
// -ENOENT, -EISDIR, -EFBIG (more than `limit` bytes), -ENOMEM or another -errno, with a sentence
// that names the path.
int file_read(const char *path, size_t limit, struct buffer *out, struct error *error);

// Whether there is a file, or anything else, of that name. A name that may not be looked up counts
// as there: opening it then tells why.
bool file_exists(const char *path);

// 0 if a process can be started in that directory; -ENOENT, -ENOTDIR or -EACCES.
int file_check_directory(const char *path);

// 0 if that file can be written, or be made together with the folders that lack; -EISDIR, -ENOTDIR,
// -EACCES, -EROFS or another -errno. Nothing is changed.
int file_check_writable(const char *path);

// The path from the root folder, links unresolved as the shell shows them, so that a `current` that
// is pointed elsewhere is followed. Free it. NULL and errno when the current folder is gone, or
// when `path` has a ".." and does not exist.
char *file_absolute_path(const char *path);
