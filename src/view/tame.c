// SPDX-License-Identifier: MIT
// The text is cut into units: a run of harmless bytes, one control byte, one escape sequence. Each
// is measured by the standard's grammar (ECMA-48), strictly: what does not follow it, such as an
// overlong UTF-8 form of ESC, is shown instead of obeyed. Sequences that are well formed but not
// colours are left out, as grep and npm write many ("erase to end of line") that nobody wants to
// read.
//
// Of a progress bar the last state counts. It begins behind a return to the line's start: '\r', or
// ESC [ G as npm writes it.
#include "view/tame.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { ESC = 0x1b, BEL = 0x07, DEL = 0x7f };

enum unit_kind {
    UNIT_TEXT,    // passes
    UNIT_COLOR,   // passes, and a colour is on or off after it
    UNIT_DROPPED, // a sequence that is left out
    UNIT_SHOWN,   // a byte that is shown by a name
    UNIT_TORN,    // the beginning of a sequence, at the end of the text
};

struct unit {
    enum unit_kind kind;
    size_t size;
};

bool tame_is_plain(struct str text)
{
    // Eight bytes at a time: a byte is plain from 0x20 to 0x7e. Below 0x20 the subtraction, at 0x7f
    // the addition, above it the byte itself sets its top bit. (A carry into the next byte comes
    // only from one that is flagged already.)
    const uint64_t each = 0x0101010101010101;
    uint64_t flags = 0;
    uint64_t eight;
    size_t at = 0;
    for (; at + sizeof(eight) <= text.size; at += sizeof(eight)) {
        memcpy(&eight, text.bytes + at, sizeof(eight));
        flags |= (eight - 0x20 * each) | (eight + each) | eight;
    }
    eight = 0x20 * each;
    memcpy(&eight, text.bytes + at, text.size - at);
    flags |= (eight - 0x20 * each) | (eight + each) | eight;
    return (flags & 0x80 * each) == 0;
}

static bool is_within(unsigned char byte, unsigned char first, unsigned char last)
{
    return byte >= first && byte <= last;
}

// Bytes of `byte` that continue, within `first` … `last`, counted from `at`.
static size_t run_of(struct str text, size_t at, unsigned char first, unsigned char last)
{
    size_t start = at;
    while (at < text.size && is_within((unsigned char)text.bytes[at], first, last))
        at++;
    return at - start;
}

// A character of several bytes. Control characters (U+0080 to U+009F) and forms that are not UTF-8
// are shown byte by byte where a terminal could take such a byte for a control.
static struct unit utf8_unit(struct str text)
{
    unsigned char lead = (unsigned char)text.bytes[0];
    size_t size = is_within(lead, 0xc2, 0xdf)   ? 2
                  : is_within(lead, 0xe0, 0xef) ? 3
                  : is_within(lead, 0xf0, 0xf4) ? 4
                                                : 1;
    if (size == 1)
        return (struct unit){is_within(lead, 0x80, 0x9f) ? UNIT_SHOWN : UNIT_TEXT, 1};
    unsigned char least = lead == 0xc2 || lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned char most = lead == 0xf4 ? 0x8f : 0xbf;
    if (text.size == 1)
        return (struct unit){UNIT_TORN, 1};
    if (!is_within((unsigned char)text.bytes[1], least, most))
        return (struct unit){UNIT_TEXT, 1};
    size_t tail = run_of(str_slice(text, 0, size), 2, 0x80, 0xbf);
    if (2 + tail == size)
        return (struct unit){UNIT_TEXT, size};
    return (struct unit){2 + tail == text.size ? UNIT_TORN : UNIT_TEXT, 1};
}

// ESC [ parameters intermediates final.
static struct unit csi_unit(struct str text)
{
    size_t parameters = run_of(text, 2, 0x30, 0x3f);
    size_t intermediates = run_of(text, 2 + parameters, 0x20, 0x2f);
    size_t end = 2 + parameters + intermediates;
    if (end == text.size)
        return (struct unit){UNIT_TORN, 1};
    if (!is_within((unsigned char)text.bytes[end], 0x40, 0x7e))
        return (struct unit){UNIT_SHOWN, 1};
    // ESC [ > … m and the like set modes of the keyboard.
    bool is_color =
        text.bytes[end] == 'm' && intermediates == 0 && run_of(text, 2, '0', ';') == parameters;
    return (struct unit){is_color ? UNIT_COLOR : UNIT_DROPPED, end + 1};
}

// A title, a link, a picture: up to BEL or ESC \. Another control byte ends it as malformed, which
// also keeps the whole linear.
static struct unit string_unit(struct str text)
{
    size_t at = 2;
    while (at < text.size && (unsigned char)text.bytes[at] >= 0x20)
        at++;
    if (at == text.size || (text.bytes[at] == ESC && at + 1 == text.size))
        return (struct unit){UNIT_TORN, 1};
    if (text.bytes[at] == BEL)
        return (struct unit){UNIT_DROPPED, at + 1};
    if (text.bytes[at] == ESC && text.bytes[at + 1] == '\\')
        return (struct unit){UNIT_DROPPED, at + 2};
    return (struct unit){UNIT_SHOWN, 1};
}

