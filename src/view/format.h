// SPDX-License-Identifier: MIT
// A line in the formats that files, syslog and the journal get: a prefix, built when the process or
// the moment changes, and the line, which costs one pass and no allocation of its own.
#pragma once

#include "base/buffer.h"
#include "base/duration.h"
#include "base/str.h"
#include "view/facility.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum log_format {
    LOG_FORMAT_TEXT,           // 07:41:31 web.1    | hi: as on a terminal, without colours
    LOG_FORMAT_RAW,            // hi
    LOG_FORMAT_JSON,           // {"time":"…","process":"web.1",…,"line":"hi"}
    LOG_FORMAT_LOGFMT,         // time=… process=web.1 stream=stdout pid=7 msg="hi"
    LOG_FORMAT_HEROKU,         // 2026-11-25T23:00:00.123456+00:00 app[web.1]: hi
    LOG_FORMAT_SYSLOG,         // RFC 5424, one datagram: UDP
    LOG_FORMAT_SYSLOG_COUNTED, // the same behind its length (RFC 6587, 3.4.1): TCP
    LOG_FORMAT_SYSLOG_LOCAL,   // what syslog(3) writes to /dev/log
    LOG_FORMAT_JOURNAL,        // an entry of journald's own protocol, one datagram or file
    LOG_FORMAT_COUNT,
};

// What is known of a line beside its text. Texts may hold any bytes; they are cut at what the
// format allows, 255 bytes at most. What is empty or 0 is left out, or is "-".
struct format_line {
    nsec_t at;          // wall clock, since the epoch
    struct str clock;   // `at` as a text file shows it, formatted; empty: without
    unsigned width;     // of the names' column in a text file: log_name_width
    struct str app;     // the formation's name
    struct str host;    // for RFC 5424
    struct str type;    // "web"
    struct str process; // "web.1", "system"
    unsigned number;    // 1
    pid_t pid;
    enum facility facility;
    bool is_error; // from the standard error
    bool is_note;  // a sentence of the formation's own
};

enum { FORMAT_PREFIX_BYTES = 2048 };
struct format_prefix {
    uint16_t size;
    char bytes[FORMAT_PREFIX_BYTES];
};

// A message of syslog, prefix and escapes included, without the count before it. Receivers should
// take 2048 bytes (RFC 5424, 6.1); rsyslog, syslog-ng and journald take 8 KiB unless told
// otherwise.
enum { FORMAT_SYSLOG_BYTES = 8192 };

struct format {
    const char *name;     // as formation.yaml calls it; NULL: not for files
    size_t message_bytes; // longest message; 0: any line fits
    bool is_message;      // one datagram each; else a newline, or a count, tells where it ends
    void (*prefix)(struct buffer *out, const struct format_line *line);
    void (*append)(struct buffer *out, struct str prefix, struct str line);
};
extern const struct format formats[LOG_FORMAT_COUNT];

// The format of that name that a file may have; false: none.
bool format_find(struct str name, enum log_format *out);

void format_prefix_build(struct format_prefix *prefix, enum log_format format,
                         const struct format_line *line);
struct str format_prefix_str(const struct format_prefix *prefix); // borrows

// Cuts off the front of `rest` what goes into one message behind that prefix: all of it where the
// format has no limit, else whole characters. An empty line is one piece as well:
//     do format_append(…, format_piece(…, &rest)); while (rest.size > 0);
struct str format_piece(enum log_format format, size_t prefix_size, struct str *rest);

// Appends the line: all of it, or nothing when memory is short (`out` has failed then). It holds no
// newline; the other formats than text, raw and Heroku are sound even if it does.
void format_append(struct buffer *out, enum log_format format, const struct format_prefix *prefix,
                   struct str line);
void format_append_lines(struct buffer *out, enum log_format format,
                         const struct format_prefix *prefix, const struct str *lines, size_t count);
