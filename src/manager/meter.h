// SPDX-License-Identifier: MIT
// A command that prints a number, run again and again beside everything else. Whatever it does
// instead, fail, hang, print something else, leave processes behind, costs its own turn only.
#pragma once

#include "os/check.h"
#include "os/loop.h"
#include "os/tree.h"
#include "plan/plan.h"

struct manager;

enum { METER_BYTES = 128, METER_TROUBLE_BYTES = 256 };

struct meter {
    struct manager *manager;
    bool is_running;
    bool is_told;     // its time was over, which was told; its end is nothing new
    bool is_unwanted; // nobody wants the number of this run any more
    struct check check;
    struct loop_source source; // what it prints
    int fd;
    char bytes[METER_BYTES]; // the beginning of that
    size_t size;
    nsec_t timeout;
    nsec_t deadline;
    char branch[TREE_NAME_BYTES]; // the part of the tree that it runs in
    // What it was worth last: thousandths, if there is no trouble.
    uint64_t value;
    char trouble[METER_TROUBLE_BYTES]; // NUL: none
    void (*news)(struct meter *meter); // of a value or of trouble, and of the end
};

// Runs the command of `scale` as the first process of the type would be: as its user, with its
// environment, in its directory. If it cannot be started that is trouble, told before this returns.
void meter_begin(struct meter *meter, const struct process_type *type);

// For so long nobody could run.
void meter_forgive(struct meter *meter, nsec_t lost);

// Ends what has taken too long. Not running: does nothing.
void meter_work(struct meter *meter, nsec_t now);

// Kills it; its end is told, but what it has printed is nothing.
void meter_forget(struct meter *meter);

// Forgets it, and waits for its end, for a moment.
void meter_close(struct meter *meter);
