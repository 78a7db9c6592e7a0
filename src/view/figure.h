// SPDX-License-Identifier: MIT
// Times and sizes in a few characters, as tables and sentences have them.
#pragma once

#include "base/duration.h"

#include <stdint.h>

enum { FIGURE_BYTES = 24, FIGURE_COUNT_BYTES = 32 };

// "3s", "5m", "2h", "4d": whole seconds up to 99, minutes up to 99, hours up to 47, then days.
// Negative ones are "0s". Returns `out`, as the others do.
const char *figure_age(nsec_t age, char out[FIGURE_BYTES]);

// "800ms", "1.2s", from 10 s on as figure_age: how long something took.
const char *figure_span(nsec_t span, char out[FIGURE_BYTES]);

// "1,234,567".
const char *figure_count(uint64_t count, char out[FIGURE_COUNT_BYTES]);

// "812K", "1.5M", "12M": what is measured.
const char *figure_bytes(uint64_t bytes, char out[FIGURE_BYTES]);

// "1500M", "10.5G", "1.5G": what somebody has asked for, exactly, in the largest unit of which it
// is so many, or so many tenths; where there is none, as figure_bytes.
const char *figure_limit(uint64_t bytes, char out[FIGURE_BYTES]);
