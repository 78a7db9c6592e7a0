// SPDX-License-Identifier: MIT
//     time=2026-11-25T23:00:00.123456Z process=web.1 stream=stdout pid=123 msg="…"
// logfmt has no standard. Those who read it (Go's logfmt, Loki, Vector) take the inside of quotes
// as a string of JSON, so it is written as one: \x1b would make them refuse the line, \u001b does
// not. The message is always quoted: to see whether it has to be is a second pass over it.
#include "plan/plan.h"
#include "view/escape.h"
#include "view/format_parts.h"

// Bare are words that no reader could take apart otherwise.
static bool is_bare(struct str value)
{
    for (size_t i = 0; i < value.size; i++) {
        char c = value.bytes[i];
        if (c <= ' ' || c > '~' || c == '"' || c == '=' || c == '\\')
            return false;
    }
    return value.size > 0;
}

static void put_value(struct buffer *out, struct str value)
{
    value = str_slice(value, 0, PROCESS_NAME_BYTES);
    if (is_bare(value)) {
        buffer_append_str(out, value);
        return;
    }
    buffer_append_char(out, '"');
    escape_append(out, value, ESCAPE_LOGFMT);
    buffer_append_char(out, '"');
}

void format_logfmt_prefix(struct buffer *out, const struct format_line *line)
{
    buffer_append_text(out, "time=");
    format_put_stamp(out, line->at, "Z process=");
    put_value(out, line->process);
    buffer_append_text(out, " stream=");
    buffer_append_text(out, format_stream(line));
    if (line->pid > 0) {
        buffer_append_text(out, " pid=");
        format_put_number(out, (unsigned long)line->pid);
    }
    buffer_append_text(out, " msg=\"");
}

void format_logfmt_append(struct buffer *out, struct str prefix, struct str line)
{
    buffer_append_str(out, prefix);
    escape_append(out, line, ESCAPE_LOGFMT);
    buffer_append(out, "\"\n", 2);
}
