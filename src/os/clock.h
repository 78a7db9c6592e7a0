// SPDX-License-Identifier: MIT
// The two clocks: one that never jumps, to decide by, and the wall clock, to show.
#pragma once

#include "base/duration.h"

#include <stdbool.h>
#include <stddef.h>

nsec_t clock_now(void);         // CLOCK_MONOTONIC
nsec_t clock_wall(void);        // CLOCK_REALTIME, a few milliseconds late at most
nsec_t clock_wall_second(void); // the same in whole seconds

// The wall clock's present time by strftime(3) `format` in local time. Returns the length, 0 when
// the text does not fit.
size_t clock_wall_text(const char *format, char *out, size_t capacity);
