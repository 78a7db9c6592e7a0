// SPDX-License-Identifier: MIT
// One failure, told to a person: a code for the program and one sentence for the reader.
#pragma once

#include <stdarg.h>

// The sentence is written where the fact is known, names file, line, process or value, has no
// final full stop and no newline. Modules fill it; only cli and manager print it.
struct error {
    int code;       // a positive errno value
    char text[512]; // longer sentences are cut, never overflow
};

// Fills `out` (may be NULL) and returns -code, so that `return error_set(out, ENOENT, "…")` reads
// as one thought.
int error_set(struct error *out, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
