// SPDX-License-Identifier: MIT
// Extended regular expressions that regcomp(3) can be given: it takes any amount of memory for what
// repeats repetitions, and any amount of time for back-references. Whether the rest is one, only
// regcomp says.
#pragma once

#include "base/str.h"

// Why `pattern` cannot be used, as the end of a sentence about it, or NULL.
const char *pattern_fault(struct str pattern);
