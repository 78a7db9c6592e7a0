// SPDX-License-Identifier: MIT
// What a process and everything that descends from it use of the machine.
#pragma once

#include "base/duration.h"
#include "os/tree.h"

#include <stdint.h>

struct usage {
    unsigned tasks;        // processes; zombies are none
    nsec_t cpu;            // spent by those that live, and by children that they have waited for
    uint64_t memory_bytes; // resident; a page that several share counts for each
};

// Of the branch `name`, whose main process is `leader`. All zero when nothing of it lives.
void usage_read(const struct tree *tree, const char *name, pid_t leader, struct usage *out);
