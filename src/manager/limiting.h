// SPDX-License-Identifier: MIT
// From what the plan says a tree of processes may use to what the kernel is told.
#pragma once

#include "base/error.h"
#include "os/controller.h"
#include "plan/plan.h"

struct controller_amounts limiting_amounts(const struct process_type *type);

// "memory", "processor time": what is limited.
const char *limiting_subject(enum controller which);

// This process and what descends from it are limited as the process `name` of that type is to be,
// in folders that are its own: the next formation here removes them once it is gone. 0 at once
// where there is nothing to limit; or -errno and a sentence.
int limiting_become(const struct process_type *type, const char *name, struct error *error);
