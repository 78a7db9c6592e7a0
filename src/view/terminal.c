// SPDX-License-Identifier: MIT
// The cursor's place is remembered as the number of bytes of the unfinished line that were used;
// they end between two units of tame.c, so that what follows them can be shown on its own.
#include "view/terminal.h"

#include "view/tame.h"

static void show(struct terminal *terminal, struct buffer *out, struct str text, bool is_whole)
{
    terminal->shown_bytes += tame_append(out, text, is_whole, &terminal->is_colored);
}

static void end_line(struct terminal *terminal, struct buffer *out)
{
    if (terminal->is_colored)
        buffer_append_text(out, "\033[0m");
    buffer_append_char(out, '\n');
    *terminal = (struct terminal){0};
}

void terminal_leave(struct terminal *terminal, struct buffer *out)
{
    if (terminal->is_within_line)
        end_line(terminal, out);
}

void terminal_line(struct terminal *terminal, struct buffer *out, uint32_t owner,
                   const struct log_prefix *prefix, struct str line)
{
    if (terminal->is_within_line && terminal->owner == owner &&
        line.size >= terminal->shown_bytes) {
        show(terminal, out, str_slice(line, terminal->shown_bytes, line.size), true);
        end_line(terminal, out);
        return;
    }
    terminal_leave(terminal, out);
    log_line_append(out, prefix, line);
}

void terminal_partial(struct terminal *terminal, struct buffer *out, uint32_t owner,
                      const struct log_prefix *prefix, struct str pending)
{
    bool goes_on = terminal->is_within_line && terminal->owner == owner &&
                   pending.size >= terminal->shown_bytes;
    if (!goes_on) {
        terminal_leave(terminal, out);
        if (pending.size == 0)
            return;
        buffer_append(out, prefix->bytes, prefix->size);
        *terminal = (struct terminal){.is_within_line = true, .owner = owner};
    }
    show(terminal, out, str_slice(pending, terminal->shown_bytes, pending.size), false);
}
