// SPDX-License-Identifier: MIT
// Where a program is: the search of execvp(3), done before anything is started.
#pragma once

#include <limits.h>

// Searches `name` for a process that will run in `directory`: in the list `path` (NULL: the
// system's default), or as it stands when it has a slash. `out` is what to execute from within that
// directory. Returns 0, -ENOENT, -EACCES (it is there but not executable), -ENAMETOOLONG, or why
// `directory` cannot be opened.
int program_find(const char *name, const char *path, const char *directory, char out[PATH_MAX]);
