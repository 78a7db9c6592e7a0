// SPDX-License-Identifier: MIT
// Patterns of names, in which `*` stands for any bytes and `?` for one.
#pragma once

#include "base/str.h"

#include <stdbool.h>

bool wildcard_is_in(struct str text); // whether there is a `*` or `?`

// Whether `text` fits `pattern`. Takes at most as many steps as the product of both sizes.
bool wildcard_fits(struct str pattern, struct str text);
