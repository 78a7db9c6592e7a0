// SPDX-License-Identifier: MIT
// What the formats are made of, for format.c and the files of the formats alone.
#pragma once

#include "view/format.h"

enum { FORMAT_NAME_BYTES = 255 }; // as a file's name, and as a host's in RFC 5424

typedef void format_prefix_function(struct buffer *out, const struct format_line *line);
typedef void format_append_function(struct buffer *out, struct str prefix, struct str line);

format_prefix_function format_json_prefix, format_logfmt_prefix, format_heroku_prefix,
    format_syslog_prefix, format_syslog_local_prefix, format_journal_prefix;
format_append_function format_json_append, format_logfmt_append, format_syslog_append,
    format_syslog_counted_append, format_journal_append;

// Prefix, line and newline as they are.
format_append_function format_plain_append;

void format_put_number(struct buffer *out, unsigned long number);
void format_put_stamp(struct buffer *out, nsec_t at, const char *zone); // RFC 3339

// `word`, at most `most` bytes of it, as one word of printable ASCII: what is none, or is one of
// `others`, becomes "_". "-" when empty.
void format_put_word(struct buffer *out, struct str word, size_t most, const char *others);

const char *format_stream(const struct format_line *line); // "stdout", "stderr" or "formation"
enum syslog_severity format_severity(const struct format_line *line);
