// SPDX-License-Identifier: MIT
// What sinks leave out: counted by sink and by process, told where it is missing, and as events.
// The counts outlive a manager that is killed at any moment.
#pragma once

#include "base/duration.h"
#include "base/str.h"
#include "event/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct manager;
struct sink;

// Of the last process in a slot.
struct process_drops {
    uint32_t owner; // show_owner()
    uint64_t count;
};

// Whether a sink takes the next lines. One that has left out some takes none until half of what may
// wait is gone, so that there are few gaps, and long ones.
bool drops_has_room(const struct sink *sink);

void drops_count(struct sink *sink, unsigned source, uint32_t owner, size_t count);

// In the sink itself, if there is something to tell.
void drops_tell(struct sink *sink);

// After each round: gaps that are over, and events. `drops_finish` when no more lines will come.
void drops_work(struct manager *manager);
void drops_finish(struct manager *manager);
nsec_t drops_due_at(const struct manager *manager);

// A sentence about that sink in the output and in all other sinks: it has its own.
void drops_tell_others(struct manager *manager, const char *name, struct str sentence);

uint64_t drops_of_sink(const struct sink *sink);
uint64_t drops_of_process(const struct manager *manager, unsigned slot);
void drops_resume(struct manager *manager); // with the counts of a manager that was killed
