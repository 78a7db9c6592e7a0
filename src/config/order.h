// SPDX-License-Identifier: MIT
// `after:` of all types: which starts once which are ready.
#pragma once

#include "config/declaration.h"
#include "config/diagnostic.h"
#include "plan/plan.h"

// Sets `after` of each type of the plan, whose names and quantities are set. Names that are unknown
// and types that wait for each other are errors. Returns 0 or -ENOMEM.
int order_resolve(const struct declaration *declaration, struct plan *plan,
                  struct diagnostics *diagnostics);
