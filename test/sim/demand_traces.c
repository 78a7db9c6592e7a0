// SPDX-License-Identifier: MIT
// Arrivals at random (Poisson), at a rate that makes the trace. A request takes 250 ms on average,
// exponentially spread; those of a burst 3 s, as those that were measured with Apache and php-fpm.
#include "sim/demand_world.h"

#include <math.h>
#include <stdlib.h>

#define SECONDS(number) ((nsec_t)((number) * (double)NSEC_PER_SEC))

enum { MINUTE = 60, HOUR = 3600, ROOM = 4 * 1000 * 1000 };

static double uniform(struct random *random) // above 0, at most 1
{
    return ((double)(random_next(random) >> 11) + 1) / 9007199254740992.0; // 2^53
}

static double exponential(struct random *random, double mean)
{
    return -mean * log(uniform(random));
}

static void add(struct trace *trace, double at, double service)
{
    if (trace->count < ROOM && SECONDS(at) < trace->length)
        trace->requests[trace->count++] = (struct request){SECONDS(at), SECONDS(service)};
}

// Requests at `rate` a second in that part of the trace.
static void add_steady(struct trace *trace, struct random *random, double from, double to,
                       double rate)
{
    if (rate <= 0)
        return;
    for (double at = from + exponential(random, 1 / rate); at < to;
         at += exponential(random, 1 / rate))
        add(trace, at, exponential(random, 0.25));
}

static void make_step(struct trace *trace, struct random *random)
{
    trace->length = SECONDS(25 * MINUTE);
    add_steady(trace, random, 0, 5 * MINUTE, 20);
    add_steady(trace, random, 5 * MINUTE, 15 * MINUTE, 160);
    add_steady(trace, random, 15 * MINUTE, 25 * MINUTE, 20);
}

static void make_ramp(struct trace *trace, struct random *random)
{
    trace->length = SECONDS(20 * MINUTE);
    for (int at = 0; at < 20 * MINUTE; at++) {
        int height = at < 10 * MINUTE ? at : 20 * MINUTE - at;
        add_steady(trace, random, at, at + 1, 160.0 * height / (10 * MINUTE));
    }
}

static int compare_arrivals(const void *a, const void *b)
{
    const struct request *x = a, *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

static void make_bursts(struct trace *trace, struct random *random)
{
    trace->length = SECONDS(2 * HOUR);
    add_steady(trace, random, 0, 2 * HOUR, 8);
    for (double at = 60; at < 2 * HOUR; at += 20 + exponential(random, 180))
        for (int i = 0; i < 40; i++)
            add(trace, at + 0.1 * uniform(random), 3);
    qsort(trace->requests, trace->count, sizeof(*trace->requests), compare_arrivals);
}

static void make_day(struct trace *trace, struct random *random)
{
    trace->length = SECONDS(24 * HOUR);
    for (int at = 0; at < 24 * HOUR; at += MINUTE)
        add_steady(trace, random, at, at + MINUTE,
                   21 - 19 * cos(2 * M_PI * at / (24 * HOUR))); // 2 at midnight, 40 at noon
}

// The rate itself is another one every ten seconds: mostly 40 to 90, sometimes 200.
static void make_noise(struct trace *trace, struct random *random)
{
    trace->length = SECONDS(1 * HOUR);
    for (int at = 0; at < HOUR; at += 10) {
        double normal = sqrt(-2 * log(uniform(random))) * cos(2 * M_PI * uniform(random));
        double rate = 60 * exp(0.4 * normal);
        add_steady(trace, random, at, at + 10, rate < 200 ? rate : 200);
    }
}

// Somebody comes every few minutes, and looks at some pages; then nobody.
static void make_cold(struct trace *trace, struct random *random)
{
    trace->length = SECONDS(12 * HOUR);
    trace->min = 0;
    for (double at = 120; at < 12 * HOUR; at += exponential(random, 8 * MINUTE)) {
        double page = at;
        for (unsigned pages = 1 + (unsigned)random_below(random, 6); pages > 0; pages--) {
            for (int i = 0; i < 4; i++) // with what belongs to the page
                add(trace, page + 0.05 * i, exponential(random, 0.25));
            page += exponential(random, 15);
        }
    }
    qsort(trace->requests, trace->count, sizeof(*trace->requests), compare_arrivals);
}

void trace_make(unsigned number, struct trace *trace)
{
    static const struct {
        const char *name;
        void (*make)(struct trace *, struct random *);
    } kinds[TRACE_COUNT] = {
        {"step", make_step}, {"ramp", make_ramp},   {"bursts", make_bursts},
        {"day", make_day},   {"noise", make_noise}, {"cold", make_cold},
    };
    struct random random = {number + 1};
    *trace = (struct trace){
        .name = kinds[number].name,
        .requests = calloc(ROOM, sizeof(*trace->requests)),
        .boot = SECONDS(0.5),
        .min = 1,
    };
    if (!trace->requests)
        abort();
    kinds[number].make(trace, &random);
}
