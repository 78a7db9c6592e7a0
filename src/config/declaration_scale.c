// SPDX-License-Identifier: MIT
// In which unit the target is, and whether a key means anything, is known once it is known what is
// counted. So those are kept as nodes and looked at when all keys were read.
#include "config/declaration_scale.h"

#include "base/byte_size.h"
#include "base/decimal.h"
#include "base/limits.h"
#include "config/probe.h"

#include <errno.h>
#include <string.h>

enum { MOST_COUNT = 1000 * 1000 * 1000, PERCENT = 100 };
enum { LONGEST_WINDOW_SEC = 24 * 60 * 60, LONGEST_TIMEOUT_SEC = 60 * 60 };

// What the keys of one `scale` are read into.
struct reading {
    struct plan_scale scale;
    const struct yaml_node *on; // the values of these keys; NULL: not there
    const struct yaml_node *command;
    const struct yaml_node *every;
    const struct yaml_node *idle;
    const struct yaml_node *max;
    const struct yaml_node *min;
    const struct yaml_node *schedule;
    const struct yaml_node *target;
    const struct yaml_node *timeout;
    const struct yaml_node *tolerance;
    bool is_bad_on;
};

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

// --- on
// -------------------------------------------------------------------------------------------

static void read_command(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct reading *reading = out;
    reading->command = node;
    yaml_read_text(reader, node, &reading->scale.command);
    if (node->kind == YAML_TEXT && node->text.size >= LIMIT_ARGUMENT_BYTES)
        diagnostics_error(reader->diagnostics, node->origin,
                          "a command of %zu bytes: the kernel takes fewer than %d, put it into a "
                          "script",
                          node->text.size, LIMIT_ARGUMENT_BYTES);
}

static void read_every(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct reading *reading = out;
    reading->every = node;
    probe_read_period(reader, node, &reading->scale.interval);
}

// As probe_read_period, but at most `most`.
static void read_period(struct yaml_reader *reader, const struct yaml_node *node, nsec_t least,
                        nsec_t most, nsec_t *out)
{
    char subject[YAML_SUBJECT_BYTES];
    char from[DURATION_TEXT_BYTES];
    char to[DURATION_TEXT_BYTES];
    nsec_t period = -1; // stays so when the value was no time, which has been told
    yaml_read_duration(reader, node, &period);
    if (period >= least && period <= most)
        *out = period;
    else if (period >= 0)
        diagnostics_error(reader->diagnostics, node->origin,
                          "%s takes a time from %s to %s, not '%.*s'", yaml_subject(node, subject),
                          duration_format(least, from), duration_format(most, to),
                          STR_ARGS(str_excerpt(node->text)));
}

static void read_timeout(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct reading *reading = out;
    reading->timeout = node;
    read_period(reader, node, 10 * NSEC_PER_MSEC, LONGEST_TIMEOUT_SEC * NSEC_PER_SEC,
                &reading->scale.timeout);
}

static void read_target(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct reading *reading = out;
    if (reading->target)
        diagnostics_error(reader->diagnostics, node->key->origin,
                          "'target' stands here and in 'on': remove one of them");
    reading->target = node;
}

static void read_signal(struct yaml_reader *reader, const struct yaml_node *node,
                        struct reading *reading)
{
    struct str names[SCALE_COMMAND];
    reading->is_bad_on = true;
    if (str_is(node->text, "command")) {
        diagnostics_error(reader->diagnostics, node->origin,
                          "'on' does not say which command: write on: {command: \"…\"}");
        return;
    }
    for (unsigned i = 0; i < SCALE_COMMAND; i++) {
        names[i] = str_of(scale_signal_name(i));
        if (i != SCALE_NONE && str_equal(node->text, names[i])) {
            reading->scale.signal = (enum scale_signal)i;
            reading->is_bad_on = false;
        }
    }
    struct str nearest = str_nearest(node->text, names + 1, SCALE_COMMAND - 1);
    if (reading->is_bad_on)
        diagnostics_error(reader->diagnostics, node->origin,
                          "'on' takes connections, backlog, cpu, memory or {command: \"…\"}, not "
                          "'%.*s'%s%.*s%s",
                          STR_ARGS(str_excerpt(node->text)), nearest.size ? ": did you mean '" : "",
                          STR_ARGS(nearest), nearest.size ? "'?" : "");
}

