// SPDX-License-Identifier: MIT
// Times that somebody declares may be as long as they like, so sums stop at a year.
#include "plan/timing.h"

#include "base/limits.h"

#define LONGEST (365 * 24 * 3600 * NSEC_PER_SEC)

static nsec_t add(nsec_t a, nsec_t b)
{
    return a >= LONGEST || b >= LONGEST || a + b >= LONGEST ? LONGEST : a + b;
}

// Its own time, behind the latest of those that it waits for as they are known so far.
static nsec_t ready_after(const struct process_type *type, const nsec_t *times)
{
    bool is_waited_for = type->quantity > 0 && type->policy.waits_for_ready;
    nsec_t latest = 0;
    for (size_t i = 0; i < type->after_count; i++)
        if (times[type->after[i]] > latest)
            latest = times[type->after[i]];
    return add(latest, is_waited_for ? type->policy.boot_limit : 0);
}

// There are no circles, so each pass makes the times of one more link of a chain final.
nsec_t plan_boot_time(const struct plan *plan)
{
    nsec_t times[LIMIT_TYPES] = {0};
    nsec_t longest = 0;
    bool is_final = false;
    for (size_t pass = 0; pass <= plan->type_count && !is_final; pass++) {
        is_final = true;
        for (size_t i = 0; i < plan->type_count; i++) {
            nsec_t time = ready_after(&plan->types[i], times);
            is_final = is_final && time == times[i];
            times[i] = time;
            longest = time > longest ? time : longest;
        }
    }
    return longest;
}

nsec_t plan_stop_time(const struct plan *plan)
{
    nsec_t longest = 0;
    for (size_t i = 0; i < plan->type_count; i++)
        if (plan->types[i].quantity > 0 && plan->types[i].policy.stop_grace > longest)
            longest = plan->types[i].policy.stop_grace;
    return longest < LONGEST ? longest : LONGEST;
}
