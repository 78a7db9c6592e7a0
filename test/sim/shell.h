// SPDX-License-Identifier: MIT
// The manager as the supervisor sees it: carries out actions, passes on what the guard saw, may
// die at any step and is started again. It decides nothing.
#pragma once

#include "event/journal.h"
#include "sim/invariants.h"
#include "sim/world.h"
#include "supervise/supervise.h"

#include <stdbool.h>

struct refusal { // of a spawn, by the manager itself: the guard was not asked
    uint32_t token;
    int error; // 0: none
};

struct shell {
    struct world *world;
    struct check *check;
    const struct plan *plan; // what people want, whichever manager is alive
    struct supervisor *supervisor;
    struct journal *journal;
    bool is_alive;
    bool is_over;     // ACTION_END was carried out
    bool has_unheard; // a stop was asked for, and no manager has lived to deal with it
    struct input unheard;
    bool was_left[WORLD_SLOTS]; // LEFT was told of this incarnation
    struct refusal refusals[WORLD_SLOTS];
    nsec_t look_at[WORLD_SLOTS]; // when to look at what the guard says of a slot; NSEC_NEVER
    nsec_t next_look_at;         // not later than the earliest of them
    nsec_t wake_at;
    nsec_t restart_at; // of the next manager; NSEC_NEVER while one is alive
    unsigned slot_count;
    unsigned deaths;
    unsigned steps;
};

void shell_begin(struct shell *shell, const struct plan *plan, uint64_t seed);

// One input, its events to the journal, its actions to the world. Dies in between by chance, and
// does nothing while dead; returns whether a manager took the input.
bool shell_feed(struct shell *shell, struct input input);

// When the shell has something to do; NSEC_NEVER.
nsec_t shell_next_at(const struct shell *shell);

// Does what is due: news, deadlines, the next manager.
void shell_pass(struct shell *shell);

// Some input that is late, or was never true; it must change nothing. False: there was none.
bool shell_feed_nonsense(struct shell *shell);