static void read_on(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    static const struct yaml_field fields[] = {
        {"command", read_command, 0},
        {"every", read_every, 0},
        {"target", read_target, 0},
        {"timeout", read_timeout, 0},
    };
    struct reading *reading = out;
    reading->on = node;
    if (node->kind != YAML_MAP) {
        reading->is_bad_on = !yaml_expect(reader, node, YAML_TEXT);
        if (!reading->is_bad_on)
            read_signal(reader, node, reading);
        return;
    }
    reading->scale.signal = SCALE_COMMAND;
    size_t errors_before = reader->diagnostics->error_count;
    yaml_read_fields(reader, node, fields, COUNT(fields), reading);
    if (!reading->command && reader->diagnostics->error_count == errors_before)
        diagnostics_error(reader->diagnostics, node->origin,
                          "'on' needs 'command', which prints a number");
    reading->is_bad_on = reader->diagnostics->error_count > errors_before;
}

// --- schedule
// -------------------------------------------------------------------------------------

// "Mon"; -1: no day.
static int day_of(struct str text)
{
    static const char *const names[SCALE_DAYS] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    for (int i = 0; i < SCALE_DAYS; i++)
        if (str_is(text, names[i]))
            return i;
    return -1;
}

// "Mon-Fri,Sun"; 0: these are no days.
static unsigned parse_days(struct str text)
{
    unsigned days = 0;
    struct str part;
    while (str_next(&text, ',', &part)) {
        size_t dash = str_find_char(part, '-');
        int first = day_of(str_slice(part, 0, dash));
        int last = dash < part.size ? day_of(str_slice(part, dash + 1, part.size)) : first;
        if (first < 0 || last < 0)
            return 0;
        for (int day = first; day != last; day = (day + 1) % SCALE_DAYS)
            days |= 1u << day;
        days |= 1u << last;
    }
    return days;
}

// "8:00", "08:00"; false: this is no time of a day.
static bool parse_clock(struct str text, unsigned *out)
{
    unsigned long hours;
    unsigned long minutes;
    size_t colon = str_find_char(text, ':');
    struct str behind = colon < text.size ? str_slice(text, colon + 1, text.size) : str_of("");
    if (colon > 2 || behind.size != 2 || !str_to_unsigned(str_slice(text, 0, colon), &hours) ||
        !str_to_unsigned(behind, &minutes) || minutes > 59 ||
        hours * 60 + minutes > SCALE_DAY_MINUTES)
        return false;
    *out = (unsigned)(hours * 60 + minutes);
    return true;
}

static bool parse_hours(struct str text, struct scale_span *out)
{
    size_t dash = str_find_char(text, '-');
    return dash < text.size && parse_clock(str_slice(text, 0, dash), &out->from) &&
           parse_clock(str_slice(text, dash + 1, text.size), &out->to) && out->from != out->to &&
           out->from < SCALE_DAY_MINUTES && out->to > 0;
}

// "Mon-Fri 08:00-18:00", "Sat,Sun" or "22:00-06:00".
static bool parse_span(struct str text, struct scale_span *out)
{
    size_t blank = str_find_char(text, ' ');
    struct str first = str_slice(text, 0, blank);
    struct scale_span span = {.days = parse_days(first), .to = SCALE_DAY_MINUTES};
    bool is_good = span.days != 0;
    if (blank < text.size)
        is_good = is_good && parse_hours(str_slice(text, blank + 1, text.size), &span);
    else if (!is_good && parse_hours(text, &span))
        is_good = (span.days = (1u << SCALE_DAYS) - 1) != 0;
    if (is_good)
        *out = span;
    return is_good;
}

static void read_schedule(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct reading *reading = out;
    reading->schedule = node;
    if (!yaml_expect(reader, node, YAML_MAP))
        return;
    if (node->count > LIMIT_SCALE_SPANS) {
        diagnostics_error(reader->diagnostics, node->origin, "more than %d times",
                          LIMIT_SCALE_SPANS);
        return;
    }
    struct scale_span *spans = arena_alloc(reader->arena, node->count * sizeof(*spans));
    if (!spans) {
        reader->no_memory = true;
        return;
    }
    size_t count = 0;
    for (const struct yaml_node *item = node->first; item; item = item->next) {
        struct scale_span *span = &spans[count];
        if (!parse_span(item->key->text, span))
            diagnostics_error(reader->diagnostics, item->key->origin,
                              "'schedule' takes times as 'Mon-Fri 08:00-18:00', 'Sat,Sun' or "
                              "'22:00-06:00', not '%.*s'",
                              STR_ARGS(str_excerpt(item->key->text)));
        else if (yaml_read_number(reader, item, 0, LIMIT_QUANTITY, &span->quantity))
            count++;
    }
    reading->scale.spans = spans;
    reading->scale.span_count = count;
}

