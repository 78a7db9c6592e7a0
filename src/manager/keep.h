// SPDX-License-Identifier: MIT
// The plan of a running formation, kept by the guard for the next manager.
#pragma once

#include "plan/plan.h"

// Makes a desk and gives it to the guard. 0 or -errno.
int keep_desk(void);

// Gives the plan to the guard. 0 or -errno.
int keep_plan(const struct plan *plan);

// The plan that an earlier manager of this formation had kept, if there is one (else *out is NULL).
// 0 or -errno. The caller frees *out.
int keep_find_plan(struct plan **out);
