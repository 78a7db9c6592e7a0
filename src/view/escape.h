// SPDX-License-Identifier: MIT
// Any bytes made into text that a format can hold, in one pass. Fast for bytes that need nothing.
#pragma once

#include "base/buffer.h"
#include "base/str.h"

enum escape_style {
    // The inside of a string of JSON (RFC 8259): \" \\ \b \f \n \r \t, other control bytes \u00NN.
    // Bytes that are not UTF-8 become U+FFFD: one for each beginning of a character that goes no
    // further (Unicode 3.9, "maximal subpart"), as browsers and most libraries count them.
    ESCAPE_JSON,
    // The same, and DEL and U+0080 to U+009F as \u00NN: nothing is left that a terminal obeys.
    ESCAPE_LOGFMT,
    // As rsyslog writes control bytes: # and three octal digits ("#033"), for all but the tab. The
    // other bytes stay, whether they are UTF-8 or not.
    ESCAPE_SYSLOG,
};

// Appends all of `text`; memory is asked for as if every byte of the next 4 KiB were the worst one.
// When it is short, `out` has failed, and ends with a part of it.
void escape_append(struct buffer *out, struct str text, enum escape_style style);

// How many bytes escape_append writes for this byte in ESCAPE_SYSLOG.
enum { ESCAPE_SYSLOG_MOST = 4 };
unsigned escape_syslog_size(unsigned char byte);
