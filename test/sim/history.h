// SPDX-License-Identifier: MIT
// One history: a formation in a world of faults, and then in one without. Its seed is all that it
// depends on.
#pragma once

#include "sim/invariants.h"
#include "sim/shell.h"
#include "sim/trace.h"
#include "sim/world.h"

#include <stdbool.h>
#include <stdint.h>

struct simulation {
    uint64_t seed;
    struct trace trace;
    struct world world;
    struct shell shell;
    struct check check;
    struct plan plan;
    struct process_type types[WORLD_TYPES];
    uint16_t after[WORLD_TYPES][WORLD_TYPES];
    unsigned most[WORLD_TYPES];         // quantities that people ask for
    nsec_t request_at;                  // when somebody asks for something next
    struct coverage *coverage;          // of all histories so far
    nsec_t longest_boot, longest_pause; // of all policies so far
};

// One allocation for all histories; NULL without memory. What they cover is added to `coverage`.
struct simulation *simulation_new(struct coverage *coverage);
void simulation_free(struct simulation *simulation);

// Runs the history of `seed`. Returns whether every invariant held; else check.broken says which.
bool simulation_run(struct simulation *simulation, uint64_t seed);
