// SPDX-License-Identifier: MIT
// Which processes a list of names and patterns means: "web", "web.2", "w*", "*.1", "web.?".
#pragma once

#include "base/arena.h"
#include "base/limits.h"
#include "base/str.h"
#include "control/refusal.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A set of types, by index.
struct selection_types {
    uint64_t bits[LIMIT_TYPES / 64];
};

struct selection_part;

struct selection {
    bool is_all;
    struct selection_types whole; // every process of these types
    const uint32_t *exact;        // single processes, in ascending order
    size_t exact_count;
    const struct selection_part *parts; // of some types those whose number fits
    size_t part_count;
};

// Names are looked up in the plan and among `processes`, those that exist; what neither has is
// refused (types that the plan has with quantity 0 are known). With `processes` NULL any number is
// taken. Memory is of `arena`; the patterns are borrowed. Returns 0; or -EINVAL with a refusal.
// Good for plans that were made of this one by plan_merge, but knows none of their new types.
int selection_parse(const struct plan *plan, struct str_list patterns,
                    const struct process_id *processes, size_t process_count, struct arena *arena,
                    struct selection *out, struct refusal *refusal);

bool selection_has(const struct selection *selection, struct process_id id);
