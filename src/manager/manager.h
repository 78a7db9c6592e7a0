// SPDX-License-Identifier: MIT
// The local engine's brain: the only place where decisions, streams and the guard meet. It may be
// killed at any moment; the next one continues from the journal.
#pragma once

#include "config/options.h"
#include "event/journal.h"
#include "manager/drops.h"
#include "plan/plan.h"
#include "stream/recent.h"

#include <stddef.h>

enum { MANAGER_STATUS_BYTES = 160 }; // of a line about a process, the NUL included

// What outlives a manager, behind the board; zeroed at the beginning of a formation.
struct manager_memory {
    nsec_t began_at;        // when the formation was started, CLOCK_MONOTONIC
    uint32_t managers_told; // of those the guard has started, how many the journal knows of
    bool is_upgrading;      // the manager has made way for another program, which is not up yet
    bool is_remembering;    // other quantities are being remembered, which are not in force yet
    bool was_ready;         // all processes were ready at once: the formation has come up
    bool has_told_ready;    // …and the init knows; false again while the files are read
    nsec_t reloading_since; // the init is to be told that they are read again; 0
    nsec_t wall_offset; // the last clock_wall_offset(), so that a start is told with one time only
    // The addresses of the listening sockets that the guard holds, by their numbers; "": none.
    char listeners[LIMIT_LISTENERS][LISTENER_TEXT_BYTES];
    struct journal journal;
    struct recent recent;
    char status_texts[LIMIT_PROCESSES][MANAGER_STATUS_BYTES];
    struct process_drops drops[LIMIT_PROCESSES]; // by slot
    unsigned long oom_kills; // in the supervisor's own cgroup, as they were counted last
};

enum { MANAGER_MEMORY_BYTES = sizeof(struct manager_memory) };

// Runs the formation, or goes on with it, until it is over; called in a process that the guard has
// started. Takes the plan over; `options` are borrowed. Returns the exit status.
int manager_run(struct plan *plan, const struct options *options);
