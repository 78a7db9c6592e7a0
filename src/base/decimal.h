// SPDX-License-Identifier: MIT
// Numbers with a point, as people write them, without the errors of binary fractions.
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

// "3", "1.5" or ".25" in thousandths; digits behind the third are for nobody. Returns false on
// anything else and on more than `most` (a whole number, at most 2^53).
bool decimal_parse(struct str text, uint64_t most, uint64_t *out_thousandths);
