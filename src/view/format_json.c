// SPDX-License-Identifier: MIT
// One object a line (JSON Lines):
//     {"time":"2026-11-25T23:00:00.123456Z","process":"web.1","type":"web","number":1,"pid":123,
//      "stream":"stdout","line":"…"}
// The line comes last, so that all before it is the prefix. A sentence of the formation's own has
// the stream "formation", and no type, number or pid where it is about no process.
#include "plan/plan.h"
#include "view/escape.h"
#include "view/format_parts.h"

static void put_text(struct buffer *out, const char *begin, struct str text)
{
    buffer_append_text(out, begin);
    escape_append(out, str_slice(text, 0, PROCESS_NAME_BYTES), ESCAPE_JSON);
}

void format_json_prefix(struct buffer *out, const struct format_line *line)
{
    buffer_append_text(out, "{\"time\":\"");
    format_put_stamp(out, line->at, "Z");
    put_text(out, "\",\"process\":\"", line->process);
    if (line->type.size > 0)
        put_text(out, "\",\"type\":\"", line->type);
    buffer_append_char(out, '"');
    if (line->number > 0) {
        buffer_append_text(out, ",\"number\":");
        format_put_number(out, line->number);
    }
    if (line->pid > 0) {
        buffer_append_text(out, ",\"pid\":");
        format_put_number(out, (unsigned long)line->pid);
    }
    buffer_append_text(out, ",\"stream\":\"");
    buffer_append_text(out, format_stream(line));
    buffer_append_text(out, "\",\"line\":\"");
}

void format_json_append(struct buffer *out, struct str prefix, struct str line)
{
    buffer_append_str(out, prefix);
    escape_append(out, line, ESCAPE_JSON);
    buffer_append(out, "\"}\n", 3);
}
