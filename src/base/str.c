// SPDX-License-Identifier: MIT
// Slices instead of copies: parsers hand out pieces of the text that they were given.
#include "base/str.h"

#include <limits.h>
#include <string.h>

struct str str_of(const char *text)
{
    return (struct str){text ? text : "", text ? strlen(text) : 0};
}

struct str str_from(const char *bytes, size_t size)
{
    return (struct str){bytes ? bytes : "", bytes ? size : 0};
}

struct str str_slice(struct str s, size_t from, size_t to)
{
    if (to > s.size)
        to = s.size;
    if (from > to)
        from = to;
    return (struct str){s.bytes + from, to - from};
}

bool str_equal(struct str a, struct str b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
}

bool str_is(struct str a, const char *text)
{
    return str_equal(a, str_of(text));
}

bool str_starts_with(struct str s, const char *prefix)
{
    size_t size = strlen(prefix);
    return s.size >= size && memcmp(s.bytes, prefix, size) == 0;
}

bool str_ends_with(struct str s, const char *suffix)
{
    size_t size = strlen(suffix);
    return s.size >= size && memcmp(s.bytes + s.size - size, suffix, size) == 0;
}

struct str str_trim(struct str s)
{
    while (s.size > 0 && (s.bytes[0] == ' ' || s.bytes[0] == '\t'))
        s = str_slice(s, 1, s.size);
    while (s.size > 0 && (s.bytes[s.size - 1] == ' ' || s.bytes[s.size - 1] == '\t'))
        s.size--;
    return s;
}

size_t str_find_char(struct str s, char wanted)
{
    const char *found = s.size ? memchr(s.bytes, wanted, s.size) : NULL;
    return found ? (size_t)(found - s.bytes) : s.size;
}

bool str_contains(struct str s, const char *part)
{
    size_t size = strlen(part);
    for (size_t at = 0; at + size <= s.size; at++)
        if (memcmp(s.bytes + at, part, size) == 0)
            return true;
    return false;
}

bool str_next(struct str *rest, char separator, struct str *out)
{
    if (!rest->bytes)
        return false;
    size_t end = str_find_char(*rest, separator);
    *out = str_slice(*rest, 0, end);
    if (end == rest->size)
        *rest = (struct str){NULL, 0};
    else
        *rest = str_slice(*rest, end + 1, rest->size);
    return true;
}

bool str_to_unsigned(struct str s, unsigned long *out)
{
    unsigned long value = 0;
    if (s.size == 0)
        return false;
    for (size_t i = 0; i < s.size; i++) {
        if (s.bytes[i] < '0' || s.bytes[i] > '9')
            return false;
        unsigned long digit = (unsigned long)(s.bytes[i] - '0');
        if (value > (ULONG_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

unsigned str_distance(struct str a, struct str b)
{
    enum { LONGEST = 64 };
    unsigned row[LONGEST + 1];
    if (a.size > LONGEST || b.size > LONGEST)
        return UINT_MAX;
    for (unsigned j = 0; j <= b.size; j++)
        row[j] = j;
    for (unsigned i = 1; i <= a.size; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= b.size; j++) {
            unsigned substitute = diagonal + (a.bytes[i - 1] != b.bytes[j - 1]);
            unsigned remove_or_add = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = substitute < remove_or_add ? substitute : remove_or_add;
        }
    }
    return row[b.size];
}

struct str str_nearest(struct str wanted, const struct str *candidates, size_t count)
{
    // A third of the letters may be wrong, and at least one of them right.
    unsigned best = wanted.size < 3 ? 1 : (unsigned)(wanted.size / 3) + 1;
    struct str nearest = str_of("");
    for (size_t i = 0; i < count; i++) {
        unsigned distance = str_distance(wanted, candidates[i]);
        if (distance <= best && distance < candidates[i].size) {
            best = distance ? distance - 1 : 0;
            nearest = candidates[i];
        }
    }
    return nearest;
}

struct str str_excerpt(struct str value)
{
    enum { EXCERPT_BYTES = 60 };
    if (value.size <= EXCERPT_BYTES)
        return value;
    size_t end = EXCERPT_BYTES;
    while (end > EXCERPT_BYTES - 4 && ((unsigned char)value.bytes[end] & 0xc0) == 0x80)
        end--;
    return str_slice(value, 0, end);
}
