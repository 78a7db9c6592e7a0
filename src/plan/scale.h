// SPDX-License-Identifier: MIT
// What decides how many processes a type has, where it is not a fixed number.
#pragma once

#include "base/duration.h"
#include "base/str.h"
#include "plan/origin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What is counted, of all processes of the type together.
enum scale_signal {
    SCALE_NONE,        // nothing: the schedule alone decides
    SCALE_CONNECTIONS, // that are open, those that nobody has accepted yet included
    SCALE_BACKLOG,     // that nobody has accepted yet
    SCALE_CPU,         // processors' time in use, of those that are ready
    SCALE_MEMORY,      // of those that are ready
    SCALE_COMMAND,     // the number that a command prints
};

enum { SCALE_DAYS = 7, SCALE_DAY_MINUTES = 24 * 60 };

// So many at least in a part of the week.
struct scale_span {
    unsigned days; // bit 0 is Sunday (tm_wday)
    unsigned from; // minutes since midnight
    unsigned to;   // …and the first one behind it; not after `from`: of the next day
    unsigned quantity;
};

struct plan_scale {
    bool is_set; // else the quantity is a fixed number, and the rest means nothing
    enum scale_signal signal;
    unsigned min;
    unsigned max;
    uint64_t target;            // what one process is to have: bytes of memory; of all else,
                                // thousandths of a connection, a processor, the number
    unsigned tolerance_percent; // so far from the target is near enough
    nsec_t idle;                // without any demand for so long: the last one goes (min 0)
    nsec_t window;              // fewer only once so long nothing has asked for more
    unsigned rate;              // so many more, or fewer, in a second
    struct str command;         // SCALE_COMMAND: a line of shell
    nsec_t interval;            // from the end of one run of it to the next
    nsec_t timeout;             // of one run
    const struct scale_span *spans;
    size_t span_count;
    struct origin origin;
};

// What is not said in `scale:`, for that signal.
struct plan_scale plan_default_scale(enum scale_signal signal);

// The least number at that minute of the week, which is local time: the most that a span says, and
// not less than `min`.
unsigned scale_least(const struct plan_scale *scale, unsigned day, unsigned minute);

// As in formation.yaml: "connections"; NULL behind the last one.
const char *scale_signal_name(unsigned signal);
