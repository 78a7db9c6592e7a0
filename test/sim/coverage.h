// SPDX-License-Identifier: MIT
// What all histories together have put to the test, as plain counts that can be added up.
#pragma once

#include "event/event.h"
#include "supervise/supervise.h"

#include <stdbool.h>
#include <stdint.h>

enum invariant {
#define INVARIANT(name, moment, sentence) INVARIANT_##name,
#include "sim/invariants.def"
#undef INVARIANT
    INVARIANT_COUNT
};

enum { INPUT_KINDS = INPUT_TIME + 1, ACTION_KINDS = ACTION_END + 1, RECORD_FLAGS = 8 };

struct coverage {
    uint64_t histories, steps, spawns, deaths;
    uint64_t claims[INVARIANT_COUNT];                         // how often each was looked at
    uint64_t cells[PROCESS_STATE_COUNT][INPUT_KINDS];         // inputs, by the state that they met
    uint64_t moves[PROCESS_STATE_COUNT][PROCESS_STATE_COUNT]; // transitions of states.def
    uint64_t events[EVENT_KIND_COUNT];
    uint64_t flags[RECORD_FLAGS];    // set by an event of a process that had it not
    uint64_t forgotten[INPUT_KINDS]; // the manager died before it had journaled what came of it
    uint64_t actions[ACTION_KINDS];  // carried out …
    uint64_t lost[ACTION_KINDS];     // … and journaled, but not carried out: the manager died
};

// Counts one event, and the moves that it tells of; returns false if states.def has none such.
bool coverage_event(struct coverage *coverage, enum process_state before,
                    const struct event *event);
void coverage_flags(struct coverage *coverage, unsigned before, const struct event *event);

void coverage_add(struct coverage *sum, const struct coverage *part);

// A test each, for TAP: what no history did is not tested by any. The number of the last test.
unsigned coverage_report(const struct coverage *coverage, unsigned number, bool *has_failed);
enum { COVERAGE_TESTS = 7 };

// The table of steps by state and input.
void coverage_print(const struct coverage *coverage);
