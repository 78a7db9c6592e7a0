// SPDX-License-Identifier: MIT
// Who kills managers finds the next one at once, though not more often than every INTERVAL. If they
// die so soon again and again, there are pauses, short enough that hardly anybody notices.
//
// One that dies before it has come up may have died of what the next one will meet, too: so there
// are pauses then, each twice as long as the last. After the longest it is said that there is none;
// the processes run on, and it is tried again and again, since what was lacking may come back.
#include "guard/revive.h"

#include "os/clock.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>

#define INTERVAL (50 * NSEC_PER_MSEC)
#define LONGEST_PAUSE (64 * INTERVAL)
#define GRACE (5 * NSEC_PER_SEC)

// One that was asked for the end, and gives no sign of life, is killed: the next one will do it. If
// none does, the guard ends everything itself.
#define MANAGER_HANGS_AFTER (5 * NSEC_PER_SEC)
#define MANAGERS_ARE_GIVEN_UP_AFTER (15 * NSEC_PER_SEC)

#define SOON NSEC_PER_SEC                        // a life shorter than this …
#define PAUSE_OF_SOON_DEAD (100 * NSEC_PER_MSEC) // … is followed by this pause …
enum { SOON_DEAD_FORGIVEN = 10 };                // … from so many in a row on

static nsec_t pause_after_life(nsec_t life)
{
    static unsigned soon_dead; // in a row
    soon_dead = life < SOON ? soon_dead + 1 : 0;
    return soon_dead > SOON_DEAD_FORGIVEN ? PAUSE_OF_SOON_DEAD : 0;
}

void revive_manager(struct guard *guard, bool was_up)
{
    nsec_t now = clock_now();
    nsec_t doubled = guard->manager_pause ? 2 * guard->manager_pause : INTERVAL;
    nsec_t earliest = guard->manager_started_at + INTERVAL;
    nsec_t pause = doubled < LONGEST_PAUSE ? doubled : LONGEST_PAUSE;
    guard->manager_pause = was_up ? 0 : pause;
    guard->manager_due_at =
        now + (was_up ? pause_after_life(now - guard->manager_started_at) : pause);
    if (guard->manager_due_at < earliest)
        guard->manager_due_at = earliest;
}

bool revive_is_in_vain(const struct guard *guard)
{
    return guard->manager_pause >= LONGEST_PAUSE;
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

// Returns a signal that asks for the end and was not dealt with, or 0.
static int waiting_signal(const struct guard *guard, uint32_t *handled)
{
    static const int asks[] = {SIGABRT, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    int waiting = 0;
    *handled = 0;
    for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
        if (asks[i] == SIGHUP && guard->board->is_hangup_for_reload)
            continue;
        uint32_t done = atomic_load(&guard->board->signals_handled[asks[i]]);
        *handled += done;
        if (done != atomic_load(&guard->board->signals_received[asks[i]]))
            waiting = asks[i];
    }
    return waiting;
}

static void kill_manager(const struct guard *guard)
{
    if (guard->manager_pidfd >= 0)
        (void)pidfd_send_signal(guard->manager_pidfd, SIGKILL, NULL, 0);
}

void revive_look_after(struct guard *guard)
{
    uint32_t handled;
    nsec_t now = clock_now();
    if (now >= guard->herald.look_at && herald_finds_silence(&guard->herald))
        kill_manager(guard);
    int signal = waiting_signal(guard, &handled);
    if (signal == 0 || guard->asked_at == NSEC_NEVER || handled != guard->handled)
        guard->asked_at = signal ? now : NSEC_NEVER;
    guard->handled = handled;
    if (signal == 0)
        return;
    bool is_given_up = now - guard->asked_at >= MANAGERS_ARE_GIVEN_UP_AFTER;
    bool hangs = now - guard->asked_at >= MANAGER_HANGS_AFTER &&
                 now - guard->heard_at >= MANAGER_HANGS_AFTER;
    if (hangs || is_given_up)
        kill_manager(guard);
    if (is_given_up && !guard->is_over) {
        guard->is_over = guard->manager_is_left = true;
        guard->exit_status = 128 + signal;
    }
}

int revive_wait_milliseconds(const struct guard *guard, nsec_t due_at)
{
    enum { LOOK_AGAIN_MS = 500 };
    if (guard->manager_due_at < due_at)
        due_at = guard->manager_due_at;
    if (guard->may_have_strangers && guard->strangers_due_at < due_at)
        due_at = guard->strangers_due_at;
    if (guard->herald.look_at < due_at)
        due_at = guard->herald.look_at;
    if (due_at == NSEC_NEVER)
        return guard->asked_at == NSEC_NEVER ? -1 : LOOK_AGAIN_MS;
    nsec_t rest = due_at - clock_now();
    if (guard->asked_at != NSEC_NEVER && rest > LOOK_AGAIN_MS * NSEC_PER_MSEC)
        return LOOK_AGAIN_MS;
    return rest > 0 ? (int)(rest / NSEC_PER_MSEC) + 1 : 0;
}
