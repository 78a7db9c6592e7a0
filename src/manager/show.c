// SPDX-License-Identifier: MIT
// The prefix of a process is built once a second, not once a line; a line is two copies.
#include "manager/show.h"

#include "os/clock.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NO_LANE UINT32_MAX // a sentence of ours never goes on in the middle of a process's line
#define FOREMAN_TIME_FORMAT "%H:%M:%S"
#define ROOM_PATIENCE (10 * NSEC_PER_SEC) // with a reader that reads nothing while memory is short

static bool is_dumb(void)
{
    const char *terminal = getenv("TERM");
    return !terminal || strcmp(terminal, "dumb") == 0;
}

// NO_COLOR and FORCE_COLOR (no-color.org, force-color.org) count when they are not empty.
bool show_wants_color(const struct options *options, bool is_terminal)
{
    const char *never = getenv("NO_COLOR");
    const char *always = getenv("FORCE_COLOR");
    if (options->color != COLOR_AUTO)
        return options->color == COLOR_ALWAYS;
    if (never && *never)
        return false;
    if (always && *always)
        return strcmp(always, "0") != 0;
    return is_terminal && !is_dumb();
}

int show_open(struct show *show, const struct plan *plan, const struct options *options,
              struct recent *recent, struct error *error)
{
    int result = outlet_open(&show->outlet, STDOUT_FILENO, error);
    if (result < 0)
        return result;
    const char *format =
        options->timestamp_format ? options->timestamp_format : FOREMAN_TIME_FORMAT;
    show->time_format = options->no_timestamp ? NULL : format;
    show->second = -1;
    // Bare lines are text without a prefix, sentences of ours among them.
    show->format =
        options->log_format == SINK_RAW ? LOG_FORMAT_TEXT : (enum log_format)options->log_format;
    show->recent = recent;
    show->style = (struct log_style){
        .color = show_wants_color(options, show->outlet.is_terminal),
        .no_prefix = options->no_prefix || options->log_format == SINK_RAW,
        .no_color = options->color == COLOR_NEVER,
        .tame = show->outlet.is_terminal,
        .width = log_name_width(plan),
    };
    show->system = (struct show_voice){
        .source = SHOW_SOURCE_SYSTEM,
        .color = LOG_COLOR_SYSTEM,
        .built_at = -1,
    };
    show->terminal.is_dumb = is_dumb();
    show_now(show);
    return 0;
}

void show_close(struct show *show)
{
    outlet_close(&show->outlet);
    buffer_fini(&show->formatted);
}

unsigned show_margin(const struct show *show)
{
    const struct log_style *style = &show->style;
    struct log_prefix prefix;
    struct log_style bare = {.no_prefix = style->no_prefix, .width = style->width};
    if (!show->outlet.is_terminal)
        return 0;
    log_prefix_build(&prefix, &bare, 0, str_of(show->time), str_of(""));
    return prefix.size;
}

void show_now(struct show *show)
{
    show->now = clock_wall();
    nsec_t second = show->now / NSEC_PER_SEC;
    if (second == show->second)
        return;
    show->second = second;
    if (show->time_format)
        show->time[clock_wall_text(show->time_format, show->time, sizeof(show->time))] = '\0';
}

static void build_prefix(struct show *show, struct show_voice *voice, const char *name)
{
    // Without a time in it, a prefix never changes.
    nsec_t wanted = show->time_format ? show->second : 0;
    if (voice->built_at != wanted) {
        log_prefix_build(&voice->prefix, &show->style, voice->color, str_of(show->time),
                         str_of(name));
        voice->built_at = wanted;
    }
}

// What a terminal must not obey is made harmless behind the format as well.
static void append_on_terminal(struct show *show, const struct show_voice *voice, struct str line)
{
    const struct log_prefix none = {.tame = true};
    buffer_clear(&show->formatted);
    format_append(&show->formatted, show->format, &show->format_prefix, line);
    struct str whole = buffer_str(&show->formatted);
    if (show->formatted.failed)
        outlet_buffer(&show->outlet)->failed = true;
    else
        terminal_line(&show->terminal, outlet_buffer(&show->outlet), voice->lane, &none,
                      str_slice(whole, 0, whole.size - 1));
}

static void append_line(struct show *show, const struct show_voice *voice, struct str line)
{
    struct buffer *out = outlet_buffer(&show->outlet);
    if (show->format != LOG_FORMAT_TEXT && show->outlet.is_terminal)
        append_on_terminal(show, voice, line);
    else if (show->format != LOG_FORMAT_TEXT)
        format_append(out, show->format, &show->format_prefix, line);
    else if (show->outlet.is_terminal)
        terminal_line(&show->terminal, out, voice->lane, &voice->prefix, line);
    else
        log_line_append(out, &voice->prefix, line);
}

