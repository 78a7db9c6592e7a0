// SPDX-License-Identifier: MIT
// Each observation is worth a recommendation, ceil(value / target). A higher one is followed at
// once. A lower one is followed when it is the highest of the window, as the Kubernetes HPA does
// it: so there is no fall within a window of any rise, and the same demand again is met without
// waiting. Who fell too early, and had to rise again within a window, has more patience next time
// (as uWSGI's busyness does), so that bursts that come back are waited for.
//
// The backlog is looked at beside the value: a queue that stays for as long as an idle process
// would need to take from it shows that none is idle, whatever the value says (php-fpm and Apache
// never look at theirs).
#include "supervise/demand.h"

#include <stdio.h>
#include <string.h>

enum { THOUSAND = 1000, PERCENT = 100 };

// An idle process accepts within that time, so a queue that is older is one.
#define WAITING_COUNTS_AFTER (5 * NSEC_PER_MSEC)

// The window is never longer than so many times what was declared; where to fall is a guess, it may
// be longer.
enum { MOST_PATIENCE = 2, MOST_PATIENCE_OF_GUESSES = 8 };

// Where nothing but the backlog is known, nobody knows how many are too many: a quarter fewer is
// tried in each window without one.
enum { TRIED_SHARE = 4 };

struct advice {
    unsigned wanted;
    enum demand_reason reason;
};

static unsigned quotient_up(uint64_t value, uint64_t target)
{
    uint64_t count = value / target + (value % target != 0);
    return count < UINT32_MAX ? (unsigned)count : UINT32_MAX;
}

static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

void demand_begin(struct demand_state *state, const struct plan_scale *scale, nsec_t now,
                  unsigned wanted)
{
    wanted = smaller(wanted, scale->max);
    *state = (struct demand_state){
        .wanted = wanted,
        .now = now,
        .recent[0] = {now, wanted},
        .recent_count = 1,
        .idle_since = NSEC_NEVER,
        .waiting_since = NSEC_NEVER,
        .fell_at = NSEC_NEVER,
        .patience = 1,
        .credit = NSEC_PER_SEC,
    };
}

static nsec_t window_of(const struct demand_state *state, const struct plan_scale *scale)
{
    return scale->window * state->patience;
}

// --- what an observation asks for
// -----------------------------------------------------------------

static bool is_measured(const struct plan_scale *scale)
{
    return scale->signal == SCALE_CPU || scale->signal == SCALE_MEMORY;
}

static bool is_near(const struct plan_scale *scale, const struct demand_observation *seen)
{
    __int128 aim = (__int128)scale->target * seen->ready;
    __int128 distance = (__int128)seen->value - aim;
    distance = distance < 0 ? -distance : distance;
    return distance * PERCENT <= aim * scale->tolerance_percent;
}

static struct advice advise_by_value(const struct demand_state *state,
                                     const struct plan_scale *scale,
                                     const struct demand_observation *seen)
{
    unsigned wanted = quotient_up(seen->value, scale->target);
    if (scale->signal == SCALE_BACKLOG) {
        unsigned tried = state->wanted - (state->wanted + TRIED_SHARE - 1) / TRIED_SHARE;
        if (seen->value == 0)
            return (struct advice){tried, DEMAND_VALUE};
        return (struct advice){state->wanted, DEMAND_VALUE}; // more: see advise_by_queue()
    }
    if (seen->ready > 0 && seen->ready == state->wanted && is_near(scale, seen))
        return (struct advice){state->wanted, seen->value == (uint64_t)scale->target * seen->ready
                                                  ? DEMAND_VALUE
                                                  : DEMAND_NEAR};
    // Those that start do nothing yet, but will take their part.
    if (is_measured(scale) && wanted < state->wanted)
        wanted = smaller(state->wanted, wanted + seen->starting);
    return (struct advice){wanted, DEMAND_VALUE};
}

static bool queue_counts(const struct demand_state *state, const struct demand_observation *seen)
{
    return seen->backlog != DEMAND_UNKNOWN && seen->backlog > 0 &&
           (seen->ready == 0 || state->waiting_since <= seen->now - WAITING_COUNTS_AFTER);
}

