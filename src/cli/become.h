// SPDX-License-Identifier: MIT
// This process becomes a process of the plan: in place, so that nobody stays in between and the
// terminal, every signal and the exit status pass through by nature. Only as PID 1 of a container
// it stays in front of it (os/pid1.h).
#pragma once

#include "cli/command.h"
#include "plan/plan.h"

// One sentence about `what`, which cannot be run, as `code` (errno) says; with the exit status that
// a shell would have. Foreman's is 1.
int become_failed(const struct options *options, int code, const char *what);

// All of these return only as PID 1, or if it cannot be, with an exit status.
int become_process(const struct options *options, struct plan *plan, struct process_id id);
// By execvp(3), in the environment as it is; or `line` by the shell.
int become_arguments(const struct options *options, char *const *arguments);
int become_shell_line(const struct options *options, const char *line);
