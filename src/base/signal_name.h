// SPDX-License-Identifier: MIT
// Signals by the names that people type: TERM, SIGTERM, 15.
#pragma once

#include "base/str.h"

// The number, or 0 when `name` names no signal. Upper or lower case, with or without SIG.
int signal_number(struct str name);

// "SIGTERM" for 15; "a real-time signal" for a number without a name of its own. Never NULL.
const char *signal_name(int number);
