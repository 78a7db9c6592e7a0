// SPDX-License-Identifier: MIT
// A queue of requests in virtual time and the processes that serve it, one request each, as PHP
// does. An algorithm looks at them and makes more or fewer.
#pragma once

#include "base/duration.h"
#include "base/random.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WORLD_MOST = 64, WORLD_BACKLOG = 511 }; // processes; connections that wait (listen(2))

struct request {
    nsec_t at;
    nsec_t service;
};

struct trace {
    const char *name;
    struct request *requests; // in the order of their arrival
    size_t count;
    nsec_t length;
    nsec_t boot;  // from the spawn to the first request that it takes
    unsigned min; // so many processes at least, if the algorithm can keep so few
};

enum { TRACE_COUNT = 6 };

// The same whenever it is made. The caller frees trace->requests.
void trace_make(unsigned number, struct trace *trace);

enum worker_state { WORKER_BOOTING, WORKER_IDLE, WORKER_BUSY };

struct worker {
    enum worker_state state;
    bool is_leaving; // ends with its request
    nsec_t since;    // in this state
    nsec_t until;    // NSEC_NEVER: until a request comes
};

struct world {
    const struct trace *trace;
    nsec_t now;
    struct worker workers[2 * WORLD_MOST]; // those that leave have a successor beside them
    unsigned worker_count;
    size_t arrived; // of the trace's requests
    size_t *queue;  // a ring of their numbers
    unsigned queue_head, queued;
    nsec_t *waits; // of those served
    size_t served;
    size_t rejected;
    nsec_t cost;    // of all processes together, until the end of the trace
    nsec_t busy;    // of that, with a request
    unsigned turns; // how often it went down after up, or up after down
    int direction;
};

// How many processes there are of those that do not leave.
unsigned world_count(const struct world *world, enum worker_state state);
unsigned world_total(const struct world *world);

// No more than WORLD_MOST in all.
void world_spawn(struct world *world, unsigned count);

// The longest idle first, then those that boot, then those that are busy: they end with their
// request.
void world_retire(struct world *world, unsigned count);

// --- algorithms
// -----------------------------------------------------------------------------------

struct algorithm {
    const char *name;
    // Begins; returns when `tick` is wanted first.
    nsec_t (*begin)(struct world *world);
    // Returns when it is wanted again.
    nsec_t (*tick)(struct world *world);
    // A request has come; returns when `tick` is wanted, or NSEC_NEVER. NULL: it does not notice.
    nsec_t (*arrival)(struct world *world);
};

extern const struct algorithm algorithms[]; // ours is the first
enum { ALGORITHM_COUNT = 7 };

struct score {
    double cost;       // seconds of processes
    double mean_wait;  // seconds
    double worst_wait; // …of which a hundredth of the requests had more
    size_t rejected;
    unsigned turns;
};

void world_run(const struct trace *trace, const struct algorithm *algorithm, struct score *out);
