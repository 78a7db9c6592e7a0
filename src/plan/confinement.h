// SPDX-License-Identifier: MIT
// What a process is allowed: who it is, what it may become, and how much it and all that descends
// from it may use.
#pragma once

#include "base/str.h"
#include "plan/origin.h"
#include "plan/rights.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Of everything that descends from one process, together: kept by the kernel's cgroup controllers.
// 0: no limit.
struct tree_limits {
    uint64_t memory_bytes;
    uint64_t cpu_thousandths; // of one processor's time
    uint64_t processes;       // threads count, as for the kernel
    struct origin origin;     // of `limits`
};

struct confinement {
    struct tree_limits tree;
    struct rights rights;
};
