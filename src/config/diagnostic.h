// SPDX-License-Identifier: MIT
// Everything that is wrong with a configuration, at once: a bounded list of findings with places.
#pragma once

#include "base/arena.h"
#include "base/limits.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stddef.h>

enum severity {
    SEVERITY_ERROR,   // the formation cannot run so
    SEVERITY_WARNING, // it can, but probably not as meant
};

struct diagnostic {
    enum severity severity;
    struct origin origin; // no file: of the command line or the environment
    struct str text;      // one sentence, no final full stop
};

// Zero-initialise to use. Owns its texts. Findings beyond the limit are counted, not listed; an
// error takes the place of a listed warning, so that warnings never hide errors.
struct diagnostics {
    struct arena arena;
    struct diagnostic items[LIMIT_DIAGNOSTICS];
    size_t count;         // of items
    size_t error_count;   // of all that were found
    size_t warning_count; // of all that were found
};

void diagnostics_error(struct diagnostics *diagnostics, struct origin origin, const char *format,
                       ...) __attribute__((format(printf, 3, 4)));
void diagnostics_warn(struct diagnostics *diagnostics, struct origin origin, const char *format,
                      ...) __attribute__((format(printf, 3, 4)));
void diagnostics_fini(struct diagnostics *diagnostics);

// "Procfile:3:1: why", "Procfile: why" for a whole file, "why" without file. Always terminated and
// free of control characters; cut at `size`. Returns `out`. DIAGNOSTIC_TEXT_BYTES is always enough.
enum { DIAGNOSTIC_TEXT_BYTES = 6144 };
const char *diagnostic_format(const struct diagnostic *diagnostic, char *out, size_t size);
