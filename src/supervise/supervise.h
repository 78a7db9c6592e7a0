// SPDX-License-Identifier: MIT
// Decides what to do next, and never does it: the same inputs give the same outcome.
//
// One supervisor decides for a formation. The caller feeds what happened, with the time; the
// outcome lists the events that this is worth (to be journaled first), the actions to carry out
// after that, and when to come back at the latest. The result of an action is a later input.
//
// An input is decided whole, and its events are journaled whole or not at all: so whatever is asked
// for at once, about however many processes, has to be one input.
#pragma once

#include "base/random.h"
#include "event/journal.h"
#include "plan/plan.h"

enum input_kind {
    INPUT_PLAN,         // `plan` is what is wanted from now on; borrowed until the next one, in
                        // which every type of this one keeps its index (plan/merge.h). Who was
                        // started by an earlier revision of its type is rolled.
    INPUT_SPAWNED,      // `slot` runs as `value` = pid, for the spawn `token`
    INPUT_SPAWN_FAILED, // the spawn `token` of `slot` failed with `value` = errno
    INPUT_READY,        // `slot` is ready …
    INPUT_UNREADY,      // … or no longer
    INPUT_EXITED,       // the main process of `slot` is gone, `value` = wait(2) status, and all
                        // that it had written was read
    INPUT_LEFT,         // after EXITED: `value` processes of its tree live on
    INPUT_EMPTIED,      // after EXITED: nothing of its tree is left, all of its output was read
    INPUT_RESTART,      // start `slot` anew; also clears a pause
    INPUT_ROLL,         // …when its turn comes in the rolling restart of its type
    INPUT_HALT,         // stop `slot`; it stays finished until one of the above, or START
    INPUT_START,        // start `slot`, whatever it waits for, unless it runs
    INPUT_EXTEND,       // `slot` needs up to `value` milliseconds more until it is ready
    INPUT_UNRESPONSIVE, // `slot` no longer does its work: stop it, as a crash
    INPUT_STOP,         // end the formation in order, asked for by signal `value` (0: none); a
                        // second SIGINT kills, unless it is so near that it is the same key
    INPUT_KILL,         // end it now
    INPUT_TIME,         // nothing but that time passed
};

struct input {
    enum input_kind kind;
    nsec_t now;
    unsigned slot;
    uint32_t token;
    int value;
    const struct plan *plan;
    const uint16_t *slots; // RESTART, ROLL, HALT, START: of all of these, not of `slot`; or NULL
    size_t slot_count;
};

enum action_kind {
    ACTION_SPAWN,       // start `slot`, as spawn `token`
    ACTION_SIGNAL,      // send `value` to the process group of `slot`
    ACTION_SIGNAL_TREE, // send `value` to every process in the tree of `slot`
    ACTION_KILL_TREE,   // SIGKILL to every process in the tree of `slot`, until none is left
    ACTION_BURY,        // `slot` is empty: its pid may be released, it may be used again
    ACTION_END,         // all is over: exit with `value`
};

struct action {
    enum action_kind kind;
    unsigned slot;
    uint32_t token;
    int value;
};

// Valid until the next step.
struct outcome {
    struct event *events; // the journal numbers them
    size_t event_count;
    const struct action *actions;
    size_t action_count;
    nsec_t wake_at; // feed INPUT_TIME then, or earlier; NSEC_NEVER
};

struct supervisor;

// One allocation for everything; NULL without memory. `seed` feeds the jitter of pauses.
struct supervisor *supervisor_new(uint64_t seed);
void supervisor_free(struct supervisor *supervisor);

// As if new, at the cost of the slots that were used: for a million short lives in one memory.
void supervisor_reset(struct supervisor *supervisor, uint64_t seed);

// Continues where a dead supervisor was: `snapshot` is what its events add up to, `plan` what is
// wanted. Feed INPUT_PLAN next (only a stop may come before it), then what happened meanwhile; a
// spawn that is not to be made any more has failed with ECANCELED. Not after a step.
void supervisor_restore(struct supervisor *supervisor, const struct snapshot *snapshot,
                        const struct plan *plan);

// One decision. `out` borrows from the supervisor. Inputs that do not fit the state of their
// process (a late exit of an older spawn, a request for a vacant slot) change nothing.
void supervise_step(struct supervisor *supervisor, const struct input *input, struct outcome *out);

// What the supervisor holds true of a slot. slot < supervisor_slot_count().
const struct process_record *supervisor_process(const struct supervisor *supervisor, unsigned slot);
unsigned supervisor_slot_count(const struct supervisor *supervisor);
const struct formation_record *supervisor_formation(const struct supervisor *supervisor);
