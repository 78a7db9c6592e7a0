// SPDX-License-Identifier: MIT
// What this machine gives: each fact is found by doing what the supervisor would do, on a small
// scale, and nothing of it is left behind.
#pragma once

#include "base/machine.h"

// `root`: the app's folder; `app`: what it is called, or NULL.
void machine_look(const char *root, const char *app, struct machine *out);

// Its parts.
void machine_look_at_kernel(struct machine_kernel *out);
void machine_look_at_proc(struct machine_proc *out);
void machine_look_at_cgroup(struct machine_cgroup *out);
void machine_look_at_amounts(struct machine_amounts *out);
void machine_look_at_self(struct machine_self *out);
void machine_look_at_services(struct machine_services *out);

// The first line of a file, without its newline; empty when it cannot be read.
void machine_read_line(const char *path, char *out, unsigned capacity);
// A number, or UINT64_MAX for "max" and for what cannot be read.
uint64_t machine_read_number(const char *path);
