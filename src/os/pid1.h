// SPDX-License-Identifier: MIT
// The first process of a pid namespace stands before the program that it was asked for: the kernel
// gives it all orphans, and keeps from it every signal that it has no handler for, so few programs
// are fit for it. Needs nothing but system calls: no /proc, no /dev/null, no file.
#pragma once

#include "base/duration.h"

#include <stdbool.h>

bool pid1_is_own(void); // whether this process is one

// To be called early: from then on a signal to PID 1 waits for pid1_fork. Before, the kernel throws
// it away.
void pid1_hold_signals(void);

// As fork(2) in PID 1: 0 in the child, which is to become the program: signals as they were, a
// session of its own, with the terminal if there is one. In PID 1 it returns once the program and
// everything else in the namespace have ended: what the program leaves is sent `stop_signal`, and
// killed after `grace`; then > 0, and *status is the program's: its exit code, or 128 + the signal.
// -errno: there can be no child.
int pid1_fork(int stop_signal, nsec_t grace, int *status);
