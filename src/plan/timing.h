// SPDX-License-Identifier: MIT
// How long the formation as a whole may take, for an init that waits for it.
#pragma once

#include "plan/plan.h"

// Until the last process is ready, when each just keeps its boot limit and waits for those that it
// comes after. 0: no process is waited for.
nsec_t plan_boot_time(const struct plan *plan);

// The longest grace of all types that run.
nsec_t plan_stop_time(const struct plan *plan);
