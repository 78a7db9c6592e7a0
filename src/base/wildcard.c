// SPDX-License-Identifier: MIT
// On a mismatch only the last `*` takes one byte more: what earlier ones took can stay, since
// whatever would fit behind them after a longer run fits after the shorter one as well.
#include "base/wildcard.h"

#include <stdint.h>

bool wildcard_is_in(struct str text)
{
    return str_find_char(text, '*') < text.size || str_find_char(text, '?') < text.size;
}

bool wildcard_fits(struct str pattern, struct str text)
{
    size_t at = 0;
    size_t star = SIZE_MAX; // place of the last one
    size_t resume = 0;      // behind what it has taken so far
    for (size_t i = 0; i < text.size;) {
        if (at < pattern.size && pattern.bytes[at] == '*') {
            star = at++;
            resume = i;
        } else if (at < pattern.size &&
                   (pattern.bytes[at] == '?' || pattern.bytes[at] == text.bytes[i])) {
            at++;
            i++;
        } else if (star != SIZE_MAX) {
            at = star + 1;
            i = ++resume;
        } else {
            return false;
        }
    }
    while (at < pattern.size && pattern.bytes[at] == '*')
        at++;
    return at == pattern.size;
}
