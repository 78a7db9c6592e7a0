// SPDX-License-Identifier: MIT
// Repeatable random numbers: the same seed gives the same history. Not for secrets.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

uint64_t random_next(struct random *random);                      // splitmix64
uint64_t random_below(struct random *random, uint64_t bound);     // 0 … bound-1; bound > 0
bool random_chance(struct random *random, unsigned per_thousand); // true that often
