// SPDX-License-Identifier: MIT
// `listen` of a type, as the kernel and a process that is executed want it.
#pragma once

#include "base/error.h"
#include "os/listener.h"
#include "plan/launch.h"

struct listener_spec listening_spec(const struct listener *listener);

// For a process that becomes one of the type: opens what the formation would open for it, as
// descriptors 3, 4, …, and tells it by the launch. Without `share: pass` nothing is done. 0, or
// -errno and a sentence.
int listening_become(const struct process_type *type, struct arena *arena, struct launch *launch,
                     struct error *error);
