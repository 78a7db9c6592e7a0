// SPDX-License-Identifier: MIT
// `ready:` and `alive:` of formation.yaml: how a process is found to be ready, or still at work.
#pragma once

#include "config/yaml.h"
#include "plan/plan.h"

struct declared_probe {
    struct probe probe;
    struct origin origin;      // of the whole; line 0: not declared
    struct origin text_origin; // of the value of its kind
};

// Both read into a struct declared_probe. A `log` pattern may still be none for regcomp(3).
yaml_read probe_read_ready;
yaml_read probe_read_alive;

// As yaml_read_duration, but nothing below 10 ms: what happens that often would leave no time for
// anything else.
yaml_read probe_read_period;
