// SPDX-License-Identifier: MIT
// How many processes of a type are wanted: more at once when there is work for them, fewer only
// when nothing has asked for more for a while, and what is not known changes nothing.
//
// Pure: whoever observes calls demand_decide() about once a second, at once when connections wait
// that nobody has accepted, and at `wake_at`.
#pragma once

#include "plan/scale.h"

#define DEMAND_UNKNOWN UINT64_MAX

// What was seen. Values are of all processes together, in the unit of the target (plan/scale.h).
struct demand_observation {
    nsec_t now; // monotonic
    unsigned ready;
    unsigned starting; // and not ready yet
    uint64_t value;    // of the signal, or DEMAND_UNKNOWN
    uint64_t backlog;  // connections (not thousandths) that nobody has accepted, or DEMAND_UNKNOWN
    unsigned least;    // scale_least()
};

enum demand_reason {
    DEMAND_BEGUN,     // nothing was seen yet: what was asked for at first
    DEMAND_VALUE,     // the signal's value asks for just so many
    DEMAND_WAITING,   // connections wait although as many run as the value asks for
    DEMAND_NEAR,      // so near to the target that it is left alone
    DEMAND_HELD,      // fewer would do now, but not long enough yet
    DEMAND_RATE,      // more (or fewer) come with the next second
    DEMAND_MIN,       // the declared least,
    DEMAND_SCHEDULED, // …that of the schedule,
    DEMAND_MAX,       // …or the most
    DEMAND_RESTING,   // there is nothing to do, but not long enough yet for the last one to go
    DEMAND_IDLE,      // none: there is nothing to do
    DEMAND_KEPT,      // the value is unknown: as many as before
};

struct demand_decision {
    unsigned wanted;
    enum demand_reason reason;
    uint64_t value;   // as observed
    uint64_t backlog; // as observed
    nsec_t wake_at;   // decide again then, whatever is seen; NSEC_NEVER
};

// How many recommendations are remembered. They only ever fall from one to the next, so this is
// enough for all levels of a type of 32 processes, and coarse steps of a larger one.
enum { DEMAND_RECOMMENDATIONS = 32 };

struct demand_recommendation {
    nsec_t at;
    unsigned wanted;
};

// Of one type. Copying it is allowed; its fields are for demand.c only.
struct demand_state {
    unsigned wanted;
    nsec_t now;                                                  // of the last decision
    struct demand_recommendation recent[DEMAND_RECOMMENDATIONS]; // falling; the oldest first
    size_t recent_count;
    nsec_t idle_since;    // NSEC_NEVER: there was work
    nsec_t waiting_since; // connections wait since then; NSEC_NEVER: none do
    nsec_t fell_at;       // when it was the last time that fewer were wanted; NSEC_NEVER
    unsigned patience;    // the window is so many times as long
    nsec_t credit;        // of the rate: a process costs a second / rate
};

// Begins with `wanted`, which runs or is remembered, at `now`.
void demand_begin(struct demand_state *state, const struct plan_scale *scale, nsec_t now,
                  unsigned wanted);

// One decision. Time that goes backwards is taken for none. `scale` may be another than before.
void demand_decide(struct demand_state *state, const struct plan_scale *scale,
                   const struct demand_observation *observation, struct demand_decision *out);

// Why, for people: "connections 34, 8 each". `out` holds DEMAND_TEXT_BYTES; returns out.
enum { DEMAND_TEXT_BYTES = 96 };
const char *demand_text(const struct plan_scale *scale, const struct demand_decision *decision,
                        char out[DEMAND_TEXT_BYTES]);

// The signal's value alone, "34", "0.25", "1.2G", or "unknown". `out` as above.
const char *demand_value_text(const struct plan_scale *scale, uint64_t value,
                              char out[DEMAND_TEXT_BYTES]);
