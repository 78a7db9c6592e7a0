// SPDX-License-Identifier: MIT
// Who kills managers finds the next one at once, though not more often than every INTERVAL. One
// that dies before it has come up may have died of what the next one will meet, too: so there are
// pauses then, each twice as long as the last, and after the longest no other try: 6 s in all.
#include "guard/revive.h"

#include "os/clock.h"

#include <signal.h>
#include <sys/epoll.h>

#define INTERVAL (50 * NSEC_PER_MSEC)
#define LONGEST_PAUSE (64 * INTERVAL)
#define GRACE (5 * NSEC_PER_SEC)

bool revive_manager(struct guard *guard, bool was_up)
{
    nsec_t pause = guard->manager_pause ? 2 * guard->manager_pause : INTERVAL;
    nsec_t earliest = guard->manager_started_at + INTERVAL;
    guard->manager_pause = was_up ? 0 : pause;
    guard->manager_due_at = clock_now() + guard->manager_pause;
    if (guard->manager_due_at < earliest)
        guard->manager_due_at = earliest;
    return guard->manager_pause <= LONGEST_PAUSE;
}

// Each type's own signal and grace are known to managers only.
void revive_give_up(struct guard *guard)
{
    struct epoll_event event;
    nsec_t until = clock_now() + GRACE;
    holds_signal(&guard->holds, SIGTERM);
    holds_signal(&guard->holds, SIGCONT); // a stopped process cannot act on it otherwise
    while (holds_live(&guard->holds) && clock_now() < until)
        if (epoll_wait(guard->watch, &event, 1, (int)(INTERVAL / NSEC_PER_MSEC)) == 1 &&
            event.data.u64 < LIMIT_PROCESSES)
            hold_note_death(&guard->holds, (unsigned)event.data.u64);
}
