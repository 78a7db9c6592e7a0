// SPDX-License-Identifier: MIT
// What the init that has started us is told: sd_notify(3). The guard sends it, since an init
// listens to its service's main process, and says on the board what has arrived.
#pragma once

#include "base/buffer.h"
#include "base/duration.h"

#include <stdbool.h>
#include <stdint.h>

struct manager;

// What an init acts on.
enum init_word { INIT_NOTHING, INIT_READY, INIT_RELOADING, INIT_STOPPING };

struct init_report {
    nsec_t watchdog;     // WATCHDOG=1 is wanted that often; 0: it is not
    nsec_t beat_at;      // the next one; NSEC_NEVER
    nsec_t look_at;      // whether there is something to be said; NSEC_NEVER: after the next event
    nsec_t rests_until;  // no look before that, but for the end of the formation
    nsec_t pause;        // before a message that did not arrive is sent again
    uint64_t reviewed;   // the last event that was looked at
    uint32_t token;      // of the last message
    enum init_word word; // …and what it said, if that is not known to have arrived
    bool has_said;       // there was one
    bool has_told_end;
    struct buffer status; // the last one, with its name
};

void init_report_open(struct manager *manager);
void init_report_work(struct manager *manager); // in every round of the loop
nsec_t init_report_due_at(const struct manager *manager);

// The files are about to be read again, by whoever's wish. The end of it is found out by itself.
void init_report_reloading(struct manager *manager);

// No round of the loop comes any more.
void init_report_close(struct manager *manager);
