// SPDX-License-Identifier: MIT
// Lines on their way to the terminal, pipe or file that the formation was started on.
#pragma once

#include "base/error.h"
#include "base/limits.h"
#include "config/options.h"
#include "plan/plan.h"
#include "stream/outlet.h"
#include "view/log_line.h"
#include "view/terminal.h"

// Whose lines these are: prefix and colour.
struct show_voice {
    uint32_t owner; // tells processes apart on a terminal
    unsigned color;
    nsec_t built_at; // wall second that the prefix shows
    struct log_prefix prefix;
};

struct show {
    struct outlet outlet;
    struct log_style style;
    struct terminal terminal;
    const char *time_format; // NULL: no time
    nsec_t second;           // wall clock of `time`
    char time[LOG_TIME_BYTES];
    struct show_voice system;
    bool has_lost_lines; // for want of memory, and it was told
};

enum { SHOW_OWNER_SYSTEM = LIMIT_PROCESSES };

// Opens standard output. 0, or -errno with a sentence.
int show_open(struct show *show, const struct plan *plan, const struct options *options,
              struct error *error);
void show_close(struct show *show);

// Call before the lines of one read: looks at the clock.
void show_now(struct show *show);

void show_line(struct show *show, struct show_voice *voice, const char *name, struct str line);
void show_partial(struct show *show, struct show_voice *voice, const char *name, struct str part);
void show_system(struct show *show, struct str line);

// One sentence on standard error, about the output itself. Never waits: that may be the same pipe
// that nobody reads.
__attribute__((format(printf, 1, 2))) void show_aside(const char *format, ...);
