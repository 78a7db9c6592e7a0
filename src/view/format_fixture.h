// SPDX-License-Identifier: MIT
// One line of a process, for the tests of the formats.
#pragma once

#include "view/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

// 2026-11-25T23:00:00.123456Z
#define FIXTURE_AT (1795647600 * NSEC_PER_SEC + 123456789)

static inline struct format_line fixture_line(void)
{
    return (struct format_line){.at = FIXTURE_AT,
                                .app = str_of("shop"),
                                .host = str_of("shell.example.com"),
                                .type = str_of("web"),
                                .process = str_of("web.1"),
                                .number = 1,
                                .pid = 123,
                                .facility = FACILITY_USER};
}

static inline struct format_line fixture_note(void)
{
    return (struct format_line){.at = FIXTURE_AT,
                                .app = str_of("shop"),
                                .process = str_of("system"),
                                .facility = FACILITY_DAEMON,
                                .is_note = true};
}

// All texts at their longest and worst.
static inline struct format_line fixture_worst(char bytes[1000], char byte)
{
    for (unsigned i = 0; i < 1000; i++)
        bytes[i] = byte;
    struct str text = str_from(bytes, 1000);
    return (struct format_line){.at = INT64_MAX,
                                .clock = text,
                                .width = UINT32_MAX,
                                .app = text,
                                .host = text,
                                .type = text,
                                .process = text,
                                .number = UINT32_MAX,
                                .pid = INT32_MAX,
                                .facility = FACILITY_LOCAL7,
                                .is_error = true};
}

static inline void fixture_append(struct buffer *out, enum log_format format,
                                  const struct format_line *line, struct str text)
{
    struct format_prefix prefix;
    format_prefix_build(&prefix, format, line);
    format_append(out, format, &prefix, text);
}

// `expected` is compared up to its NUL, so it is for output that has none.
static inline void assert_format(enum log_format format, const struct format_line *line,
                                 struct str text, const char *expected)
{
    struct buffer out = {0};
    fixture_append(&out, format, line, text);
    buffer_append_char(&out, '\0');
    assert_string_equal(out.bytes, expected);
    buffer_fini(&out);
}