// Those that start are for those who wait already.
static unsigned advise_by_queue(const struct plan_scale *scale,
                                const struct demand_observation *seen)
{
    uint64_t backlog = seen->backlog < UINT32_MAX ? seen->backlog : UINT32_MAX;
    unsigned needed = quotient_up(backlog * THOUSAND, scale->target);
    needed = larger(needed, seen->starting);
    return needed < UINT32_MAX - seen->ready ? seen->ready + needed : UINT32_MAX;
}

static struct advice advise(const struct demand_state *state, const struct plan_scale *scale,
                            const struct demand_observation *seen)
{
    bool has_queue = scale->signal == SCALE_CONNECTIONS || scale->signal == SCALE_BACKLOG;
    struct advice advice = {state->wanted, DEMAND_KEPT};
    if (scale->signal == SCALE_NONE)
        advice = (struct advice){seen->least, DEMAND_SCHEDULED};
    else if (seen->value != DEMAND_UNKNOWN)
        advice = advise_by_value(state, scale, seen);
    if (has_queue && queue_counts(state, seen)) {
        unsigned wanted = advise_by_queue(scale, seen);
        if (wanted > advice.wanted)
            advice = (struct advice){wanted, DEMAND_WAITING};
    }
    if (advice.wanted < seen->least)
        advice =
            (struct advice){seen->least, seen->least > scale->min ? DEMAND_SCHEDULED : DEMAND_MIN};
    if (advice.wanted > scale->max)
        advice = (struct advice){scale->max, DEMAND_MAX};
    return advice;
}

// --- what was asked for in the window
// -------------------------------------------------------------

// Whatever is not higher than a newer one will never be the highest again.
static void remember(struct demand_state *state, struct demand_recommendation fresh)
{
    while (state->recent_count > 0 && state->recent[state->recent_count - 1].wanted <= fresh.wanted)
        state->recent_count--;
    // Without room the last level holds for longer than it should, which is the safe side.
    if (state->recent_count == DEMAND_RECOMMENDATIONS)
        state->recent[DEMAND_RECOMMENDATIONS - 1].at = fresh.at;
    else
        state->recent[state->recent_count++] = fresh;
}

// The last one holds until the next observation.
static void forget(struct demand_state *state, nsec_t before)
{
    size_t old = 0;
    while (old + 1 < state->recent_count && state->recent[old].at <= before)
        old++;
    state->recent_count -= old;
    memmove(state->recent, state->recent + old, state->recent_count * sizeof(*state->recent));
}

// --- how it is followed
// ---------------------------------------------------------------------------

static void pass_time(struct demand_state *state, const struct plan_scale *scale,
                      const struct demand_observation *seen)
{
    bool is_known = seen->value != DEMAND_UNKNOWN;
    bool waits = seen->backlog != DEMAND_UNKNOWN && seen->backlog > 0;
    nsec_t elapsed = seen->now - state->now;
    state->credit = elapsed < NSEC_PER_SEC - state->credit ? state->credit + elapsed : NSEC_PER_SEC;
    state->now = seen->now;
    if (!is_known || seen->value > 0 || waits || scale->signal == SCALE_NONE)
        state->idle_since = NSEC_NEVER;
    else if (state->idle_since == NSEC_NEVER)
        state->idle_since = seen->now;
    if (!waits)
        state->waiting_since = NSEC_NEVER;
    else if (state->waiting_since == NSEC_NEVER)
        state->waiting_since = seen->now;
}

// How many of `count` may come or go now.
static unsigned spend(struct demand_state *state, const struct plan_scale *scale, unsigned count)
{
    nsec_t price = NSEC_PER_SEC / scale->rate;
    unsigned affordable = (unsigned)(state->credit / price);
    count = smaller(count, affordable);
    state->credit -= count * price;
    return count;
}

