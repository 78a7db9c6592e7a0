// SPDX-License-Identifier: MIT
// How long to wait before a process is started again.
//
// Boots after crashes are rationed by the generic cell rate algorithm (ITU-T I.371): one moment,
// up to which boots are paid for, says everything. Who is too early comes again; there is no queue.
#include "supervise/state.h"

nsec_t budget_pause(struct supervisor *supervisor, const struct process_policy *policy,
                    uint32_t crashes)
{
    nsec_t pause = policy->backoff_base;
    if (crashes <= 1)
        return 0;
    for (uint32_t i = 2; i < crashes && pause < policy->backoff_max; i++)
        pause *= 2;
    if (pause > policy->backoff_max)
        pause = policy->backoff_max;
    // ± 10 %, so that processes which crashed together do not come back together.
    nsec_t tenth = pause / 10;
    return pause - tenth + (nsec_t)random_below(&supervisor->random, (uint64_t)(2 * tenth) + 1);
}

nsec_t budget_wait(struct supervisor *supervisor)
{
    nsec_t now = supervisor->now;
    nsec_t paid_until = supervisor->boots_paid_until;
    if (paid_until < now)
        paid_until = now;
    nsec_t earliest = paid_until - (BOOT_BURST - 1) * BOOT_INTERVAL;
    if (earliest > now)
        return earliest - now;
    supervisor->boots_paid_until = paid_until + BOOT_INTERVAL;
    return 0;
}

nsec_t budget_refusal_pause(uint32_t refusals)
{
    nsec_t pause = REFUSAL_PAUSE_FIRST;
    for (uint32_t i = 1; i < refusals && pause < REFUSAL_PAUSE_LONGEST; i++)
        pause *= 2;
    return pause < REFUSAL_PAUSE_LONGEST ? pause : REFUSAL_PAUSE_LONGEST;
}
