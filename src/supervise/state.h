// SPDX-License-Identifier: MIT
// The supervisor's inside, shared by the files of this module only.
#pragma once

#include "supervise/supervise.h"

enum { OUTCOME_CAPACITY = JOURNAL_BATCH }; // memory that is never written costs nothing

enum { RECORD_MARKS = RECORD_ROLL | RECORD_ROLLED };

#define KILL_AGAIN_AFTER NSEC_PER_SEC // a fork may have slipped through the first SIGKILL
#define KILLS_BEFORE_ABANDONING 5     // then it hangs in the kernel and nobody can end it
#define FIRST_WAITING_NOTICE_AFTER NSEC_PER_SEC
#define NEXT_WAITING_NOTICE_AFTER (5 * NSEC_PER_SEC)
#define SECOND_INTERRUPT_AFTER (100 * NSEC_PER_MSEC) // no hand is faster
#define REFUSAL_PAUSE_FIRST (50 * NSEC_PER_MSEC)     // design §4: a failed spawn is not a crash
#define REFUSAL_PAUSE_LONGEST (2 * NSEC_PER_SEC)

// Restarts after crashes: a hundred at once, then a hundred a second. Enough for any healthy
// formation; a thousand workers without their database do not take the machine with them.
#define BOOT_BURST 100
#define BOOT_INTERVAL (NSEC_PER_SEC / 100)

struct supervisor {
    const struct plan *plan;
    struct random random;
    nsec_t now;              // of the current step
    nsec_t wake_at;          // not later than the earliest deadline; earlier does no harm
    nsec_t boots_paid_until; // the budget of boots: see budget.c
    struct formation_record formation;
    bool has_unplaced;           // the plan wants more than there were vacant slots
    bool is_rolling;             // some record may have a mark, or some type extra processes
    bool must_replan;            // a roll's extra processes are no longer wanted, or only now
    bool has_surge[LIMIT_TYPES]; // a roll wants more than the plan's quantity
    unsigned slot_count;
    unsigned state_count[PROCESS_STATE_COUNT]; // how many processes are in each state
    size_t event_count;
    size_t action_count;
    struct process_record processes[LIMIT_PROCESSES];
    // From here on, scratch: whoever uses it has written it before.
    bool numbers_seen[LIMIT_PROCESSES + 1]; // of place_missing
    uint16_t slot_of[LIMIT_PROCESSES + 1];  // by number, of roll_advance
    struct event events[OUTCOME_CAPACITY];
    struct action actions[OUTCOME_CAPACITY];
};

// outcome.c: the only writers of state and outcome.
void outcome_event(struct supervisor *supervisor, unsigned slot, enum event_kind kind, int detail);
void outcome_formation_event(struct supervisor *supervisor, enum event_kind kind, int detail);
void outcome_action(struct supervisor *supervisor, enum action_kind kind, unsigned slot, int value);
void outcome_deadline(struct supervisor *supervisor, nsec_t *deadline, nsec_t at);

// Moves a process on; `deadline` is when the new state is over by itself. Checks states.def.
void process_enter(struct supervisor *supervisor, unsigned slot, enum process_state state,
                   nsec_t deadline);

// life.c: one process.
void process_start(struct supervisor *supervisor, unsigned slot);
void process_stop(struct supervisor *supervisor, unsigned slot);    // by request
void process_remove(struct supervisor *supervisor, unsigned slot);  // not wanted any more
void process_kill(struct supervisor *supervisor, unsigned slot);    // at once
void process_restart(struct supervisor *supervisor, unsigned slot); // by request
void process_halt(struct supervisor *supervisor, unsigned slot);    // by request, to stay so
void process_begin(struct supervisor *supervisor, unsigned slot); // by request, if it is not there
void process_ready(struct supervisor *supervisor, unsigned slot);
void process_input(struct supervisor *supervisor, const struct input *input);
void process_time(struct supervisor *supervisor, unsigned slot);

// Changes what is to become of a process, in one event, if that is news.
void process_amend(struct supervisor *supervisor, unsigned slot, unsigned set, unsigned clear,
                   uint32_t crashes);

// formation.c: all of them.
void formation_plan(struct supervisor *supervisor, const struct plan *plan);
void formation_stop(struct supervisor *supervisor, int signal, bool asked, int exit_status);
void formation_kill(struct supervisor *supervisor);
void formation_time(struct supervisor *supervisor);
void formation_settle(struct supervisor *supervisor); // after each step: what follows from it
unsigned formation_quantity(const struct supervisor *supervisor, unsigned type); // surge included
bool formation_has_surplus(const struct supervisor *supervisor, unsigned slot);  // it is extra

// roll.c: rolling restarts.
void roll_mark(struct supervisor *supervisor, unsigned slot);    // its turn shall come
void roll_review(struct supervisor *supervisor, unsigned slot);  // …if it is outdated
void roll_advance(struct supervisor *supervisor);                // whose turn it is
void roll_halt(struct supervisor *supervisor, unsigned culprit); // it has failed
void roll_restore(struct supervisor *supervisor, unsigned slot); // a record of a dead supervisor

// order.c
void order_advance(struct supervisor *supervisor); // starts those that wait, and need not any more
bool order_has(const struct supervisor *supervisor, unsigned slot); // it may have to wait

// budget.c
nsec_t budget_pause(struct supervisor *supervisor, const struct process_policy *policy,
                    uint32_t crashes);
nsec_t budget_wait(struct supervisor *supervisor); // 0: boot now, it is paid for
nsec_t budget_refusal_pause(uint32_t refusals);

static inline const struct process_policy *policy_of(const struct supervisor *supervisor,
                                                     const struct process_record *process)
{
    return &supervisor->plan->types[process->id.type].policy;
}

// Whether it was started in another way than the next one will be.
static inline bool is_outdated(const struct supervisor *supervisor,
                               const struct process_record *process)
{
    return process->revision != supervisor->plan->types[process->id.type].revision;
}
