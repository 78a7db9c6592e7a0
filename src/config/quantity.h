// SPDX-License-Identifier: MIT
// How many of each type: -m, --except and the names on the command line, over what was declared.
#pragma once

#include "config/diagnostic.h"
#include "config/options.h"
#include "plan/plan.h"

#include <stddef.h>

// A type while the plan is being made: its name, and how many of it are to run.
struct type_quantity {
    struct str name;
    unsigned quantity; // in: as declared; out: as wanted
    bool is_fixed;     // out: the command line has a number for it
};

// Applies `options` to `types`. Unknown names and bad counts are reported.
void quantity_apply(const struct options *options, struct type_quantity *types, size_t count,
                    struct diagnostics *diagnostics);