static struct unit escape_unit(struct str text)
{
    if (text.size == 1)
        return (struct unit){UNIT_TORN, 1};
    if (text.bytes[1] == '[')
        return csi_unit(text);
    if (memchr("]PX^_", text.bytes[1], 5))
        return string_unit(text);
    size_t end = 1 + run_of(text, 1, 0x20, 0x2f);
    if (end == text.size)
        return (struct unit){UNIT_TORN, 1};
    bool is_final = is_within((unsigned char)text.bytes[end], 0x30, 0x7e);
    return (struct unit){is_final ? UNIT_DROPPED : UNIT_SHOWN, is_final ? end + 1 : 1};
}

static struct unit next_unit(struct str text)
{
    unsigned char first = (unsigned char)text.bytes[0];
    if (is_within(first, 0x20, 0x7e) || first == '\t') {
        size_t size = 1;
        while (size < text.size &&
               (is_within((unsigned char)text.bytes[size], 0x20, 0x7e) || text.bytes[size] == '\t'))
            size++;
        return (struct unit){UNIT_TEXT, size};
    }
    if (first == ESC)
        return escape_unit(text);
    if (first >= 0x80)
        return utf8_unit(text);
    if (first == '\r' && text.size == 1) // of a line that is not whole: perhaps its end
        return (struct unit){UNIT_TORN, 1};
    return (struct unit){UNIT_SHOWN, 1};
}

// "^M", "^?", or "\x9b" for the controls of eight bits.
static void append_shown(struct buffer *out, unsigned char byte)
{
    if (byte < 0x80)
        buffer_append(out, (char[]){'^', (char)(byte ^ 0x40)}, 2);
    else
        buffer_append_format(out, "\\x%02x", byte);
}

// Every parameter zero or absent: all attributes are off.
static bool is_reset(struct str color)
{
    for (size_t i = 2; i + 1 < color.size; i++)
        if (color.bytes[i] != '0' && color.bytes[i] != ';')
            return false;
    return true;
}

// How many bytes of a return to the line's start `text` ends in; 0: none.
static size_t return_before(struct str text, size_t end)
{
    static const char *const returns[] = {"\r", "\033[G", "\033[0G", "\033[1G"};
    for (size_t i = 0; i < sizeof(returns) / sizeof(returns[0]); i++) {
        size_t size = strlen(returns[i]);
        if (size <= end && memcmp(text.bytes + end - size, returns[i], size) == 0)
            return size;
    }
    return 0;
}

static bool is_visible(struct str text)
{
    while (text.size > 0) {
        struct unit unit = next_unit(text);
        if (unit.kind == UNIT_TEXT || unit.kind == UNIT_SHOWN)
            for (size_t i = 0; i < unit.size; i++)
                if (text.bytes[i] != ' ' && text.bytes[i] != '\t')
                    return true;
        text = str_slice(text, unit.size, text.size);
    }
    return false;
}

struct str tame_last_state(struct str text)
{
    size_t end = text.size;
    size_t at = text.size;
    while (at > 0) {
        char last = text.bytes[at - 1];
        size_t size = last == '\r' || last == 'G' ? return_before(text, at) : 0;
        if (size > 0 && is_visible(str_slice(text, at, end)))
            return str_slice(text, at, end);
        if (size > 0)
            end = at - size;
        at -= size > 0 ? size : 1;
    }
    return str_slice(text, 0, end);
}

void tame_strip(struct buffer *out, struct str text)
{
    while (text.size > 0) {
        const char *escape = memchr(text.bytes, ESC, text.size);
        size_t size = escape ? (size_t)(escape - text.bytes) : text.size;
        buffer_append_str(out, str_slice(text, 0, size));
        text = str_slice(text, size, text.size);
        if (text.size == 0)
            return;
        struct unit unit = escape_unit(text);
        if (unit.kind != UNIT_COLOR && unit.kind != UNIT_DROPPED)
            buffer_append_str(out, str_slice(text, 0, unit.size));
        text = str_slice(text, unit.size, text.size);
    }
}

size_t tame_append(struct buffer *out, struct str text, bool is_whole, bool *is_colored)
{
    size_t used = 0;
    while (used < text.size) {
        struct str rest = str_slice(text, used, text.size);
        struct unit unit = next_unit(rest);
        struct str bytes = str_slice(rest, 0, unit.size);
        if (unit.kind == UNIT_TORN) {
            if (!is_whole)
                break;
            unit.kind = (unsigned char)rest.bytes[0] >= 0xc0 ? UNIT_TEXT : UNIT_SHOWN;
        }
        if (unit.kind == UNIT_COLOR && is_colored)
            *is_colored = !is_reset(bytes);
        if (unit.kind == UNIT_TEXT || (unit.kind == UNIT_COLOR && is_colored))
            buffer_append_str(out, bytes);
        if (unit.kind == UNIT_SHOWN)
            append_shown(out, (unsigned char)rest.bytes[0]);
        used += unit.size;
    }
    return used;
}