static void rise(struct demand_state *state, const struct plan_scale *scale, unsigned wanted,
                 struct demand_decision *out)
{
    unsigned more = spend(state, scale, wanted - state->wanted);
    if (state->wanted == 0 && more == 0)
        more = 1; // somebody waits, and nobody is there
    if (state->fell_at != NSEC_NEVER && state->now - state->fell_at < window_of(state, scale)) {
        state->patience =
            smaller(2 * state->patience,
                    scale->signal == SCALE_BACKLOG ? MOST_PATIENCE_OF_GUESSES : MOST_PATIENCE);
        state->fell_at = NSEC_NEVER;
    }
    state->wanted += more;
    if (state->wanted < wanted) {
        out->reason = DEMAND_RATE;
        out->wake_at = state->now + NSEC_PER_SEC / scale->rate;
    }
}

static void fall(struct demand_state *state, const struct plan_scale *scale, unsigned wanted,
                 struct demand_decision *out)
{
    bool is_to_rest = wanted == 0 && scale->signal != SCALE_NONE;
    if (is_to_rest &&
        (state->idle_since == NSEC_NEVER || state->now - state->idle_since < scale->idle)) {
        wanted = 1;
        if (state->wanted == 1) {
            out->reason = state->idle_since == NSEC_NEVER ? out->reason : DEMAND_RESTING;
            out->wake_at =
                state->idle_since == NSEC_NEVER ? NSEC_NEVER : state->idle_since + scale->idle;
            return;
        }
    } else if (is_to_rest) {
        out->reason = DEMAND_IDLE;
    }
    unsigned fewer = spend(state, scale, state->wanted - wanted);
    // A fall that nothing came of for two windows: less patience is enough.
    if (fewer > 0 && state->fell_at != NSEC_NEVER && state->patience > 1 &&
        state->now - state->fell_at >= 2 * window_of(state, scale))
        state->patience /= 2;
    if (fewer > 0)
        state->fell_at = state->now;
    state->wanted -= fewer;
    if (state->wanted > wanted) {
        out->reason = DEMAND_RATE;
        out->wake_at = state->now + NSEC_PER_SEC / scale->rate;
    }
}

// As many as before, since more were asked for a short time ago, or there was work.
static void hold(const struct demand_state *state, const struct plan_scale *scale,
                 struct demand_decision *out)
{
    out->reason = DEMAND_HELD;
    out->wake_at = state->recent[0].at + window_of(state, scale);
    if (state->wanted == 1 && state->idle_since != NSEC_NEVER &&
        state->idle_since + scale->idle >= out->wake_at) {
        out->reason = DEMAND_RESTING;
        out->wake_at = state->idle_since + scale->idle;
    }
}

static nsec_t earlier(nsec_t a, nsec_t b)
{
    return a < b ? a : b;
}

void demand_decide(struct demand_state *state, const struct plan_scale *scale,
                   const struct demand_observation *observation, struct demand_decision *out)
{
    struct demand_observation seen = *observation;
    if (seen.now < state->now)
        seen.now = state->now;
    pass_time(state, scale, &seen);
    struct advice advice = advise(state, scale, &seen);
    forget(state, seen.now - window_of(state, scale));
    remember(state, (struct demand_recommendation){seen.now, advice.wanted});

    struct demand_decision decision = {
        .reason = advice.reason,
        .value = seen.value,
        .backlog = seen.backlog,
        .wake_at = NSEC_NEVER,
    };
    unsigned highest = smaller(state->recent[0].wanted, scale->max);
    if (scale->signal == SCALE_NONE)
        highest = advice.wanted; // the clock does not waver
    if (advice.wanted > state->wanted) {
        rise(state, scale, advice.wanted, &decision);
    } else if (highest < state->wanted) {
        fall(state, scale, highest, &decision);
    } else if (advice.wanted < state->wanted) {
        hold(state, scale, &decision);
    } else if (state->wanted == 0 && advice.reason != DEMAND_KEPT && scale->signal != SCALE_NONE) {
        decision.reason = DEMAND_IDLE;
    }
    if (state->waiting_since != NSEC_NEVER &&
        seen.now - state->waiting_since < WAITING_COUNTS_AFTER)
        decision.wake_at = earlier(decision.wake_at, state->waiting_since + WAITING_COUNTS_AFTER);
    decision.wanted = state->wanted;
    *out = decision;
}

