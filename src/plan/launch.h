// SPDX-License-Identifier: MIT
// How a process is started: its argument vector, environment and directory, from the plan.
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "plan/plan.h"

// All texts and tables are in the arena that launch_make was given. argv[0] is as the user wrote
// it, still to be searched in the launch's own PATH.
struct launch {
    char **argv; // NULL-terminated
    char **envp; // NULL-terminated, "NAME=value", each name once
    size_t argc;
    size_t envc;
    const char *directory;
    bool by_shell;    // argv is /bin/sh -c …
    bool keeps_shell; // …which stays the parent of what it runs
};

// Makes the launch of process `id`. `inherited` is the supervisor's own environment
// (NULL-terminated); the plan's files beat it, the type's own variables beat those, PORT and PS
// beat all. `marker` ("FORMATION_ID=…", may be NULL) is added last; with one the process is
// supervised, and gets nothing that an init has told the supervisor (NOTIFY_SOCKET, LISTEN_FDS, …).
// With `user:` it has the HOME, USER, LOGNAME and SHELL of that user.
// Returns 0, -ENOMEM, or -E2BIG with a sentence that names the process.
int launch_make(const struct plan *plan, struct process_id id, char *const *inherited,
                const char *marker, struct arena *arena, struct launch *out, struct error *error);

// Adds a variable, or changes it. 0 or -ENOMEM.
int launch_put(struct launch *launch, struct arena *arena, const char *name, const char *value);

// True when `command` needs no shell: words separated by blanks, none of the characters that mean
// something to sh, no assignment in front and no shell built-in as its first word.
bool launch_is_plain(struct str command);

// The value of NAME in the launch's environment, or NULL.
const char *launch_variable(const struct launch *launch, const char *name);
