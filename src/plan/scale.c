// SPDX-License-Identifier: MIT
// The defaults are those that the simulation (test/sim/demand.c) was looked at with.
#include "plan/scale.h"

#include "base/limits.h"

struct plan_scale plan_default_scale(enum scale_signal signal)
{
    bool is_measured = signal == SCALE_CPU || signal == SCALE_MEMORY;
    return (struct plan_scale){
        .is_set = true,
        .signal = signal,
        .min = 1,
        .tolerance_percent = is_measured ? 10 : 0, // counts are exact
        .idle = 300 * NSEC_PER_SEC,
        .window = 60 * NSEC_PER_SEC,
        .rate = 32,
        .command = str_of(""),
        .interval = 10 * NSEC_PER_SEC,
        .timeout = 10 * NSEC_PER_SEC,
        .origin.file = str_of(""),
    };
}

static bool is_in_span(const struct scale_span *span, unsigned day, unsigned minute)
{
    unsigned before = (day + SCALE_DAYS - 1) % SCALE_DAYS;
    bool begins_today = (span->days >> day & 1) && minute >= span->from;
    bool began_yesterday = (span->days >> before & 1) && minute < span->to;
    if (span->from < span->to)
        return begins_today && minute < span->to;
    return begins_today || began_yesterday;
}

unsigned scale_least(const struct plan_scale *scale, unsigned day, unsigned minute)
{
    unsigned least = scale->min;
    for (size_t i = 0; i < scale->span_count; i++)
        if (scale->spans[i].quantity > least && is_in_span(&scale->spans[i], day, minute))
            least = scale->spans[i].quantity;
    return least;
}

const char *scale_signal_name(unsigned signal)
{
    static const char *const names[] = {
        [SCALE_NONE] = "schedule", [SCALE_CONNECTIONS] = "connections", [SCALE_BACKLOG] = "backlog",
        [SCALE_CPU] = "cpu",       [SCALE_MEMORY] = "memory",           [SCALE_COMMAND] = "command",
    };
    return signal < sizeof(names) / sizeof(*names) ? names[signal] : NULL;
}
