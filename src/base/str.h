// SPDX-License-Identifier: MIT
// A borrowed run of bytes: never owned, not NUL-terminated, any byte may occur in it.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct str {
    const char *bytes;
    size_t size;
};

struct str_list {
    const struct str *items;
    size_t count;
};

// For printf: printf("%.*s", STR_ARGS(s)).
#define STR_ARGS(s) (int)(s).size, (s).bytes

struct str str_of(const char *text); // of a NUL-terminated text; NULL gives the empty str
struct str str_from(const char *bytes, size_t size);
struct str str_slice(struct str s, size_t from, size_t to); // clamped to the bounds of s
bool str_equal(struct str a, struct str b);
bool str_is(struct str a, const char *text);
bool str_starts_with(struct str s, const char *prefix);
bool str_ends_with(struct str s, const char *suffix);
struct str str_trim(struct str s);               // blanks and tabs at both ends
size_t str_find_char(struct str s, char wanted); // index, or s.size when absent
bool str_contains(struct str s, const char *part);

// Cuts the text before the first `separator` off the front of `rest`. Returns false when nothing
// is left; "a,b," gives "a", "b", "".
bool str_next(struct str *rest, char separator, struct str *out);

// Decimal digits only, no sign, no blank. Returns false on anything else and on overflow.
bool str_to_unsigned(struct str s, unsigned long *out);

// How many single-character edits lead from a to b (Levenshtein), for "did you mean …". Texts
// longer than 64 bytes are never near anything.
unsigned str_distance(struct str a, struct str b);

// The candidate nearest to `wanted`, for "did you mean …"; the empty str when none is near.
struct str str_nearest(struct str wanted, const struct str *candidates, size_t count);

// The first bytes of a value, few enough to be quoted in a sentence; whole characters of UTF-8.
struct str str_excerpt(struct str value);
