// SPDX-License-Identifier: MIT
// A world for a formation to live in: a guard that carries out requests one after the other, and
// processes of every temper. It knows the truth, of which a supervisor learns only by and by.
#pragma once

#include "base/random.h"
#include "sim/trace.h"
#include "supervise/supervise.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    WORLD_SLOTS = 256,
    WORLD_TYPES = 3,
    WORLD_REQUESTS = 8 * WORLD_SLOTS,
    // How often a fork slips through a SIGKILL that is sent to a whole tree.
    WORLD_SLIPS = 2,
};

// The longest that things take, other than those that never come. The bounds of invariants are
// made of them.
#define WORLD_SPAWN_LONGEST (800 * NSEC_PER_MSEC) // from the request to the answer
#define WORLD_DEATH_LONGEST (400 * NSEC_PER_MSEC) // from SIGKILL to the end
#define WORLD_NEWS_LONGEST (700 * NSEC_PER_MSEC)  // from a fact to the input: output is read first
#define WORLD_ABSENCE_LONGEST (500 * NSEC_PER_MSEC) // from a manager's death to the next manager

// What a history may contain: drawn once, so that histories differ in more than their luck.
struct climate {
    unsigned refuses;    // per thousand spawns: EAGAIN, ENOMEM, EMFILE
    unsigned misses;     // …: ENOENT, EACCES
    unsigned crashes;    // per thousand processes: end by themselves
    unsigned stubborn;   // …: ignore the stop signal
    unsigned unkillable; // …: hang in the kernel
    unsigned leaves;     // …: their tree outlives them
    unsigned never_ready;
    unsigned deaths;       // per thousand steps: the manager dies
    unsigned forgets;      // per thousand deaths: before anything of the step is journaled
    nsec_t haste;          // scale of the processes' times …
    nsec_t calm;           // … and of the times between two requests
    bool heals_unkillable; // what hung in the kernel comes back when faults cease
};

// How a process behaves. Lengths of time; NSEC_NEVER: it does not.
struct temper {
    nsec_t ends_after; // by itself
    int end_status;
    nsec_t stops_after; // …the stop signal
    int stop_status;
    nsec_t dies_after; // …SIGKILL
    unsigned left;     // this many of its tree outlive it
    nsec_t left_ends_after, left_stops_after;
    unsigned left_slips;             // SIGKILLs to the tree that a fork slips through
    nsec_t ready_after, ready_lasts; // ready_lasts passes between all further changes,
    unsigned ready_changes;          // …of which there are so many
};

enum body_state {
    BODY_NONE,
    BODY_LIVE,
    BODY_FAILED, // could not be spawned
    BODY_DEAD,   // its pid is kept
    BODY_BURIED,
};

// What the guard and the kernel hold of a slot.
struct body {
    enum body_state state;
    uint32_t token;
    struct process_id id;
    int pid;
    int status;
    int error;
    struct temper temper;
    nsec_t ends_at;
    int end_status;
    unsigned left; // how many of its tree live beside the main process
    nsec_t left_gone_at;
    bool is_ready;
    nsec_t ready_changes_at;
    bool was_unkillable; // hung in the kernel, if only for a while
    bool was_killed;     // SIGKILL came, to whatever effect
    bool ends_by_signal; // ends_at is the effect of a signal
};

struct request {
    struct action action;
    nsec_t at; // when the guard carries it out
};

struct world {
    struct random random;
    struct climate climate;
    struct trace *trace;
    nsec_t now;
    bool is_healed; // faults have ceased
    bool has_unkillable;
    int next_pid;
    unsigned slot_count; // bodies that were ever used
    unsigned request_first, request_count;
    const char *fault; // what the guard was asked that must never be asked, or NULL
    unsigned spawn_count;
    uint64_t changed[WORLD_SLOTS / 64]; // slots with news since the shell took it
    struct process_id ids[WORLD_SLOTS]; // whose spawn was asked for last …
    unsigned revisions[WORLD_SLOTS];    // … and by which revision of its type
    struct body bodies[WORLD_SLOTS];
    struct request requests[WORLD_REQUESTS];
};

// Makes an empty world; what earlier histories left is cleared.
void world_begin(struct world *world, const struct climate *climate, struct random random,
                 struct trace *trace);

// A length of time up to `longest`, short ones far more often, 0 among them.
nsec_t world_draw_time(struct world *world, nsec_t longest);

// A manager's action goes its way. The world is not changed at once, except by signals to trees,
// which managers send themselves.
void world_carry_out(struct world *world, const struct action *action);

// The guard does now whatever it was asked and has not done yet.
void world_drain(struct world *world);

// When something happens next by itself; NSEC_NEVER.
nsec_t world_next_at(const struct world *world);

// Lets everything happen that is due at `now` ≥ world->now.
void world_pass(struct world *world, nsec_t now);

// From now on everybody behaves: spawns succeed, processes live, become ready and obey.
void world_heal(struct world *world);

bool world_tree_is_empty(const struct body *body);
bool world_is_unkillable(const struct body *body);
