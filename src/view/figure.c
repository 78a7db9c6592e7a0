// SPDX-License-Identifier: MIT
// Two digits say enough of an age: 90s is not yet "1m".
#include "view/figure.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

static const struct unit {
    nsec_t length;
    nsec_t until; // the next unit takes over
    char letter;
} units[] = {
    {NSEC_PER_SEC, 100 * NSEC_PER_SEC, 's'},
    {60 * NSEC_PER_SEC, 100 * 60 * NSEC_PER_SEC, 'm'},
    {3600 * NSEC_PER_SEC, 48 * 3600 * NSEC_PER_SEC, 'h'},
    {86400 * NSEC_PER_SEC, NSEC_NEVER, 'd'},
};

const char *figure_age(nsec_t age, char out[FIGURE_BYTES])
{
    const struct unit *unit = units;
    while (age >= unit->until && unit->until != NSEC_NEVER)
        unit++;
    nsec_t count = age > 0 ? age / unit->length : 0;
    (void)snprintf(out, FIGURE_BYTES, "%" PRId64 "%c", count, unit->letter);
    return out;
}

const char *figure_span(nsec_t span, char out[FIGURE_BYTES])
{
    if (span >= 10 * NSEC_PER_SEC)
        return figure_age(span, out);
    nsec_t milliseconds = span > 0 ? (span + NSEC_PER_MSEC / 2) / NSEC_PER_MSEC : 0;
    if (milliseconds < 1000)
        (void)snprintf(out, FIGURE_BYTES, "%" PRId64 "ms", milliseconds);
    else
        (void)snprintf(out, FIGURE_BYTES, "%" PRId64 ".%" PRId64 "s", milliseconds / 1000,
                       milliseconds % 1000 / 100);
    return out;
}

const char *figure_bytes(uint64_t bytes, char out[FIGURE_BYTES])
{
    static const char letters[] = "KMGTPE";
    const uint64_t kibi = 1024;
    size_t unit = 0;
    bool is_huge = bytes > UINT64_MAX / 20;
    uint64_t tenths = is_huge ? bytes / kibi * 10 : (bytes * 10 + kibi / 2) / kibi; // of a KiB
    while (tenths >= 10 * kibi && letters[unit + 1]) {
        tenths = (tenths + kibi / 2) / kibi;
        unit++;
    }
    if (tenths < 100 && unit >= 1)
        (void)snprintf(out, FIGURE_BYTES, "%" PRIu64 ".%" PRIu64 "%c", tenths / 10, tenths % 10,
                       letters[unit]);
    else
        (void)snprintf(out, FIGURE_BYTES, "%" PRIu64 "%c", (tenths + 5) / 10, letters[unit]);
    return out;
}

// Tenths of a unit, if that many are, to the byte, what byte_size_parse() makes of them.
static bool is_in_tenths(uint64_t bytes, uint64_t unit, uint64_t *tenths)
{
    uint64_t rest = bytes % unit;
    uint64_t tenth = (rest * 10 + unit - 1) / unit; // the first one that could be it
    *tenths = bytes / unit * 10 + tenth;
    return tenth * unit / 10 == rest;
}

const char *figure_limit(uint64_t bytes, char out[FIGURE_BYTES])
{
    static const char letters[] = "TGMK";
    uint64_t tenths;
    for (int i = 0; letters[i]; i++) {
        uint64_t unit = UINT64_C(1) << (10 * (4 - i));
        if (bytes < unit || !is_in_tenths(bytes, unit, &tenths))
            continue;
        if (tenths % 10 > 0)
            (void)snprintf(out, FIGURE_BYTES, "%" PRIu64 ".%" PRIu64 "%c", tenths / 10, tenths % 10,
                           letters[i]);
        else
            (void)snprintf(out, FIGURE_BYTES, "%" PRIu64 "%c", tenths / 10, letters[i]);
        return out;
    }
    return figure_bytes(bytes, out);
}

const char *figure_count(uint64_t count, char out[FIGURE_COUNT_BYTES])
{
    char digits[FIGURE_COUNT_BYTES];
    int size = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)count);
    char *at = out;
    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0)
            *at++ = ',';
        *at++ = digits[i];
    }
    *at = '\0';
    return out;
}
