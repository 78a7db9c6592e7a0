// SPDX-License-Identifier: MIT
// The programs that a shell command runs, and their arguments, as well as a reader would see them.
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

// Words beyond the last one are passed over: what matters stands in front.
enum { COMMAND_WORDS = 64 };

// One program with its arguments.
struct command_words {
    struct str words[COMMAND_WORDS]; // slices of the command, without quotes around them
    size_t count;
    bool is_background; // '&' behind it
    size_t end_at;      // of the operator behind it, or the command's size
};

// Reads the next program from `command` at *at and moves *at behind it. Assignments in front are
// left out. Returns false at the end.
bool command_words_next(struct str command, size_t *at, struct command_words *out);
