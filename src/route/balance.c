// SPDX-License-Identifier: MIT
// A pass over all seats: with a thousand of them a microsecond, where a connection costs thirty.
#include "route/balance.h"

// A process that refuses is most likely one that is being started or ended, and the manager says so
// within milliseconds; a rest is for what it does not see. Nobody waits longer than that for one
// that is back.
#define FIRST_REST (50 * NSEC_PER_MSEC)
#define LONGEST_REST (2 * NSEC_PER_SEC)

// It takes connections, and has room in its queue as soon as it has taken one.
#define BUSY_REST (5 * NSEC_PER_MSEC)

static bool may_have_one(const struct balance_seat *seat, nsec_t now)
{
    if (!seat->is_accepting)
        return false;
    return seat->failures == 0 || (seat->connecting == 0 && now >= seat->rests_until);
}

size_t balance_choose(const struct balance_seat *seats, size_t count, size_t last, nsec_t now)
{
    size_t chosen = BALANCE_NONE;
    size_t at = last < count ? last : count - 1; // BALANCE_NONE: the first one is next
    for (size_t i = 0; i < count; i++) {
        at = at + 1 < count ? at + 1 : 0;
        bool is_less = chosen == BALANCE_NONE || seats[at].in_flight < seats[chosen].in_flight;
        if (is_less && may_have_one(&seats[at], now))
            chosen = at;
    }
    return chosen;
}

nsec_t balance_due_at(const struct balance_seat *seats, size_t count)
{
    nsec_t due = NSEC_NEVER;
    for (size_t i = 0; i < count; i++) {
        bool rests = seats[i].is_accepting && seats[i].failures > 0 && seats[i].connecting == 0;
        if (rests && seats[i].rests_until < due)
            due = seats[i].rests_until;
    }
    return due;
}

void balance_note_failure(struct balance_seat *seat, nsec_t now)
{
    enum { MOST_DOUBLINGS = 10 };
    if (seat->failures > 0 && now < seat->rests_until)
        return; // one of many that were under way with the first
    unsigned doublings = seat->failures < MOST_DOUBLINGS ? seat->failures : MOST_DOUBLINGS;
    nsec_t rest = FIRST_REST << doublings;
    if (seat->failures < UINT32_MAX)
        seat->failures++;
    seat->rests_until = now + (rest < LONGEST_REST ? rest : LONGEST_REST);
}

void balance_note_busy(struct balance_seat *seat, nsec_t now)
{
    if (seat->failures == 0)
        seat->failures = 1;
    seat->rests_until = now + BUSY_REST;
}

void balance_note_success(struct balance_seat *seat)
{
    seat->failures = 0;
}
