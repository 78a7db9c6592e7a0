// SPDX-License-Identifier: MIT
// What must be true in every history, looked at after every step.
#pragma once

#include "sim/coverage.h"
#include "sim/world.h"
#include "supervise/supervise.h"

#include <stdbool.h>
#include <stdint.h>

struct shell;

struct check {
    const struct world *world;
    const struct shell *shell;
    struct coverage *coverage;
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
    bool was_asked;            // by a person: to end in order, or at once
    bool has_stopping;         // its end was told of in an event
    int status_expected;       // of the formation, as far as its end has begun
    int statuses[WORLD_SLOTS]; // wait(2) status, or that of a failed spawn, as told last
    bool is_restored; // by a new manager, which has not decided on the plan that it has found
    nsec_t asked_at;  // when a person asked for the end, as told in an event; NSEC_NEVER
    bool halted[WORLD_SLOTS];     // stopped by request, and not started by another
    bool may_finish[WORLD_SLOTS]; // by the policy of the moment at which it finished
    // By slot, the spawn …
    uint32_t gone[WORLD_SLOTS];      // … whose main process is known to have exited
    uint32_t emptied[WORLD_SLOTS];   // … of which nothing is left, as far as was told
    uint32_t restarted[WORLD_SLOTS]; // … that was to be replaced, by request
    uint32_t rolled[WORLD_SLOTS];    // … in a roll
    unsigned excused[WORLD_SLOTS]; // the revision for which it need not be, since a roll was halted
    // The state before the present step.
    enum formation_phase phase;
    unsigned slot_count;
    struct process_record before[WORLD_SLOTS];
};

const char *invariant_sentence(enum invariant invariant);

void check_begin(struct check *check);
// What was journaled, whether or not the manager outlives the step.
void check_step(struct check *check, const struct input *input, const struct outcome *outcome);
void check_restored(struct check *check); // a new manager stands where the journal ends
void check_repeated(struct check *check, const struct action *action); // by a new manager

// Faults have ceased, and either all is settled or the time for that is over.
void check_end(struct check *check);

// Whether everything is as wanted and nothing is under way.
bool check_is_settled(const struct check *check);
