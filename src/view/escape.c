// SPDX-License-Identifier: MIT
// Room for the worst case is made once for each chunk; so the loops compare with the end of the
// input only. Eight bytes at a time are copied before they are looked at: if one of them is
// special, what was copied from there on is written over. That is portable, and no slower than
// the memory that the lines come from.
#include "view/escape.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    CHUNK_BYTES = 4096,
    GROWTH = 6,       // \u00NN for one byte
    LONGEST_CHAR = 4, // one may stand across the end of a chunk
    DEL = 0x7f,
};

#define EACH 0x0101010101010101u
#define TOPS (0x80 * EACH)

static bool is_special(unsigned char byte, enum escape_style style)
{
    switch (style) {
    case ESCAPE_JSON:
        return byte < 0x20 || byte == '"' || byte == '\\' || byte >= 0x80;
    case ESCAPE_LOGFMT:
        return byte < 0x20 || byte == '"' || byte == '\\' || byte >= DEL;
    case ESCAPE_SYSLOG:
        return (byte < 0x20 && byte != '\t') || byte == DEL;
    }
    return true;
}

// The top bit of each byte that may be special. A byte that is not may be flagged behind one that
// is (a borrow), so the first one counts; and the tab is, which is no matter but of speed.
static inline uint64_t flags_of(uint64_t eight, enum escape_style style)
{
    uint64_t controls = eight - 0x20 * EACH;
    uint64_t quotes = ((eight ^ '"' * EACH) - EACH) | ((eight ^ '\\' * EACH) - EACH);
    uint64_t deletes = (eight ^ DEL * EACH) - EACH;
    switch (style) {
    case ESCAPE_JSON:
        return (controls | quotes | eight) & TOPS;
    case ESCAPE_LOGFMT:
        return (controls | quotes | deletes | eight) & TOPS;
    case ESCAPE_SYSLOG:
        return (controls | deletes) & ~eight & TOPS;
    }
    return TOPS;
}

// Eight bytes, the first of them lowest.
static inline uint64_t load(const unsigned char *at)
{
    uint64_t eight;
    memcpy(&eight, at, sizeof(eight));
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? eight : __builtin_bswap64(eight);
}

// Copies up to the first special byte, or `end`. Returns where it stopped; `to` is moved along.
static inline const unsigned char *copy_plain(char **to, const unsigned char *at,
                                              const unsigned char *end, enum escape_style style)
{
    while ((size_t)(end - at) >= sizeof(uint64_t)) {
        memcpy(*to, at, sizeof(uint64_t));
        uint64_t flags = flags_of(load(at), style);
        if (flags) {
            unsigned plain = (unsigned)__builtin_ctzll(flags) / 8;
            *to += plain;
            return at + plain;
        }
        *to += sizeof(uint64_t);
        at += sizeof(uint64_t);
    }
    while (at < end && !is_special(*at, style))
        *(*to)++ = (char)*at++;
    return at;
}

static bool continues(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

struct unit {
    size_t size;
    bool is_character;
};

// The character at `at`, which begins at 0x80 or above; or the bytes that begin none (RFC 3629:
// overlong forms, surrogates and what is above U+10FFFF are none).
static inline struct unit unit_at(const unsigned char *at, const unsigned char *end)
{
    unsigned char lead = at[0];
    size_t left = (size_t)(end - at);
    if (lead < 0xc2 || lead > 0xf4 || left < 2)
        return (struct unit){1, false};
    unsigned char lowest = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned char highest = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < lowest || at[1] > highest)
        return (struct unit){1, false};
    if (lead < 0xe0)
        return (struct unit){2, true};
    if (left < 3 || !continues(at[2]))
        return (struct unit){2, false};
    if (lead < 0xf0)
        return (struct unit){3, true};
    if (left < 4 || !continues(at[3]))
        return (struct unit){3, false};
    return (struct unit){4, true};
}

static char *put_hex(char *to, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    memcpy(to, "\\u00", 4);
    to[4] = digits[byte >> 4];
    to[5] = digits[byte & 0xf];
    return to + 6;
}

static char *put_ascii(char *to, unsigned char byte)
{
    static const char letters[] = {['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
                                   ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't'};
    if (byte >= sizeof(letters) || !letters[byte])
        return put_hex(to, byte);
    to[0] = '\\';
    to[1] = letters[byte];
    return to + 2;
}

static char *put_octal(char *to, unsigned char byte)
{
    to[0] = '#';
    to[1] = (char)('0' + (byte >> 6));
    to[2] = (char)('0' + (byte >> 3 & 7));
    to[3] = (char)('0' + (byte & 7));
    return to + 4;
}

static inline char *put_bytes(char *to, const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (char)bytes[i];
    return to + size;
}

// The character that begins at 0x80 or above, or U+FFFD.
static inline const unsigned char *put_character(char **to, const unsigned char *at,
                                                 const unsigned char *end, enum escape_style style)
{
    if (at[0] >= 0xc3 && at[0] < 0xe0 && end - at >= 2 && continues(at[1])) { // most alphabets
        memcpy(*to, at, 2);
        *to += 2;
        return at + 2;
    }
    struct unit unit = unit_at(at, end);
    if (!unit.is_character)
        *to = put_bytes(*to, (const unsigned char *)"\xef\xbf\xbd", 3);
    else if (style == ESCAPE_LOGFMT && at[0] == 0xc2 && at[1] < 0xa0)
        *to = put_hex(*to, at[1]);
    else
        *to = put_bytes(*to, at, unit.size);
    return at + unit.size;
}

// What stands for the byte at `at`, or for the character that begins with it.
static inline const unsigned char *put_special(char **to, const unsigned char *at,
                                               const unsigned char *end, enum escape_style style)
{
    if (*at >= 0x80)
        return put_character(to, at, end, style);
    if (style != ESCAPE_SYSLOG)
        *to = put_ascii(*to, *at);
    else if (*at != '\t')
        *to = put_octal(*to, *at);
    else
        *(*to)++ = '\t';
    return at + 1;
}

static inline void append(struct buffer *out, struct str text, enum escape_style style)
{
    if (text.size == 0)
        return;
    const unsigned char *at = (const unsigned char *)text.bytes;
    const unsigned char *end = at + text.size;
    while (at < end) {
        size_t chunk = (size_t)(end - at) < CHUNK_BYTES ? (size_t)(end - at) : CHUNK_BYTES;
        const unsigned char *chunk_end = at + chunk;
        if (!buffer_reserve(out, GROWTH * chunk + LONGEST_CHAR))
            return;
        char *to = out->bytes + out->size;
        while (at < chunk_end) { // a character may have gone beyond it
            at = copy_plain(&to, at, chunk_end, style);
            if (at == chunk_end)
                break;
            do // once at least: a tab stops the copy as well
                at = put_special(&to, at, end, style);
            while (at < chunk_end && is_special(*at, style));
        }
        out->size = (size_t)(to - out->bytes);
    }
}

void escape_append(struct buffer *out, struct str text, enum escape_style style)
{
    switch (style) { // one loop for each
    case ESCAPE_JSON:
        append(out, text, ESCAPE_JSON);
        return;
    case ESCAPE_LOGFMT:
        append(out, text, ESCAPE_LOGFMT);
        return;
    case ESCAPE_SYSLOG:
        append(out, text, ESCAPE_SYSLOG);
        return;
    }
}

unsigned escape_syslog_size(unsigned char byte)
{
    return is_special(byte, ESCAPE_SYSLOG) ? ESCAPE_SYSLOG_MOST : 1;
}
