// SPDX-License-Identifier: MIT
// A moment as RFC 3339 writes it, in UTC: "2026-11-25T23:00:00.123456". The zone is the caller's to
// add, since some readers want "Z" and some "+00:00".
#pragma once

#include "base/duration.h"

enum { STAMP_BYTES = 26 };

// Writes the bytes, no NUL, for nanoseconds since the epoch; any value has a year of four digits.
void stamp_write(nsec_t wall, char out[STAMP_BYTES]);
