// SPDX-License-Identifier: MIT
// All sources together make one plan, or a list of what does not fit.
#pragma once

#include "config/declaration.h"
#include "config/diagnostic.h"
#include "config/dotenv.h"
#include "config/options.h"
#include "config/procfile.h"
#include "plan/plan.h"

#include <stddef.h>

struct plan_sources {
    const struct procfile *procfile;       // NULL: there is none
    const struct declaration *declaration; // NULL: there is none
    const struct dotenv *env_files;        // a later one beats an earlier one
    size_t env_file_count;
    const struct options *options;
    const char *inherited_port; // PORT in our own environment, or NULL
    const char *app;            // the name when formation.yaml gives none: the root folder's
    const char *root;           // absolute
};

// Copies all it needs out of the sources. Returns 0, -EINVAL when there is any error in
// `diagnostics`, or -ENOMEM. The caller frees *out by plan_free; on failure it is NULL.
int plan_assemble(const struct plan_sources *sources, struct plan **out,
                  struct diagnostics *diagnostics);
