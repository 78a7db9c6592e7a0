// SPDX-License-Identifier: MIT
// For the invariants' own files: what they may look at, and how they say that something is so.
#pragma once

#include "sim/invariants.h"
#include "sim/shell.h"

#define KILL_PERIOD NSEC_PER_SEC // SIGKILL is repeated …
#define KILLS 5                  // … so often, then the process is given up
#define BOOTS (100 * BOOT_PRICE) // a hundred boots at once, a hundred a second
#define BOOT_PRICE (10 * NSEC_PER_MSEC)

#define INVARIANT(name, moment, sentence) void claim_##name(struct check *check);
#include "sim/invariants.def"
#undef INVARIANT

static inline void claim(struct check *check, bool is_true)
{
    check->coverage->claims[check->current]++;
    if (!is_true && !check->is_broken) {
        check->is_broken = true;
        check->broken = check->current;
    }
}

// The processes that an input is about.
static inline size_t asked_count(const struct input *input)
{
    return input->slots ? input->slot_count : 1;
}

static inline unsigned asked_slot(const struct input *input, size_t i)
{
    return input->slots ? input->slots[i] : input->slot;
}

static inline bool is_asked(const struct input *input, unsigned slot)
{
    for (size_t i = 0; i < asked_count(input); i++)
        if (asked_slot(input, i) == slot)
            return true;
    return false;
}

static inline const struct process_record *now_of(const struct check *check, unsigned slot)
{
    return supervisor_process(check->shell->supervisor, slot);
}

static inline unsigned slot_count(const struct check *check)
{
    return supervisor_slot_count(check->shell->supervisor);
}

static inline const struct process_record *before_of(const struct check *check, unsigned slot)
{
    static const struct process_record nothing = {.deadline = NSEC_NEVER};
    return slot < check->slot_count ? &check->before[slot] : &nothing;
}

static inline enum formation_phase phase(const struct check *check)
{
    return supervisor_formation(check->shell->supervisor)->phase;
}

static inline const struct process_policy *policy(const struct check *check, unsigned slot)
{
    return &check->shell->plan->types[now_of(check, slot)->id.type].policy;
}

static inline bool is_there(const struct process_record *process)
{
    return process->state != PROCESS_VACANT && process->flags & RECORD_WANTED;
}

// An extra process of a roll.
static inline bool is_extra(const struct check *check, const struct process_record *process)
{
    return process->id.number > check->shell->plan->types[process->id.type].quantity;
}

enum { MARKS = RECORD_ROLL | RECORD_ROLLED };

// Whether something of that type hangs in the kernel: whoever waits for it, waits.
bool check_is_stuck(const struct check *check, unsigned type);

// Whether a process in `slot` must wait for others.
bool check_must_wait(const struct check *check, unsigned slot);

// The claims on crashes look at a slot that its step has not removed.
static inline bool is_kept(const struct check *check, unsigned slot)
{
    return is_there(now_of(check, slot));
}

static inline bool is_live(enum process_state state)
{
    return state == PROCESS_RUNNING || state == PROCESS_READY || state == PROCESS_STOPPING;
}

static inline bool is_ending(enum process_state state)
{
    return state == PROCESS_STOPPING || state == PROCESS_EXITED;
}
