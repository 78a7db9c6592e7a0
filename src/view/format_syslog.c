// SPDX-License-Identifier: MIT
// To other machines, RFC 5424:
//     <14>1 2026-11-25T23:00:00.123456Z host shop web.1 web - …
// APP-NAME is the app, PROCID the process, MSGID its type. There is no structured data, since most
// receivers drop it. The text is MSG-ANY: a byte order mark would promise UTF-8, which we do not
// know, and rsyslog and syslog-ng keep the mark as a part of the text.
//
// To /dev/log, what syslog(3) writes, since journald, rsyslog and busybox take RFC 5424 there for
// text:
//     <14>shop/web.1[123]: …
// The time is left out: it would be local time to the second, and the receiver takes its own
// anyway. The name is in the manner of postfix/smtpd: rsyslog finds the program "shop", journalctl
// shows which process it was.
//
// Control bytes are escaped as rsyslog would itself, as receivers cut or refuse messages at them
// (RFC 5424, 6.4); tabs pass, as they begin the lines of a stack trace.
#include "view/escape.h"
#include "view/format_parts.h"

#include <string.h>

enum { APP_NAME_BYTES = 48, PROCID_BYTES = 128, MSGID_BYTES = 32 };

static void put_priority(struct buffer *out, const struct format_line *line)
{
    buffer_append_char(out, '<');
    format_put_number(out, line->facility * 8u + format_severity(line));
    buffer_append_char(out, '>');
}

void format_syslog_prefix(struct buffer *out, const struct format_line *line)
{
    put_priority(out, line);
    buffer_append_text(out, "1 ");
    format_put_stamp(out, line->at, "Z ");
    format_put_word(out, line->host, FORMAT_NAME_BYTES, "");
    buffer_append_char(out, ' ');
    format_put_word(out, line->app, APP_NAME_BYTES, "");
    buffer_append_char(out, ' ');
    format_put_word(out, line->process, PROCID_BYTES, "");
    buffer_append_char(out, ' ');
    format_put_word(out, line->type, MSGID_BYTES, "");
    buffer_append_text(out, " - ");
}

void format_syslog_local_prefix(struct buffer *out, const struct format_line *line)
{
    static const char separators[] = ":/[]";
    put_priority(out, line);
    format_put_word(out, line->app, APP_NAME_BYTES, separators);
    buffer_append_char(out, '/');
    format_put_word(out, line->process, PROCID_BYTES, separators);
    if (line->pid > 0) {
        buffer_append_char(out, '[');
        format_put_number(out, (unsigned long)line->pid);
        buffer_append_char(out, ']');
    }
    buffer_append_text(out, ": ");
}

void format_syslog_append(struct buffer *out, struct str prefix, struct str line)
{
    buffer_append_str(out, prefix);
    escape_append(out, line, ESCAPE_SYSLOG);
}

// The length is known afterwards. To move a message of a few hundred bytes is cheaper than to count
// its escapes beforehand.
void format_syslog_counted_append(struct buffer *out, struct str prefix, struct str line)
{
    enum { COUNT_BYTES = sizeof("18446744073709551615 ") };
    char digits[COUNT_BYTES];
    struct buffer count = {.bytes = digits, .capacity = sizeof(digits), .is_fixed = true};
    size_t start = out->size;
    format_syslog_append(out, prefix, line);
    size_t size = out->size - start;
    if (!buffer_reserve(out, COUNT_BYTES))
        return;
    format_put_number(&count, size);
    buffer_append_char(&count, ' ');
    memmove(out->bytes + start + count.size, out->bytes + start, size);
    memcpy(out->bytes + start, count.bytes, count.size);
    out->size += count.size;
}
