// SPDX-License-Identifier: MIT
// Runs histories on every processor: workers take the seeds in turn, and their counts are added up.
#pragma once

#include "sim/coverage.h"

#include <stdbool.h>
#include <stdint.h>

enum { CREW_MOST = 64 };

struct crew_sum {
    struct coverage coverage;
    uint64_t broken;
    uint64_t first_broken[INVARIANT_COUNT]; // lowest seed of each that broke it; 0: none
    uint64_t aborted;                       // lowest seed at which a worker died; 0: none
};

// Runs the seeds first … first + count - 1 in `jobs` workers. first > 0. Returns 0 or -errno.
int crew_run(uint64_t first, uint64_t count, unsigned jobs, struct crew_sum *out);

// Runs one history in a process of its own, which may abort, and prints the end of its trace, or
// all of it.
void crew_show(uint64_t seed, bool shows_all);
