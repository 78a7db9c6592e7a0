// SPDX-License-Identifier: MIT
// From what the plan says a tree of processes may use to what the kernel is told.
#pragma once

#include "base/error.h"
#include "os/controller.h"
#include "os/tree.h"
#include "plan/plan.h"

#include <stdbool.h>

struct controller_amounts limiting_amounts(const struct process_type *type);

// "memory", "processor time": what is limited.
const char *limiting_subject(enum controller which);

// The folders in which one process and what descends from it are limited as the process `name` of
// that type is to be. Both are borrowed.
struct limiting {
    bool is_needed; // else nothing is to be limited, and the rest does nothing
    const struct process_type *type;
    const char *name;
    struct tree tree;
    struct controllers controllers;
};

// Makes them. 0, or -errno and a sentence, and nothing is left to be closed.
int limiting_open(struct limiting *limiting, const struct process_type *type, const char *name,
                  struct error *error);

// Puts this process into them. 0, or -errno and a sentence.
int limiting_join(const struct limiting *limiting, struct error *error);

// Lets them go. Removes them if all is over that was in them; else the next formation here does,
// once it is.
void limiting_close(struct limiting *limiting, bool is_over);
