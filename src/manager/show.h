// SPDX-License-Identifier: MIT
// Lines on their way to the terminal, pipe or file that the formation was started on.
#pragma once

#include "base/error.h"
#include "base/limits.h"
#include "config/options.h"
#include "plan/plan.h"
#include "stream/outlet.h"
#include "stream/recent.h"
#include "view/format.h"
#include "view/log_line.h"
#include "view/terminal.h"

// Whose lines these are: prefix and colour.
struct show_voice {
    unsigned source;      // slot of the process, or SHOW_SOURCE_SYSTEM
    struct process_id id; // of no meaning for the system
    bool is_error;        // what comes is from its standard error, which is told apart
    uint32_t lane;        // on a terminal: show_lane()
    unsigned color;
    nsec_t built_at; // wall second that the prefix shows
    struct log_prefix prefix;
};

// Lines of one source that came at one moment, in order.
struct show_lines {
    unsigned source;
    const char *name; // its process, or "system"
    uint32_t owner;   // show_owner()
    nsec_t at;        // wall clock
    const struct str *texts;
    size_t count;
};

// What a format may say of them besides their text (manager/facts.h).
typedef struct format_line show_facts(const void *context, const struct show_lines *lines);

// Hears every line that is shown.
typedef void show_listener(void *context, const struct show_lines *lines);

struct show {
    struct outlet outlet;
    struct recent *recent;   // every line is remembered there
    show_listener *listener; // NULL: nobody listens
    void *listener_context;
    show_listener *sink; // hears them too: what is written elsewhere
    void *sink_context;
    struct log_style style;
    struct terminal terminal;
    enum log_format format; // of standard output; all but text are built of …
    show_facts *facts;      // …what this one says, …
    const void *facts_context;
    struct format_prefix format_prefix; // …which is put before the lines that are being shown
    struct buffer formatted;            // one of them, on a terminal
    const char *time_format;            // NULL: no time
    nsec_t now;                         // wall clock
    nsec_t second;                      // …of `time`
    char time[LOG_TIME_BYTES];
    struct show_voice system;
    bool has_lost_lines; // for want of memory, and it was told
};

enum { SHOW_SOURCE_SYSTEM = RECENT_SOURCES - 1 };

// The owner of a remembered line: which process, and whether it is a sentence of ours about it.
#define SHOW_IS_NOTE (UINT32_C(1) << 31)
#define SHOW_IS_ERROR (UINT32_C(1) << 30) // …from its standard error, where that is told apart
static inline uint32_t show_owner(struct process_id id)
{
    return (uint32_t)id.type << 16 | id.number;
}
static inline struct process_id show_process(uint32_t owner)
{
    return (struct process_id){(uint16_t)((owner & ~(SHOW_IS_NOTE | SHOW_IS_ERROR)) >> 16),
                               (uint16_t)owner};
}
_Static_assert(LIMIT_TYPES < 1 << 14, "type and flags fit an owner");

// Whether it is that of lines of this process, or of notes about it.
static inline bool show_is_of(uint32_t owner, struct process_id id)
{
    return (owner & ~(SHOW_IS_NOTE | SHOW_IS_ERROR)) == show_owner(id);
}

// Whether they are sentences of ours.
static inline bool show_is_note(const struct show_lines *lines)
{
    return lines->source == SHOW_SOURCE_SYSTEM || lines->owner & SHOW_IS_NOTE;
}

// Lines of one lane come one after the other; those of two may tear each other.
enum { SHOW_LANES = 2 }; // of a source
static inline unsigned show_lane(unsigned source, bool is_error)
{
    return SHOW_LANES * source + is_error;
}

// Whether the output is coloured; `is_terminal`: where it goes to.
bool show_wants_color(const struct options *options, bool is_terminal);

// Opens standard output. `recent` is borrowed. 0, or -errno with a sentence.
int show_open(struct show *show, const struct plan *plan, const struct options *options,
              struct recent *recent, struct error *error);
void show_close(struct show *show);

// Columns of our terminal that are taken by what stands in front of each line.
unsigned show_margin(const struct show *show);

// Call before the lines of one read: looks at the clock.
void show_now(struct show *show);

// Lines that the process `name` has written, and a sentence of ours about it.
void show_lines(struct show *show, struct show_voice *voice, const char *name,
                const struct str *lines, size_t count);
void show_note(struct show *show, struct show_voice *voice, const char *name, struct str sentence);

// The beginning of a line that lingers, and a sentence about the formation.
void show_partial(struct show *show, struct show_voice *voice, const char *name, struct str part);
void show_system(struct show *show, struct str sentence);

// One sentence on standard error, about the output itself. Never waits: that may be the same pipe
// that nobody reads.
__attribute__((format(printf, 1, 2))) void show_aside(const char *format, ...);
