// SPDX-License-Identifier: MIT
// The local engine's brain: the only place where decisions, streams and the guard meet. It may be
// killed at any moment; the next one continues from the journal.
#pragma once

#include "config/options.h"
#include "event/journal.h"
#include "plan/plan.h"

#include <stddef.h>

// Memory that a manager needs behind the board, zeroed at the beginning of a formation.
enum { MANAGER_MEMORY_BYTES = sizeof(struct journal) };

// Runs the formation, or goes on with it, until it is over; called in a process that the guard has
// started. Owns nothing of its arguments. Returns the exit status.
int manager_run(const struct plan *plan, const struct options *options);
