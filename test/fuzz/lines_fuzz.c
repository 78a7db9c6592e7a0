// SPDX-License-Identifier: MIT
// Any bytes in any chunks, under any limits: the lines add up to the input, and nothing that a
// terminal would obey, but colours, is left in their tamed form.
//
// Input: line limit, held limit (0: none), chunk size, then the bytes of the process.
#include "stream/lines.h"
#include "view/tame.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition);                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

// What the terminal may see: printable bytes, tabs, UTF-8, ESC [ digits m.
static void require_tame(struct str text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];
        REQUIRE(byte != 0x7f && (byte >= 0x20 || byte == '\t' || byte == 0x1b));
        if (byte == 0xc2 && i + 1 < text.size)
            REQUIRE((unsigned char)text.bytes[i + 1] >= 0xa0 ||
                    (unsigned char)text.bytes[i + 1] < 0x80);
        if (byte != 0x1b)
            continue;
        REQUIRE(++i < text.size && text.bytes[i] == '[');
        while (++i < text.size && text.bytes[i] >= '0' && text.bytes[i] <= ';')
            continue;
        REQUIRE(i < text.size && text.bytes[i] == 'm');
    }
}

static void check_tame(struct str line, size_t split)
{
    struct buffer whole = {0};
    struct buffer parts = {0};
    bool whole_colored = false;
    bool parts_colored = false;
    REQUIRE(tame_append(&whole, line, true, &whole_colored) == line.size);
    require_tame(buffer_str(&whole));
    if (tame_is_plain(line))
        REQUIRE(str_equal(buffer_str(&whole), line));

    split = line.size ? split % (line.size + 1) : 0;
    size_t used = tame_append(&parts, str_slice(line, 0, split), false, &parts_colored);
    REQUIRE(used <= split);
    require_tame(buffer_str(&parts));
    tame_append(&parts, str_slice(line, used, line.size), true, &parts_colored);
    REQUIRE(str_equal(buffer_str(&whole), buffer_str(&parts)));
    REQUIRE(whole_colored == parts_colored);
    buffer_fini(&whole);
    buffer_fini(&parts);
}

// The input as its lines should add up to it: without `\r` before a newline or the end; one, or
// all of them, since a piece that a full budget cut may end with one.
static void append_expected(struct buffer *out, struct str text, bool all_returns)
{
    struct str line;
    while (str_next(&text, '\n', &line)) {
        if (line.size > 0 && line.bytes[line.size - 1] == '\r')
            line.size--;
        while (all_returns && line.size > 0 && line.bytes[line.size - 1] == '\r')
            line.size--;
        buffer_append_str(out, line);
        if (text.bytes)
            buffer_append_char(out, '\n');
    }
}

static void see(struct lines *lines, struct str line, struct buffer *seen)
{
    REQUIRE(line.size <= lines->budget->line_limit_bytes);
    REQUIRE(memchr(line.bytes, '\n', line.size) == NULL);
    check_tame(line, seen->size);
    buffer_append_str(seen, line);
}

static void run(struct lines *lines, struct str input, size_t chunk, struct buffer *seen)
{
    struct str line;
    for (size_t at = 0; at < input.size; at += chunk) {
        struct str bytes = str_slice(input, at, at + chunk);
        while (lines_next(lines, &bytes, &line)) {
            see(lines, line, seen);
            if (!lines->is_cut)
                buffer_append_char(seen, '\n');
            REQUIRE(lines_pending(lines).size == 0);
        }
        REQUIRE(bytes.size == 0);
        REQUIRE(lines_pending(lines).size == lines->budget->held_bytes);
        REQUIRE(lines->budget->held_bytes <= lines->budget->held_limit_bytes);
    }
    if (lines_flush(lines, &line))
        see(lines, line, seen);
    REQUIRE(lines->budget->held_bytes == 0);
    REQUIRE(!lines_flush(lines, &line));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    bool has_budget = data[1] != 0;
    struct lines_budget budget = {
        .line_limit_bytes = 1 + data[0],
        .held_limit_bytes = has_budget ? data[1] : LIMIT_HELD_BYTES,
    };
    struct lines lines = {.budget = &budget};
    struct str input = {(const char *)data + 3, size - 3};
    struct buffer seen = {0};
    struct buffer expected = {0};
    run(&lines, input, 1 + data[2] % 64, &seen);
    if (has_budget) {
        struct buffer stripped = {0};
        append_expected(&stripped, buffer_str(&seen), true);
        buffer_fini(&seen);
        seen = stripped;
    }
    append_expected(&expected, input, has_budget);
    REQUIRE(str_equal(buffer_str(&seen), buffer_str(&expected)));
    buffer_fini(&seen);
    buffer_fini(&expected);
    lines_fini(&lines);
    return 0;
}
