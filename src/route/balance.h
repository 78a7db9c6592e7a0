// SPDX-License-Identifier: MIT
// Which backend gets the next connection: of those that may have it one with the fewest, and each
// in turn where several have. One that failed rests for a while, and is then tried by a single one.
#pragma once

#include "base/duration.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Of one backend. Zero: it gets nothing.
struct balance_seat {
    bool is_accepting;
    uint32_t in_flight;  // connections
    uint32_t connecting; // … of these: it has not taken them yet
    uint32_t failures;   // in a row
    nsec_t rests_until;  // after one
};

#define BALANCE_NONE SIZE_MAX

// The index of the chosen seat, or BALANCE_NONE. `last` is what was chosen before, or BALANCE_NONE.
size_t balance_choose(const struct balance_seat *seats, size_t count, size_t last, nsec_t now);

// When the first of those that rest may be tried again. NSEC_NEVER: none rests.
nsec_t balance_due_at(const struct balance_seat *seats, size_t count);

void balance_note_failure(struct balance_seat *seat, nsec_t now);
void balance_note_busy(struct balance_seat *seat, nsec_t now); // its queue is full: a short rest
void balance_note_success(struct balance_seat *seat);
