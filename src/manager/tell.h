// SPDX-License-Identifier: MIT
// Why a process could not be started, for those who start one without a formation, too.
#pragma once

#include "base/buffer.h"
#include "os/spawn.h"
#include "plan/plan.h"

// Appends the sentence; `code` is an errno.
void tell_not_started(struct buffer *out, const struct process_type *type, enum spawn_stage stage,
                      int code);
