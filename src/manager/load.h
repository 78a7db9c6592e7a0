// SPDX-License-Identifier: MIT
// From the files of an app to its plan: which files count, what they say together, and whether what
// they name is there.
#pragma once

#include "base/arena.h"
#include "config/assemble.h"
#include "config/diagnostic.h"
#include "config/options.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stddef.h>

// All functions return 0; -EINVAL when an error was added to `diagnostics`; or -ENOMEM.

// What the files say, parsed, not yet put together.
struct loaded {
    struct arena arena; // owns all of it
    const char *root;   // absolute
    const char *procfile_path;
    bool has_procfile;
    struct procfile procfile;
    bool has_declaration;
    struct declaration declaration;
    bool types_are_known; // no error in either
    struct dotenv *env_files;
    size_t env_file_count;
};

// Fills what the command line left unsaid from ./.foreman, if there is one. Texts are in `arena`.
int load_defaults(struct options *options, struct arena *arena, struct diagnostics *diagnostics);

// Reads Procfile, formation.yaml and .env files. Only a file that was asked for by name must exist;
// everything wrong in all of them is found at once. `lint` also warns of .env lines that tools read
// differently. In any case free `out` by loaded_fini().
int load_files(const struct options *options, bool lint, struct diagnostics *diagnostics,
               struct loaded *out);
void loaded_fini(struct loaded *loaded);

// Asks the machine who the users and groups of all types are.
int load_accounts(struct loaded *loaded, struct diagnostics *diagnostics);

// Reports what this process may not give to processes of that type.
void load_check_rights(const struct loaded *loaded, const struct process_type *type,
                       struct diagnostics *diagnostics);

// Puts it together, unless the types are not known. `inherited` is our own environment
// (NULL-terminated). The caller frees *out by plan_free; on failure it is NULL.
int load_assemble(const struct loaded *loaded, const struct options *options,
                  char *const *inherited, struct diagnostics *diagnostics, struct plan **out);

// Searches, for every type that is to run, its directory and the program that is executed directly
// (what a shell will execute, only the shell can tell).
int load_check_programs(const struct plan *plan, char *const *inherited,
                        struct diagnostics *diagnostics);

// Warns of sinks that could not be written to now: where a file or its folders cannot be made, and
// where nobody listens on this machine.
void load_check_sinks(const struct plan *plan, struct diagnostics *diagnostics);

// All of it: a plan that can be started. Warns of commands that daemonize.
int load_plan(const struct options *options, char *const *inherited,
              struct diagnostics *diagnostics, struct plan **out);
