// SPDX-License-Identifier: MIT
// Finding what descends from a formation's processes where there are no cgroup folders.
#pragma once

#include "os/kin.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

// Who forks and exits all the time may be missed by a look. But then the dead are seen, or more of
// them than by the last look: it is to be looked again.
struct search_sight {
    bool has_changed; // some had ended, or were about to, when they were looked at
    size_t listed;    // descendants of the guard, dead and alive; 0 if all of /proc was looked at
};

struct search {
    pid_t guard;      // whose children adopted orphans are
    const char *mark; // "FORMATION_ID=…" in the environment; NULL: every descendant of the guard
    const char *member; // "PS=web.1" besides; NULL: every process of the formation
    uint64_t brand;     // has the same meaning as both; 0: none
    pid_t leader;       // its group and session count too; it must not have been reaped. 0: none
    pid_t spared;       // this child of the guard does not count; 0: none
    const struct kin_set *mains; // children of the guard that need not be looked at; may be NULL
    int signal;                  // sent to each; 0: none
    struct kin_list *found;      // gets each; may be NULL
    bool stops_at_first;
    struct search_sight *sight; // may be NULL
};

// Counts the living processes that fit, ourselves left out. Called by the guard or a child of
// its, only the guard's descendants are looked at; when that is gone, or where the kernel keeps no
// lists of children, all of /proc is.
unsigned search_run(const struct search *search);
