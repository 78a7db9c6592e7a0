// SPDX-License-Identifier: MIT
// Processes that the guard has adopted as subreaper or as PID 1, and that nobody else reaps.
#pragma once

#include "guard/state.h"

// Reaps those that have ended, however many: ours are left. Whether nothing is left to do until the
// next SIGCHLD or burial; else come again within STRANGERS_PAUSE_MS.
enum { STRANGERS_PAUSE_MS = 100 };
bool strangers_reap(struct guard *guard);
