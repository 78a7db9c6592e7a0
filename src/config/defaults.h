// SPDX-License-Identifier: MIT
// The .foreman file: options that count when the command line does not say otherwise.
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "config/diagnostic.h"
#include "config/options.h"

// Reads `text` and fills what `options` (already read from the command line) leaves unsaid. Texts
// are in `arena`. A key that Foreman does not know is an error, but with options->foreman it is
// ignored. Returns 0 or -ENOMEM: what is wrong with the text is in `diagnostics`.
int defaults_merge(struct str text, const char *file, struct arena *arena, struct options *options,
                   struct diagnostics *diagnostics);
