// SPDX-License-Identifier: MIT
// Where a program is: the search of execvp(3), done before anything is started.
#pragma once

#include <limits.h>

// Searches `name` for a process that will run in `directory`: in the list `path` (NULL: the
// system's default), or as it stands when it has a slash. `out` is what to execute from within that
// directory. Returns 0, -ENOENT, -EACCES (it is there but not executable), -ENAMETOOLONG, or why
// `directory` cannot be opened.
int program_find(const char *name, const char *path, const char *directory, char out[PATH_MAX]);

// Whether the interpreter that a script names in its first line is there: execve(2) says of a
// missing one only that "no such file" exists. `path` is of program_find(). Returns 0, also for
// what is no script or cannot be read; or -ENOENT and its name in `out`.
int program_check_interpreter(const char *path, const char *directory, char out[PATH_MAX]);
