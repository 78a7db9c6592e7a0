// SPDX-License-Identifier: MIT
// A tree of values that is printed afterwards (jansson) takes ten allocations a process; with 50
// clients that poll 500 processes, that alone would delay every request. Whether a comma is needed
// shows in the last byte, so there is no state beside the buffer. Times are printed from integers:
// the same in every locale.
#include "control/json_put.h"

static void separate(struct buffer *out)
{
    char last = out->size ? out->bytes[out->size - 1] : '\0';
    if (last != '\0' && last != '{' && last != '[')
        buffer_append_char(out, ',');
}

static void begin(struct buffer *out, const char *name)
{
    separate(out);
    if (!name)
        return;
    buffer_append_char(out, '"');
    buffer_append_text(out, name);
    buffer_append(out, "\":", 2);
}

// Most bytes of most texts: those that stand for themselves.
static bool is_plain(unsigned char byte)
{
    return byte >= ' ' && byte < 0x80 && byte != '"' && byte != '\\';
}

// Bytes of the character at the beginning of `s`, 0 if it is not UTF-8 (RFC 3629): overlong forms,
// surrogates and what is above U+10FFFF are not.
static size_t character_size(struct str s)
{
    const unsigned char *bytes = (const unsigned char *)s.bytes;
    unsigned char lowest = 0x80;
    unsigned char highest = 0xbf;
    size_t size = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;
    if (bytes[0] < 0xc2 || bytes[0] > 0xf4 || s.size < size)
        return 0;
    if (bytes[0] == 0xe0)
        lowest = 0xa0;
    else if (bytes[0] == 0xed)
        highest = 0x9f;
    else if (bytes[0] == 0xf0)
        lowest = 0x90;
    else if (bytes[0] == 0xf4)
        highest = 0x8f;
    if (bytes[1] < lowest || bytes[1] > highest)
        return 0;
    for (size_t i = 2; i < size; i++)
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    return size;
}

static void put_escape(struct buffer *out, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    static const char shortened[] = {['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
                                     ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't'};
    if (byte < sizeof(shortened) && shortened[byte]) {
        buffer_append_char(out, '\\');
        buffer_append_char(out, shortened[byte]);
    } else {
        buffer_append_text(out, "\\u00");
        buffer_append_char(out, digits[byte >> 4]);
        buffer_append_char(out, digits[byte & 0xf]);
    }
}

void json_put_text(struct buffer *out, const char *name, struct str text)
{
    begin(out, name);
    buffer_append_char(out, '"');
    for (size_t at = 0; at < text.size;) {
        size_t from = at;
        while (at < text.size && is_plain((unsigned char)text.bytes[at]))
            at++;
        buffer_append(out, text.bytes + from, at - from);
        if (at == text.size)
            break;
        unsigned char byte = (unsigned char)text.bytes[at];
        size_t size = byte < 0x80 ? 0 : character_size(str_slice(text, at, text.size));
        if (size > 0)
            buffer_append(out, text.bytes + at, size);
        else if (byte < 0x80)
            put_escape(out, byte);
        else
            buffer_append_text(out, "\xef\xbf\xbd"); // U+FFFD
        at += size ? size : 1;
    }
    buffer_append_char(out, '"');
}

static void put_digits(struct buffer *out, uint64_t number)
{
    char digits[20];
    size_t from = sizeof(digits);
    do {
        digits[--from] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    buffer_append(out, digits + from, sizeof(digits) - from);
}

static uint64_t put_sign(struct buffer *out, int64_t number)
{
    if (number >= 0)
        return (uint64_t)number;
    buffer_append_char(out, '-');
    return -(uint64_t)number;
}

void json_put_integer(struct buffer *out, const char *name, int64_t number)
{
    begin(out, name);
    put_digits(out, put_sign(out, number));
}

void json_put_bool(struct buffer *out, const char *name, bool value)
{
    begin(out, name);
    buffer_append_text(out, value ? "true" : "false");
}

void json_put_seconds(struct buffer *out, const char *name, nsec_t time)
{
    char fraction[6];
    begin(out, name);
    uint64_t microseconds = put_sign(out, time / NSEC_PER_USEC);
    put_digits(out, microseconds / 1000000);
    microseconds %= 1000000;
    size_t used = 1;
    for (size_t i = sizeof(fraction); i-- > 0; microseconds /= 10) {
        fraction[i] = (char)('0' + microseconds % 10);
        if (fraction[i] != '0' && used <= i)
            used = i + 1;
    }
    buffer_append_char(out, '.');
    buffer_append(out, fraction, used);
}

void json_put_object(struct buffer *out, const char *name)
{
    begin(out, name);
    buffer_append_char(out, '{');
}

void json_put_object_end(struct buffer *out)
{
    buffer_append_char(out, '}');
}

void json_put_list(struct buffer *out, const char *name)
{
    begin(out, name);
    buffer_append_char(out, '[');
}

void json_put_list_end(struct buffer *out)
{
    buffer_append_char(out, ']');
}
