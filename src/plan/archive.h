// SPDX-License-Identifier: MIT
// A plan as bytes and back, for the next manager: what runs does not depend on whether the files
// that it was read from are still there, or still say the same.
#pragma once

#include "base/buffer.h"
#include "plan/plan.h"

// Appends the plan; `out` fails when memory is short.
void archive_write(const struct plan *plan, struct buffer *out);

// Reads what archive_write() of the same version has written. Returns 0, -ENOMEM, or -EPROTO for
// anything else. The caller frees *out by plan_free.
int archive_read(struct str bytes, struct plan **out);

// A plan like `plan` that shares nothing with it. Returns 0 or -ENOMEM. The caller frees *out by
// plan_free.
int archive_copy(const struct plan *plan, struct plan **out);
