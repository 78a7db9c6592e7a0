// SPDX-License-Identifier: MIT
// A guard that becomes another program, with its pid, its children and everything that it holds.
#pragma once

#include "guard/state.h"

// Executes `program_fd` in our place, which goes on from succeed_resume(). Returns only when that
// cannot be done: -errno, and nothing has changed.
int succeed_exec(struct guard *guard, int program_fd);

// Takes over what a guard with this pid has left to us: fills all but `board` and `arguments`.
// 0; -ENOENT: there was none, this is the beginning of a formation; or -EPROTO.
int succeed_resume(struct guard *guard);