// Without memory for one more line, those before it must be gone first: everything waits for that.
static bool make_room(struct show *show)
{
    enum outlet_state state = outlet_drain(&show->outlet, ROOM_PATIENCE);
    return state == OUTLET_IDLE || state == OUTLET_CLOSED || state == OUTLET_FAILED;
}

// The line in as many pieces as there is memory for, each a line of its own.
static bool append_in_pieces(struct show *show, const struct show_voice *voice, struct str line)
{
    enum { SMALLEST = 256 };
    size_t size = line.size;
    while (make_room(show)) {
        append_line(show, voice, str_slice(line, 0, size));
        if (!outlet_buffer(&show->outlet)->failed) {
            line = str_slice(line, size, line.size);
            if (line.size == 0)
                return true;
            size = size < line.size ? size : line.size;
        } else if (size > SMALLEST) {
            size /= 2;
        } else {
            return false;
        }
    }
    return false;
}

// All of them at once, or nothing; false: one by one.
static bool append_together(struct show *show, const struct show_voice *voice,
                            const struct str *lines, size_t count)
{
    struct buffer *out = outlet_buffer(&show->outlet);
    if (show->outlet.is_terminal)
        return false;
    if (show->format != LOG_FORMAT_TEXT)
        format_append_lines(out, show->format, &show->format_prefix, lines, count);
    else
        log_lines_append(out, &voice->prefix, lines, count);
    return !out->failed;
}

static bool append_lines(struct show *show, const struct show_voice *voice, const struct str *lines,
                         size_t count)
{
    bool are_whole = true;
    if (show->outlet.is_null || append_together(show, voice, lines, count))
        return true;
    for (size_t i = 0; i < count; i++) {
        append_line(show, voice, lines[i]);
        are_whole &=
            !outlet_buffer(&show->outlet)->failed || append_in_pieces(show, voice, lines[i]);
    }
    return are_whole;
}

static void build_format_prefix(struct show *show, const struct show_lines *lines)
{
    const struct format_line facts = show->facts(show->facts_context, lines);
    format_prefix_build(&show->format_prefix, show->format, &facts);
}

static void write_lines(struct show *show, struct show_voice *voice, const char *name,
                        const struct show_lines *lines)
{
    if (show->format == LOG_FORMAT_TEXT)
        build_prefix(show, voice, name);
    else
        build_format_prefix(show, lines);
    if (append_lines(show, voice, lines->texts, lines->count))
        return;
    if (!show->has_lost_lines)
        show_aside("there is no memory to show every line of %s", name);
    show->has_lost_lines = true;
}

static void say(struct show *show, struct show_voice *voice, const char *name,
                const struct show_lines *lines)
{
    write_lines(show, voice, name, lines);
    (void)recent_add_all(show->recent, lines->source, lines->owner, lines->at, lines->texts,
                         lines->count);
    if (show->sink)
        show->sink(show->sink_context, lines);
    if (show->listener)
        show->listener(show->listener_context, lines);
}

void show_lines(struct show *show, struct show_voice *voice, const char *name,
                const struct str *lines, size_t count)
{
    const struct show_lines said = {
        .source = voice->source,
        .name = name,
        .owner = show_owner(voice->id) | (voice->is_error ? SHOW_IS_ERROR : 0),
        .at = show->now,
        .texts = lines,
        .count = count,
    };
    voice->lane = show_lane(voice->source, voice->is_error);
    say(show, voice, name, &said);
}

void show_note(struct show *show, struct show_voice *voice, const char *name, struct str sentence)
{
    const struct show_lines said = {
        .source = voice->source,
        .name = name,
        .owner = show_owner(voice->id) | SHOW_IS_NOTE,
        .at = show->now,
        .texts = &sentence,
        .count = 1,
    };
    voice->lane = NO_LANE;
    say(show, voice, name, &said);
}

void show_partial(struct show *show, struct show_voice *voice, const char *name, struct str part)
{
    if (show->format != LOG_FORMAT_TEXT)
        return; // a record has no beginning without an end
    build_prefix(show, voice, name);
    terminal_partial(&show->terminal, outlet_buffer(&show->outlet),
                     show_lane(voice->source, voice->is_error), &voice->prefix, part);
}

void show_system(struct show *show, struct str sentence)
{
    show_note(show, &show->system, "system", sentence);
}

void show_aside(const char *format, ...)
{
    struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
    va_list arguments;
    if (poll(&ready, 1, 0) != 1)
        return;
    va_start(arguments, format);
    (void)fputs("formation: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
}
