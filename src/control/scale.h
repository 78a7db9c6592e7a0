// SPDX-License-Identifier: MIT
// How many processes of each type shall run, changed by words: "web=3", "worker+2", "clock-1". All
// changes of a list, or none of them.
#pragma once

#include "base/str.h"
#include "control/refusal.h"
#include "plan/plan.h"

#include <stdbool.h>

// What is asked for.
struct scale {
    struct str_list changes;
    bool reset; // `changes` are names of types that get what is declared; none: all
};

// Applies the changes to the quantities of `plan`. `out` has room for all of its types. Returns 0;
// or -EINVAL with the first mistake, and `out` is untouched.
int scale_apply(const struct plan *plan, const struct scale *scale, unsigned *out,
                struct refusal *refusal);