// --- the other keys
// -------------------------------------------------------------------------------

static void read_max(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct reading *reading = out;
    if (yaml_read_number(reader, node, 1, LIMIT_QUANTITY, &reading->scale.max))
        reading->max = node;
}

static void read_min(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct reading *reading = out;
    if (yaml_read_number(reader, node, 0, LIMIT_QUANTITY, &reading->scale.min))
        reading->min = node;
}

static void read_idle(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct reading *reading = out;
    reading->idle = node;
    probe_read_period(reader, node, &reading->scale.idle);
}

static void read_window(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct reading *reading = out;
    read_period(reader, node, NSEC_PER_SEC, LONGEST_WINDOW_SEC * NSEC_PER_SEC,
                &reading->scale.window);
}

static void read_rate(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct reading *reading = out;
    yaml_read_number(reader, node, 1, LIMIT_QUANTITY, &reading->scale.rate);
}

static void read_tolerance(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    struct reading *reading = out;
    unsigned long percent;
    if (!yaml_expect(reader, node, YAML_TEXT))
        return;
    reading->tolerance = node;
    if (str_ends_with(node->text, "%") &&
        str_to_unsigned(str_slice(node->text, 0, node->text.size - 1), &percent) &&
        percent < PERCENT)
        reading->scale.tolerance_percent = (unsigned)percent;
    else
        diagnostics_error(reader->diagnostics, node->origin,
                          "'tolerance' takes a share from 0%% to 99%%, not '%.*s'",
                          STR_ARGS(str_excerpt(node->text)));
}

// --- all of it
// ------------------------------------------------------------------------------------

static const char *unit_of(enum scale_signal signal)
{
    switch (signal) {
    case SCALE_NONE:
        break;
    case SCALE_CONNECTIONS:
        return "connections for one process, as 8";
    case SCALE_BACKLOG:
        return "waiting connections for one more process, as 1";
    case SCALE_CPU:
        return "processors that one process shall use, as 0.7 or 70%";
    case SCALE_MEMORY:
        return "bytes that one process shall use, as 400M";
    case SCALE_COMMAND:
        return "the number that one process is enough for, as 100";
    }
    return "";
}

static bool parse_target(enum scale_signal signal, struct str text, uint64_t *out)
{
    bool is_percent = signal == SCALE_CPU && str_ends_with(text, "%");
    if (signal == SCALE_MEMORY)
        return byte_size_parse(text, out) && *out > 0;
    if (is_percent)
        text = str_slice(text, 0, text.size - 1);
    uint64_t most = signal == SCALE_CPU ? LIMIT_PROCESSORS : MOST_COUNT;
    if (!decimal_parse(text, is_percent ? most * PERCENT : most, out))
        return false;
    *out /= is_percent ? PERCENT : 1;
    return *out > 0;
}

static void finish_target(struct yaml_reader *reader, const struct yaml_node *node,
                          struct reading *reading)
{
    enum scale_signal signal = reading->scale.signal;
    if (!reading->target)
        diagnostics_error(reader->diagnostics, node->origin, "'scale' needs 'target': %s",
                          unit_of(signal));
    else if (yaml_expect(reader, reading->target, YAML_TEXT) &&
             !parse_target(signal, reading->target->text, &reading->scale.target))
        diagnostics_error(reader->diagnostics, reading->target->origin,
                          "'target' takes %s, not '%.*s'", unit_of(signal),
                          STR_ARGS(str_excerpt(reading->target->text)));
}

// …of which there are none.
static void refuse_zero(struct yaml_reader *reader, const struct reading *reading)
{
    if (reading->scale.min == 0 && reading->min &&
        (reading->scale.signal == SCALE_CPU || reading->scale.signal == SCALE_MEMORY))
        diagnostics_error(reader->diagnostics, reading->min->origin,
                          "'min' takes at least 1 with on: %s: without a process nothing would "
                          "ever ask for one",
                          scale_signal_name(reading->scale.signal));
}

