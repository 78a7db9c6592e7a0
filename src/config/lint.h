// SPDX-License-Identifier: MIT
// Warnings about commands that fight their manager: they daemonize or write a PID file.
#pragma once

#include "base/str.h"
#include "config/diagnostic.h"
#include "plan/plan.h"

// Warns of each such habit in `command`, saying what to write in its place. `origin` is where the
// command starts; the place of the finding is computed from it.
void lint_command(struct str command, struct origin origin, struct diagnostics *diagnostics);
