// SPDX-License-Identifier: MIT
// argv becomes an invocation: which command, which options, which operands.
#pragma once

#include "base/error.h"
#include "cli/command.h"

// Options may stand before and after the command. Returns 0, or -EINVAL with a sentence that names
// the argument. In either case `out` tells whether Foreman is to be imitated, and must be freed by
// invocation_fini().
int invocation_parse(int argc, char **argv, struct invocation *out, struct error *error);
void invocation_fini(struct invocation *invocation);
