// SPDX-License-Identifier: MIT
// The prefix of a process changes once a second at most, so it is kept ready; a line is then two
// copies into memory that was reserved once. Foreman colours time, name and bar, not the message.
#include "view/log_line.h"

#include "view/tame.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { LEAST_WIDTH = 6 }; // "system"

_Static_assert(LOG_PREFIX_BYTES % LOG_BLOCK == 0, "a prefix is copied in whole blocks");

static unsigned digits_of(unsigned number)
{
    unsigned digits = 1;
    for (; number >= 10; number /= 10)
        digits++;
    return digits;
}

unsigned log_name_width(const struct plan *plan)
{
    size_t longest = 0;
    unsigned largest = 0;
    for (size_t i = 0; i < plan->type_count; i++) {
        const struct process_type *type = &plan->types[i];
        if (type->name.size > longest)
            longest = type->name.size;
        if (type->quantity > largest)
            largest = type->quantity;
    }
    unsigned width = (unsigned)longest + 1 + digits_of(largest);
    return width > LEAST_WIDTH ? width : LEAST_WIDTH;
}

unsigned log_color(unsigned type_index)
{
    // Foreman goes on with six "bright" colours that have the same codes.
    static const unsigned char colors[] = {36, 33, 32, 35, 31, 34};
    return colors[type_index % sizeof(colors)];
}

static void put(struct log_prefix *prefix, const char *bytes, size_t size)
{
    assert(size <= sizeof(prefix->bytes) - prefix->size);
    // cppcheck-suppress uninitvar // it is built here
    memcpy(prefix->bytes + prefix->size, bytes, size);
    prefix->size = (uint8_t)(prefix->size + size);
}

void log_prefix_build(struct log_prefix *prefix, const struct log_style *style, unsigned color,
                      struct str time, struct str name)
{
    prefix->tame = style->tame;
    prefix->no_color = style->no_color;
    prefix->size = 0;
    if (style->no_prefix)
        return;
    if (style->color) {
        char start[sizeof("\033[4294967295m")];
        put(prefix, start, (size_t)snprintf(start, sizeof(start), "\033[%um", color));
    }
    if (time.size > 0) {
        time = str_slice(time, 0, LOG_TIME_BYTES);
        put(prefix, time.bytes, time.size);
        put(prefix, " ", 1);
    }
    name = str_slice(name, 0, PROCESS_NAME_BYTES);
    put(prefix, name.bytes, name.size);
    unsigned width = style->width < PROCESS_NAME_BYTES ? style->width : PROCESS_NAME_BYTES;
    for (size_t i = name.size; i < width; i++)
        put(prefix, " ", 1);
    put(prefix, " | ", 3);
    if (style->color)
        put(prefix, "\033[0m", 4);
}

static void append_tamed(struct buffer *out, const struct log_prefix *prefix, struct str line)
{
    size_t start = out->size;
    bool is_colored = false;
    buffer_append(out, prefix->bytes, prefix->size);
    if (prefix->tame)
        tame_append(out, tame_last_state(line), true, prefix->no_color ? NULL : &is_colored);
    else
        tame_strip(out, line);
    if (is_colored)
        buffer_append_text(out, "\033[0m");
    buffer_append_char(out, '\n');
    if (out->failed)
        out->size = start;
}

// A whole block is a move or two where as many bytes as there are would be a call. What is too much
// is written over.
static inline char *copy_in_blocks(char *to, struct str prefix)
{
    for (size_t at = 0; at < prefix.size; at += LOG_BLOCK)
        memcpy(to + at, prefix.bytes + at, LOG_BLOCK);
    return to + prefix.size;
}

void log_plain_append(struct buffer *out, struct str prefix, const struct str *lines, size_t count)
{
    size_t size = LOG_BLOCK + count * (prefix.size + 1);
    for (size_t i = 0; i < count; i++)
        size += lines[i].size;
    if (!buffer_reserve(out, size))
        return;
    char *to = out->bytes + out->size;
    for (size_t i = 0; i < count; i++) {
        to = copy_in_blocks(to, prefix);
        memcpy(to, lines[i].bytes, lines[i].size);
        to += lines[i].size;
        *to++ = '\n';
    }
    out->size = (size_t)(to - out->bytes);
}

void log_line_append(struct buffer *out, const struct log_prefix *prefix, struct str line)
{
    if ((prefix->tame || prefix->no_color) && !tame_is_plain(line))
        append_tamed(out, prefix, line);
    else
        log_plain_append(out, str_from(prefix->bytes, prefix->size), &line, 1);
}

void log_lines_append(struct buffer *out, const struct log_prefix *prefix, const struct str *lines,
                      size_t count)
{
    size_t start = out->size;
    bool is_as_it_is = !prefix->tame && !prefix->no_color;
    if (is_as_it_is)
        log_plain_append(out, str_from(prefix->bytes, prefix->size), lines, count);
    for (size_t i = 0; !is_as_it_is && i < count; i++)
        log_line_append(out, prefix, lines[i]);
    if (out->failed)
        out->size = start;
}
