// SPDX-License-Identifier: MIT
// From the plan that runs to the one that shall: a process keeps its id, and only types that are
// started in another way have to be started again.
#pragma once

#include "plan/plan.h"

#include <stdbool.h>
#include <stdint.h>

// Makes the plan `fresh` with each type of `old` at the index that it has there: one that is gone
// keeps its place (is_gone, quantity 0), new ones come behind. Both may be freed afterwards.
// Returns 0; -ENOMEM; or -E2BIG when they are more than LIMIT_TYPES together, those that are gone
// included. The caller frees *out by plan_free.
int plan_merge(const struct plan *old, const struct plan *fresh, struct plan **out);

// Whether a process of the type at `index` that runs by `old` would be started in another way by
// `merged`, which plan_merge() has made of it: command, environment (of the files, too), directory,
// terminal or port are others. Quantity, policy and probes do not matter. False for a type that is
// new or gone; true also when there is no memory to compare.
bool plan_type_differs(const struct plan *old, const struct plan *merged, uint16_t index);
