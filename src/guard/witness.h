// SPDX-License-Identifier: MIT
// A process that sleeps until guard and manager are both gone, and then ends and clears away what
// they left: after an orderly end that is empty cgroup folders only.
#pragma once

#include "os/tree.h"

#include <sys/types.h>

// Starts it. `pipe` holds both ends of a pipe: the witness keeps the reading end, and nobody but
// guard and managers may hold the other one. Returns its pid or -errno.
pid_t witness_start(const struct tree *tree, const int pipe[2]);

// Tells it that nothing is left to be ended.
void witness_dismiss(const int pipe[2]);
