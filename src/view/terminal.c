// SPDX-License-Identifier: MIT
// The cursor's place is remembered as the number of bytes of the unfinished line that were used;
// they end between two units of tame.c, so that what follows them can be shown on its own.
//
// A progress bar is drawn in one row, over itself: without the terminal's line wrap it is cut at
// the margin, and a return leads to its start, however wide the terminal is and its characters are.
// Whoever else has something to say takes the row, and the bar is drawn again below.
#include "view/terminal.h"

#include "view/tame.h"

#define COLORS_OFF "\033[0m"
#define TO_EMPTY_ROW "\r\033[K"
#define WRAP_OFF "\033[?7l"
#define WRAP_ON "\033[?7h"

static void show(struct terminal *terminal, struct buffer *out, const struct log_prefix *prefix,
                 struct str text, bool is_whole)
{
    bool *is_colored = prefix->no_color ? NULL : &terminal->is_colored;
    terminal->shown_bytes += tame_append(out, text, is_whole, is_colored);
}

// At the start of an empty line.
static void be_nowhere(struct terminal *terminal)
{
    *terminal = (struct terminal){
        .is_dumb = terminal->is_dumb,
        .has_hidden = terminal->has_hidden,
        .hidden = terminal->hidden,
    };
}

static void end_colors(struct terminal *terminal, struct buffer *out)
{
    if (terminal->is_colored)
        buffer_append_text(out, COLORS_OFF);
    terminal->is_colored = false;
}

static void end_line(struct terminal *terminal, struct buffer *out)
{
    end_colors(terminal, out);
    buffer_append_char(out, '\n');
    be_nowhere(terminal);
}

static void wipe(struct terminal *terminal, struct buffer *out)
{
    end_colors(terminal, out);
    buffer_append_text(out, TO_EMPTY_ROW);
    be_nowhere(terminal);
}

void terminal_leave(struct terminal *terminal, struct buffer *out)
{
    if (terminal->is_bar) {
        terminal->has_hidden = true;
        terminal->hidden = terminal->owner;
        wipe(terminal, out);
    } else if (terminal->is_within_line) {
        end_line(terminal, out);
    }
}

// What of `line` is not shown yet, if its beginning stands before the cursor.
static bool goes_on(const struct terminal *terminal, uint32_t owner, struct str line,
                    struct str *rest)
{
    *rest = str_slice(line, terminal->shown_bytes, line.size);
    return terminal->is_within_line && terminal->owner == owner &&
           line.size >= terminal->shown_bytes;
}

static bool starts_anew(struct str rest, struct str state)
{
    return state.bytes != rest.bytes;
}

static void forget_hidden(struct terminal *terminal, uint32_t owner)
{
    if (terminal->hidden == owner)
        terminal->has_hidden = false;
}

void terminal_line(struct terminal *terminal, struct buffer *out, uint32_t owner,
                   const struct log_prefix *prefix, struct str line)
{
    struct str rest;
    if (terminal->has_hidden)
        forget_hidden(terminal, owner);
    if (!terminal->is_within_line) {
        log_line_append(out, prefix, line);
        return;
    }
    bool is_same = goes_on(terminal, owner, line, &rest);
    struct str state = is_same ? tame_last_state(rest) : rest;
    if (is_same && !starts_anew(rest, state) && !terminal->is_bar) {
        show(terminal, out, prefix, state, true);
        end_line(terminal, out);
        return;
    }
    if (is_same && !terminal->is_dumb)
        wipe(terminal, out);
    terminal_leave(terminal, out);
    log_line_append(out, prefix, line);
}

static void draw_bar(struct terminal *terminal, struct buffer *out, const struct log_prefix *prefix,
                     struct str state)
{
    buffer_append_text(out, WRAP_OFF);
    show(terminal, out, prefix, state, false);
    buffer_append_text(out, WRAP_ON);
}

static void begin(struct terminal *terminal, struct buffer *out, uint32_t owner,
                  const struct log_prefix *prefix, bool is_bar)
{
    forget_hidden(terminal, owner);
    buffer_append(out, prefix->bytes, prefix->size);
    terminal->is_within_line = true;
    terminal->is_bar = is_bar;
    terminal->owner = owner;
}

void terminal_partial(struct terminal *terminal, struct buffer *out, uint32_t owner,
                      const struct log_prefix *prefix, struct str pending)
{
    struct str rest;
    bool is_same = goes_on(terminal, owner, pending, &rest);
    if (!is_same)
        rest = pending;
    struct str state = tame_last_state(rest);
    bool is_bar = starts_anew(rest, state);
    // One bar at a time; and one that cannot be drawn over is shown when it is whole.
    if (is_bar && (terminal->is_dumb || (terminal->is_bar && !is_same)))
        return;
    if (is_same && is_bar)
        wipe(terminal, out);
    else if (!is_same)
        terminal_leave(terminal, out);
    if (state.size == 0)
        return;
    if (is_bar || !is_same) {
        begin(terminal, out, owner, prefix, is_bar);
        terminal->shown_bytes = (size_t)(state.bytes - pending.bytes);
    }
    if (terminal->is_bar)
        draw_bar(terminal, out, prefix, state);
    else
        show(terminal, out, prefix, state, false);
}