// --- for people
// -----------------------------------------------------------------------------------

// At most three digits behind the point, and none that is 0 at the end.
static void format_thousandths(uint64_t value, char *out, size_t size)
{
    (void)snprintf(out, size, "%llu.%03llu", (unsigned long long)(value / THOUSAND),
                   (unsigned long long)(value % THOUSAND));
    size_t end = strlen(out);
    while (out[end - 1] == '0')
        end--;
    if (out[end - 1] == '.')
        end--;
    out[end] = '\0';
}

static void format_bytes(uint64_t bytes, char *out, size_t size)
{
    static const char units[] = {' ', 'K', 'M', 'G', 'T', 'P', 'E'};
    unsigned unit = 0;
    for (; bytes > UINT64_MAX / 10; bytes /= 1024)
        unit++;
    uint64_t tenths = bytes * 10;
    for (; tenths >= 10240; tenths /= 1024)
        unit++;
    int used = snprintf(out, size, "%llu", (unsigned long long)(tenths / 10));
    if (tenths % 10 && tenths < 100 && unit)
        used +=
            snprintf(out + used, size - (size_t)used, ".%llu", (unsigned long long)(tenths % 10));
    if (unit)
        (void)snprintf(out + used, size - (size_t)used, "%c", units[unit]);
}

const char *demand_value_text(const struct plan_scale *scale, uint64_t value,
                              char out[DEMAND_TEXT_BYTES])
{
    if (value == DEMAND_UNKNOWN)
        (void)snprintf(out, DEMAND_TEXT_BYTES, "unknown");
    else if (scale->signal == SCALE_MEMORY)
        format_bytes(value, out, DEMAND_TEXT_BYTES);
    else
        format_thousandths(value, out, DEMAND_TEXT_BYTES);
    return out;
}

// "connections 34, 8 each" and what is to be said behind it.
static void say_value(const struct plan_scale *scale, const struct demand_decision *decision,
                      const char *behind, char out[DEMAND_TEXT_BYTES])
{
    char value[DEMAND_TEXT_BYTES];
    char target[DEMAND_TEXT_BYTES];
    (void)snprintf(out, DEMAND_TEXT_BYTES, "%s %.24s, %.24s each%.20s",
                   scale_signal_name(scale->signal),
                   demand_value_text(scale, decision->value, value),
                   demand_value_text(scale, scale->target, target), behind);
}

const char *demand_text(const struct plan_scale *scale, const struct demand_decision *decision,
                        char out[DEMAND_TEXT_BYTES])
{
    char time[DURATION_TEXT_BYTES];
    const char *words = NULL;
    switch (decision->reason) {
    case DEMAND_BEGUN:
        words = "not observed yet";
        break;
    case DEMAND_VALUE:
        say_value(scale, decision, "", out);
        break;
    case DEMAND_WAITING:
        (void)snprintf(out, DEMAND_TEXT_BYTES, "waiting %llu",
                       (unsigned long long)decision->backlog);
        break;
    case DEMAND_NEAR:
        say_value(scale, decision, ": near enough", out);
        break;
    case DEMAND_HELD:
        say_value(scale, decision, ": held", out);
        break;
    case DEMAND_RATE:
        (void)snprintf(out, DEMAND_TEXT_BYTES, "rate %u a second", scale->rate);
        break;
    case DEMAND_MIN:
        words = "min";
        break;
    case DEMAND_SCHEDULED:
        words = "schedule";
        break;
    case DEMAND_MAX:
        words = "max";
        break;
    case DEMAND_RESTING:
        (void)snprintf(out, DEMAND_TEXT_BYTES, "idle, none after %s",
                       duration_format(scale->idle, time));
        break;
    case DEMAND_IDLE:
        (void)snprintf(out, DEMAND_TEXT_BYTES, "idle %s", duration_format(scale->idle, time));
        break;
    case DEMAND_KEPT:
        words = "unknown: kept";
        break;
    }
    if (words)
        (void)snprintf(out, DEMAND_TEXT_BYTES, "%s", words);
    return out;
}
