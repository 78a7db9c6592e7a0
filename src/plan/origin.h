// SPDX-License-Identifier: MIT
// Where something is declared, for messages.
#pragma once

#include "base/str.h"

// line 0: not from a file.
struct origin {
    struct str file;
    unsigned line;
    unsigned column;
};
