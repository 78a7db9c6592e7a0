// SPDX-License-Identifier: MIT
// From what the plan says a process may do to what the kernel is told.
#pragma once

#include "os/confine.h"
#include "plan/rights.h"

// Fills *out and returns its size in bytes; 0: nothing is to be done.
uint32_t confining_make(const struct rights *rights, struct confine *out);

// The resource of setrlimit(2).
int confining_resource(enum rights_limit limit);

// Whether this process may become other users.
bool confining_is_free(void);
