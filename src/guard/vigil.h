// SPDX-License-Identifier: MIT
// The guard's eye on its witness: when that ends, whoever has killed it, there is soon another.
#pragma once

#include "guard/state.h"

#include <stdint.h>

// Starts the witness, whose end is told with the epoll data `what`; not as PID 1. What the system
// does not give now is tried again at vigil_due_at().
void vigil_begin(struct guard *guard, uint64_t what);

// The witness has ended.
void vigil_end(struct guard *guard);

// Some child has ended, maybe the witness.
void vigil_look(struct guard *guard);

nsec_t vigil_due_at(void); // when vigil_begin() is to be called again; NSEC_NEVER
