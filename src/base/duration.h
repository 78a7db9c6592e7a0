// SPDX-License-Identifier: MIT
// Time in one unit: nanoseconds, as a moment on a monotonic clock or as a length.
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

typedef int64_t nsec_t;

#define NSEC_PER_USEC ((nsec_t)1000)
#define NSEC_PER_MSEC ((nsec_t)1000000)
#define NSEC_PER_SEC ((nsec_t)1000000000)
#define NSEC_NEVER INT64_MAX // later than every moment

// "50ms", "10s", "1.5s", "2m", "1h", "1d", or a bare number of seconds ("5", "0.5"). Returns false
// on anything else, on negative values and on more than 100 years.
bool duration_parse(struct str text, nsec_t *out);

// The shortest text that duration_parse reads back, rounded to three digits after the point:
// "50ms", "1.5s", "2m". `out` holds at least DURATION_TEXT_BYTES.
enum { DURATION_TEXT_BYTES = 32 };
const char *duration_format(nsec_t duration, char out[DURATION_TEXT_BYTES]);
