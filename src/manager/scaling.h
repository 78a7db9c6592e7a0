// SPDX-License-Identifier: MIT
// Types whose number the demand decides: what is seen of them goes to supervise/demand.h, and what
// that wants becomes the quantity in the plan.
#pragma once

#include "manager/meter.h"
#include "supervise/demand.h"

// How much of a processor's time a process had used when it was looked at.
struct scaling_sample {
    int32_t pid;
    nsec_t cpu;
};

struct scaling {
    struct manager *manager;
    uint16_t type;
    bool is_on; // the demand decides
    struct demand_state state;
    struct demand_decision decision; // the last one
    nsec_t decide_at;
    nsec_t measure_at;
    uint64_t value; // as seen last
    bool has_trouble;
    struct meter meter;             // of a command
    struct scaling_sample *samples; // on: cpu; by the number of a process
    unsigned sample_count;
    nsec_t sampled_at;
};

nsec_t scaling_due_at(const struct manager *manager);

// Observes, decides, and puts what is wanted in force.
void scaling_work(struct manager *manager, nsec_t now);

// As watch_forgive().
void scaling_forgive(struct manager *manager, nsec_t lost);

// The files were read again: what was seen may have been something else.
void scaling_follow_plan(struct manager *manager);

// Of a type, or NULL: none is known.
const struct scaling *scaling_of(const struct manager *manager, unsigned type);

void scaling_close(struct manager *manager);
