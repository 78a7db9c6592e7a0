// SPDX-License-Identifier: MIT
// One file of a sink: of a process, a type, or the formation.
#pragma once

#include "base/duration.h"
#include "os/logfile.h"

#include <stdbool.h>
#include <stdint.h>

struct sink_file {
    uint32_t owner;
    struct logfile file; // fd -1: not open
    char *path;
    bool is_within_line;    // of which the rest has to follow in the same file
    bool is_failing;        // and it was told
    bool cannot_rotate;     // and it was told
    nsec_t written_at;      // monotonic, as the next one
    nsec_t rotate_again_at; // not before, since it has failed
};
