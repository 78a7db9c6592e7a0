// SPDX-License-Identifier: MIT
// What demand_decide() costs, and how long people wait, beside the algorithms of others on the same
// requests. Speaks TAP, with the table of ARCHITECTURE.md as comments.
#include "sim/demand_world.h"

#include <stdio.h>
#include <stdlib.h>

// A fall comes at least a window, 60 s, after any rise: two turns in each at most.
enum { SECONDS_A_TURN = 30 };

static unsigned number;

static bool report(bool is_good, const char *trace, const char *what, const char *name)
{
    printf("%s %u - %s: %s%s\n", is_good ? "ok" : "not ok", ++number, trace, what, name);
    return is_good;
}

// Costs less, and nobody has to wait longer for it, on average or among the slowest hundredth.
static bool beats(const struct score *other, const struct score *ours)
{
    return other->cost < ours->cost && other->rejected <= ours->rejected &&
           (other->mean_wait < ours->mean_wait || other->worst_wait < ours->worst_wait);
}

static bool run(unsigned trace_number)
{
    struct trace trace;
    struct score scores[ALGORITHM_COUNT];
    bool is_good = true;
    trace_make(trace_number, &trace);
    for (unsigned i = 0; i < ALGORITHM_COUNT; i++) {
        world_run(&trace, &algorithms[i], &scores[i]);
        printf("# | %s | %s | %.0f | %.1f | %.0f | %zu | %u |\n", i == 0 ? trace.name : "",
               algorithms[i].name, scores[i].cost, scores[i].mean_wait * 1e3,
               scores[i].worst_wait * 1e3, scores[i].rejected, scores[i].turns);
    }
    for (unsigned i = 1; i < ALGORITHM_COUNT; i++)
        is_good &= report(!beats(&scores[i], &scores[0]), trace.name,
                          "not both cheaper and quicker: ", algorithms[i].name);
    is_good &= report(scores[0].turns <= trace.length / NSEC_PER_SEC / SECONDS_A_TURN, trace.name,
                      "does not flap", "");
    is_good &= report(scores[0].rejected == 0, trace.name, "serves everybody", "");
    free(trace.requests);
    return is_good;
}

int main(void)
{
    bool is_good = true;
    printf("# | trace | algorithm | process seconds | mean wait, ms | 99 %%, ms | refused "
           "| turns |\n");
    printf("# |---|---|---|---|---|---|---|\n");
    for (unsigned i = 0; i < TRACE_COUNT; i++)
        is_good &= run(i);
    printf("1..%u\n", number);
    return is_good ? 0 : 1;
}
