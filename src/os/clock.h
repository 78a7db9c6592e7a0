// SPDX-License-Identifier: MIT
// The two clocks: one that never jumps, to decide by, and the wall clock, to show.
#pragma once

#include "base/duration.h"

#include <stdbool.h>
#include <stddef.h>

nsec_t clock_now(void);         // CLOCK_MONOTONIC
nsec_t clock_wall(void);        // CLOCK_REALTIME
nsec_t clock_wall_second(void); // the same in whole seconds

// What is to be added to a time of clock_now() for that of the wall clock. The two cannot be read
// in one moment: so long as the difference to `before` may be for that reason, `before` is
// returned, and a moment of the past has the same time whenever it is told. 0 the first time.
nsec_t clock_wall_offset(nsec_t before);

// The wall clock's present time by strftime(3) `format` in local time. Returns the length, 0 when
// the text does not fit.
size_t clock_wall_text(const char *format, char *out, size_t capacity);
