// SPDX-License-Identifier: MIT
// What auditor does with each message: whose line it is by the format, and by the line itself, and
// whether it is the next one.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AUDIT_WRITERS = 256, AUDIT_NAME_BYTES = 128, AUDIT_LEAST = 64 };

struct audit_writer {
    char name[AUDIT_NAME_BYTES];
    uint64_t seen;   // the newest line that has begun
    uint64_t number; // the one of which a part may be lacking, …
    size_t at;       // …from here on
    size_t length;
};

struct audit {
    const struct audit_format *format;
    size_t most;
    const char *brief; // whose name begins so, …
    size_t brief_most; // …writes lines of so much
    struct audit_writer writers[AUDIT_WRITERS];
    size_t writer_count;
    uint64_t lines;
    uint64_t bytes;
    uint64_t missing;  // lines that were passed over
    uint64_t told;     // …of which the stream itself told
    uint64_t twice;    // messages
    uint64_t notes;    // sentences of the formation's own
    uint64_t overflow; // datagrams that the kernel had no room for
    bool has_problem;
    char problem[512];
};

struct audit_text {
    const char *bytes;
    size_t size;
};

struct audit_format {
    const char *name;
    // Finds process (empty: not told) and text. False: it is not of the format.
    bool (*read)(struct audit_text message, struct audit_text *process, struct audit_text *text);
};

// The format of that name; NULL: none.
const struct audit_format *audit_format_find(const char *name);

// Of lines with AUDIT_LEAST to `most` bytes: "2000", or with "2000,web=1000" those of other names
// than web.1 and web.2. Borrows both. False: there is no such format, or this is no number.
bool audit_init(struct audit *audit, const char *format, const char *most);

void audit_message(struct audit *audit, const char *bytes, size_t size);

// The first problem is the one that is told; nothing is audited any more.
void audit_complain(struct audit *audit, const char *what, const char *bytes, size_t size);

void audit_tell(const struct audit *audit);
