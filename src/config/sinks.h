// SPDX-License-Identifier: MIT
// Sinks as declared become those of the plan, once its types are known.
#pragma once

#include "config/declaration.h"
#include "config/diagnostic.h"
#include "plan/plan.h"

// Copies them into the plan and reports patterns that fit nothing, paths that are too long, files
// that two sinks would write, and lines that cannot be told apart. Quantities are final. Returns 0
// or -ENOMEM.
int sinks_resolve(const struct declaration *declaration, struct plan *plan,
                  struct diagnostics *diagnostics);
