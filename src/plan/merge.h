// SPDX-License-Identifier: MIT
// From the plan that runs to the one that shall: a process keeps its id, and only types that are
// started in another way have to be started again: their revision is a later one.
#pragma once

#include "plan/plan.h"

// Makes the plan `fresh` with each type of `old` at the index that it has there: one that is gone
// keeps its place (is_gone, quantity 0), new ones come behind. A type has the revision of `old`, or
// the next one if its processes are started in another way: command, environment (of the files,
// too), directory, terminal or port are others. Quantity, policy and probes do not matter, and one
// that is gone has not changed. Without memory to compare them, it has. Both may be freed
// afterwards. Returns 0; -ENOMEM; or -E2BIG when they are more than LIMIT_TYPES together, those
// that are gone included. The caller frees *out by plan_free.
int plan_merge(const struct plan *old, const struct plan *fresh, struct plan **out);
