// SPDX-License-Identifier: MIT
// What went wrong, told to a person: on standard error, or where Foreman tells it.
#pragma once

#include "cli/command.h"
#include "config/diagnostic.h"

#include <stdbool.h>

// The exit status for a call that cannot be carried out: 2; Foreman's is 1.
int report_status(const struct options *options);

// "formation: sentence". Returns report_status().
int report_usage(const struct options *options, const char *sentence);

// The same for what Foreman tells on standard output as "ERROR: sentence", where scripts look.
int report_failure(const struct options *options, const char *sentence);

// Standard output takes no more, as errno says: a full disk for example. Returns report_status().
int report_lost_output(const struct options *options);

// Every error and, if wanted, every warning, one a line. Returns 0 if there was no error.
int report_diagnostics(const struct options *options, const struct diagnostics *diagnostics,
                       bool with_warnings);
