// SPDX-License-Identifier: MIT
// For tests: the findings of a parser, compared as a person would read them.
#pragma once

#include "config/diagnostic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

// Fails unless exactly these findings were made, in this order. Each text is the start of one.
// NULL ends the list. Empties `diagnostics`.
static inline void expect_findings(struct diagnostics *diagnostics, const char *const *wanted)
{
    char text[DIAGNOSTIC_TEXT_BYTES];
    for (size_t i = 0; i < diagnostics->count; i++) {
        diagnostic_format(&diagnostics->items[i], text, sizeof(text));
        if (!wanted[i] || strncmp(text, wanted[i], strlen(wanted[i])) != 0)
            fail_msg("finding %zu is '%s', '%s' is wanted", i, text,
                     wanted[i] ? wanted[i] : "nothing");
    }
    if (wanted[diagnostics->count])
        fail_msg("'%s' was not found", wanted[diagnostics->count]);
    diagnostics_fini(diagnostics);
}

#define EXPECT_FINDINGS(diagnostics, ...)                                                          \
    expect_findings(diagnostics, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})
