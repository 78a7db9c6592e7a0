// SPDX-License-Identifier: MIT
// What must be true in every history, looked at after every step.
#pragma once

#include "supervise/supervise.h"
#include "world.h"

#include <stdbool.h>
#include <stdint.h>

struct shell;

enum invariant {
#define INVARIANT(name, moment, sentence) INVARIANT_##name,
#include "invariants.def"
#undef INVARIANT
    INVARIANT_COUNT
};

struct check {
    const struct world *world;
    const struct shell *shell;
    const struct input *input; // of the present step
    const struct outcome *outcome;
    bool expects_nothing; // the input is one that must change nothing
    bool is_broken;
    enum invariant broken;
    enum invariant current;
    nsec_t longest_grace;
    nsec_t stop_at, kill_at;    // when the formation was asked to end; NSEC_NEVER
    unsigned deaths_before_end; // of managers, until then
    nsec_t boots;               // the budget that is left, as time
    nsec_t boots_at;
    // The state before the present step.
    unsigned slot_count;
    struct process_record before[WORLD_SLOTS];
    // Over all histories.
    uint64_t counts[INVARIANT_COUNT]; // how often each was put to the test
    uint64_t cells[PROCESS_STATE_COUNT][INPUT_TIME + 1];
};

const char *invariant_sentence(enum invariant invariant);

void check_begin(struct check *check);
void check_step(struct check *check, const struct input *input, const struct outcome *outcome);
void check_restored(struct check *check); // a new manager stands where the journal ends

// Faults have ceased, and either all is settled or the time for that is over.
void check_end(struct check *check);

// Whether everything is as wanted and nothing is under way.
bool check_is_settled(const struct check *check);
