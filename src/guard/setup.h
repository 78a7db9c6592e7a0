// SPDX-License-Identifier: MIT
// What a process sets right about itself before it becomes a guard.
#pragma once

#include <stdbool.h>
#include <sys/resource.h>

// 0, 1 and 2 exist afterwards, or the board would get one of these numbers and be written to by
// printf. 0 or -errno.
int setup_standard_descriptors(void);

// Raises RLIMIT_NOFILE as far as that is allowed; `before` is what the processes shall have.
void setup_descriptor_limit(struct rlimit *before);

// Blocks every signal that asks for something, as a shell would send it, and returns the signalfd
// that tells of them, or -1. `ignores_hangup`: we were started by nohup.
int setup_signals(bool *ignores_hangup);