static void warn_of_useless(struct yaml_reader *reader, const struct yaml_node *node,
                            const char *without)
{
    if (node)
        diagnostics_warn(reader->diagnostics, node->key->origin, "'%.*s' means nothing without %s",
                         STR_ARGS(node->key->text), without);
}

// The most that the schedule asks for is a bound if there is nothing else that asks for more.
static void finish_bounds(struct yaml_reader *reader, const struct yaml_node *node,
                          struct reading *reading)
{
    struct plan_scale *scale = &reading->scale;
    unsigned most = scale->min;
    for (size_t i = 0; i < scale->span_count; i++)
        most = scale->spans[i].quantity > most ? scale->spans[i].quantity : most;
    if (!reading->max && scale->signal != SCALE_NONE)
        diagnostics_error(reader->diagnostics, node->origin,
                          "'scale' needs 'max': how many processes are the most");
    else if (!reading->max)
        scale->max = most > 0 ? most : 1;
    else if (scale->min > scale->max)
        diagnostics_error(reader->diagnostics, (reading->min ? reading->min : reading->max)->origin,
                          "'min' is more than 'max' (%u and %u)", scale->min, scale->max);
    else if (most > scale->max)
        diagnostics_error(reader->diagnostics, reading->schedule->origin,
                          "'schedule' asks for %u, and 'max' is %u", most, scale->max);
}

static void finish(struct yaml_reader *reader, const struct yaml_node *node,
                   struct reading *reading)
{
    struct plan_scale *scale = &reading->scale;
    if (!reading->on && !reading->schedule) {
        diagnostics_error(reader->diagnostics, node->origin,
                          "'scale' does not say by what: it needs 'on' or 'schedule'");
        return;
    }
    if (scale->signal != SCALE_NONE)
        finish_target(reader, node, reading);
    else
        warn_of_useless(reader, reading->target, "'on'");
    finish_bounds(reader, node, reading);
    refuse_zero(reader, reading);
    if (!reading->tolerance)
        scale->tolerance_percent = plan_default_scale(scale->signal).tolerance_percent;
    if (scale->min > 0)
        warn_of_useless(reader, reading->idle, "min: 0");
}

static void warn_of_unseen(struct yaml_reader *reader, const struct reading *reading)
{
    enum scale_signal signal = reading->scale.signal;
    if (signal == SCALE_CONNECTIONS || signal == SCALE_BACKLOG)
        diagnostics_warn(reader->diagnostics, reading->on->origin,
                         "nobody counts the %s of a type yet: there are as many processes as 'min' "
                         "and 'schedule' say",
                         signal == SCALE_BACKLOG ? "waiting connections" : "connections");
}

void declaration_read_scale(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    static const struct yaml_field fields[] = {
        {"idle", read_idle, 0},     {"max", read_max, 0},
        {"min", read_min, 0},       {"on", read_on, 0},
        {"rate", read_rate, 0},     {"schedule", read_schedule, 0},
        {"target", read_target, 0}, {"tolerance", read_tolerance, 0},
        {"window", read_window, 0},
    };
    struct reading reading = {.scale = plan_default_scale(SCALE_NONE)};
    size_t errors_before = reader->diagnostics->error_count;
    reading.scale.origin = node->key->origin;
    if (!yaml_expect(reader, node, YAML_MAP))
        return;
    yaml_read_fields(reader, node, fields, COUNT(fields), &reading);
    // A key that was refused is likely to be the one that is missing.
    if (reader->diagnostics->error_count == errors_before)
        finish(reader, node, &reading);
    if (reader->diagnostics->error_count > errors_before || reader->no_memory)
        return;
    *(struct plan_scale *)out = reading.scale;
    warn_of_unseen(reader, &reading);
}

int declaration_copy_scale(const struct plan_scale *declared, struct arena *arena,
                           struct plan_scale *out)
{
    if (!declared->is_set)
        return 0;
    *out = *declared;
    struct scale_span *spans = arena_alloc(arena, declared->span_count * sizeof(*spans));
    if (!spans || arena_str(arena, declared->command, &out->command) != 0 ||
        arena_str(arena, declared->origin.file, &out->origin.file) != 0)
        return -ENOMEM;
    for (size_t i = 0; i < declared->span_count; i++)
        spans[i] = declared->spans[i];
    out->spans = spans;
    return 0;
}
