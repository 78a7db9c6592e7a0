// SPDX-License-Identifier: MIT
// What a formation refused, in words for a person and as a code for the program.
#pragma once

#include "base/error.h"

#include <jansson.h>

// Fills `error` from a Varlink error object ("error", "parameters") and returns its -code:
// -ENOENT UnknownProcess, -EINVAL InvalidChange and InvalidParameter, -E2BIG TooMany,
// -ESHUTDOWN Ending, -ECANCELED RollHalted, -EBADMSG InvalidFiles, -ENOSYS for methods that it does
// not know, -EACCES PermissionDenied, -EREMOTEIO for all others, by their name.
int refusal_tell(const json_t *refusal, struct error *error);
