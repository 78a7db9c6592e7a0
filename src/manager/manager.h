// SPDX-License-Identifier: MIT
// The local engine's brain: the only place where decisions, streams and the guard meet. It may be
// killed at any moment; the next one continues from the journal.
#pragma once

#include "config/options.h"
#include "event/journal.h"
#include "plan/plan.h"
#include "stream/recent.h"

#include <stddef.h>

// What outlives a manager, behind the board; zeroed at the beginning of a formation.
struct manager_memory {
    struct journal journal;
    struct recent recent;
};

enum { MANAGER_MEMORY_BYTES = sizeof(struct manager_memory) };

// Runs the formation, or goes on with it, until it is over; called in a process that the guard has
// started. Owns nothing of its arguments. Returns the exit status.
int manager_run(const struct plan *plan, const struct options *options);
