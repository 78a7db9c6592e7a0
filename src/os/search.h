// SPDX-License-Identifier: MIT
// Finding what descends from a formation's processes where there are no cgroup folders.
#pragma once

#include "os/kin.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

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
    bool *has_changed; // set if some had begun to end when they were looked at; may be NULL
};

// Who forks and exits all the time may be missed by a look at all of /proc. But then the dead are
// seen: `has_changed` says to look again.
//
// Counts the living processes that fit, ourselves left out. Called by the guard or a child of
// its, only the guard's descendants are looked at; when that is gone, or where the kernel keeps no
// lists of children, all of /proc is.
unsigned search_run(const struct search *search);
