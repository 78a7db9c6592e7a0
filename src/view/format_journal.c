// SPDX-License-Identifier: MIT
// One entry of journald's protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL): fields of the form
// NAME=text, or, for any bytes, NAME, newline, the length in eight bytes, the bytes. The message
// has the second form always, so that nobody needs to look at its bytes. journald stamps entries
// when they come; a time of our own would be a new value in its index for each line. The pid is not
// in OBJECT_PID, which journald believes of root alone.
//
// SYSLOG_IDENTIFIER is what journalctl shows before each line: with the app's name alone, nobody
// would see whose line it is.
#include "view/format_parts.h"

#include <stdint.h>

static void put_size(struct buffer *out, uint64_t size)
{
    unsigned char bytes[sizeof(size)];
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(size >> 8 * i);
    buffer_append(out, bytes, sizeof(bytes));
}

static bool has_control(struct str text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.bytes[i] < ' ')
            return true;
    return false;
}

// The value is `first`, and behind a slash, if it has any bytes, `second`.
static void put_field(struct buffer *out, const char *name, struct str first, struct str second)
{
    first = str_slice(first, 0, FORMAT_NAME_BYTES);
    second = str_slice(second, 0, FORMAT_NAME_BYTES);
    if (first.size + second.size == 0)
        return;
    bool has_slash = first.size > 0 && second.size > 0;
    buffer_append_text(out, name);
    if (has_control(first) || has_control(second)) {
        buffer_append_char(out, '\n');
        put_size(out, first.size + has_slash + second.size);
    } else {
        buffer_append_char(out, '=');
    }
    buffer_append_str(out, first);
    buffer_append(out, "/", has_slash);
    buffer_append_str(out, second);
    buffer_append_char(out, '\n');
}

static void put_number(struct buffer *out, const char *name, unsigned long number)
{
    buffer_append_text(out, name);
    format_put_number(out, number);
    buffer_append_char(out, '\n');
}

void format_journal_prefix(struct buffer *out, const struct format_line *line)
{
    const struct str none = {0};
    put_number(out, "PRIORITY=", format_severity(line));
    put_number(out, "SYSLOG_FACILITY=", line->facility);
    put_field(out, "SYSLOG_IDENTIFIER", line->app, line->process);
    put_field(out, "FORMATION_APP", line->app, none);
    put_field(out, "FORMATION_TYPE", line->type, none);
    put_field(out, "FORMATION_PROCESS", line->process, none);
    if (line->number > 0)
        put_number(out, "FORMATION_NUMBER=", line->number);
    put_field(out, "FORMATION_STREAM", str_of(format_stream(line)), none);
    if (line->pid > 0)
        put_number(out, "FORMATION_PID=", (unsigned long)line->pid);
    buffer_append_text(out, "MESSAGE\n");
}

void format_journal_append(struct buffer *out, struct str prefix, struct str line)
{
    if (!buffer_reserve(out, prefix.size + sizeof(uint64_t) + line.size + 1))
        return;
    buffer_append_str(out, prefix);
    put_size(out, line.size);
    buffer_append_str(out, line);
    buffer_append_char(out, '\n');
}
