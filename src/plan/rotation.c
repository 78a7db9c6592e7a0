// SPDX-License-Identifier: MIT
// Stamps are in UTC: in local time an hour would come twice a year. They never repeat and never
// decrease, whatever the clock does, so "the oldest" needs nothing but the names.
#include "plan/rotation.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { FILE_NAME_BYTES = 255, STAMP_BYTES = 23 }; // NAME_MAX; 2026-11-25T23-00-00.123

#define MSEC_PER_DAY INT64_C(86400000)
#define LAST_STAMP (INT64_C(2932897) * MSEC_PER_DAY - 1) // the end of the year 9999

static const char *const endings[] = {
    [ROTATION_PLAIN] = "",
    [ROTATION_COMPRESSED] = ".zst",
    [ROTATION_PARTIAL] = ".zst.partial",
};

uint64_t rotation_size_limit(const struct sink_rotation *policy)
{
    uint64_t half = policy->total_bytes / 2 + policy->total_bytes % 2;
    bool is_total_stricter = half > 0 && (policy->size_bytes == 0 || half < policy->size_bytes);
    return is_total_stricter ? half : policy->size_bytes;
}

bool rotation_is_due(const struct sink_rotation *policy, uint64_t size_bytes, nsec_t first_at,
                     uint64_t next_bytes, nsec_t now)
{
    if ((policy->size_bytes == 0 && policy->age == 0) || size_bytes == 0)
        return false;
    uint64_t limit = rotation_size_limit(policy);
    if (limit > 0 && (size_bytes >= limit || next_bytes > limit - size_bytes))
        return true;
    return rotation_due_at(policy, size_bytes, first_at) <= now;
}

nsec_t rotation_due_at(const struct sink_rotation *policy, uint64_t size_bytes, nsec_t first_at)
{
    if (policy->age == 0 || size_bytes == 0 || first_at > NSEC_NEVER - policy->age)
        return NSEC_NEVER;
    return first_at + policy->age;
}

int64_t rotation_next_stamp(nsec_t now, int64_t newest)
{
    int64_t stamp = now > 0 ? now / NSEC_PER_MSEC : 0;
    if (stamp <= newest)
        stamp = newest + 1;
    return stamp < LAST_STAMP ? stamp : LAST_STAMP;
}

// The Gregorian calendar in days since 1970-01-01, for years that begin in March: the day that is
// not always there is then the last one.
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t month_from_march = (month + 9) % 12;
    return year * 365 + year / 4 - year / 100 + year / 400 + (153 * month_from_march + 2) / 5 +
           day - 1 - 719468;
}

static void date_of(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    days += 719468;
    int64_t era = days / 146097; // of 400 years
    int64_t rest = days % 146097;
    int64_t year_of_era = (rest - rest / 1460 + rest / 36524 - rest / 146096) / 365;
    int64_t day_of_year = rest - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    *month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    *year = era * 400 + year_of_era + (*month <= 2);
}

static void write_stamp(int64_t stamp, char out[STAMP_BYTES + 1])
{
    int64_t year, month, day;
    int64_t in_day = stamp % MSEC_PER_DAY;
    char text[128]; // room for any number: the compiler cannot know that they are small
    date_of(stamp / MSEC_PER_DAY, &year, &month, &day);
    (void)snprintf(text, sizeof(text),
                   "%04" PRId64 "-%02" PRId64 "-%02" PRId64 "T%02" PRId64 "-%02" PRId64
                   "-%02" PRId64 ".%03" PRId64,
                   year, month, day, in_day / 3600000, in_day / 60000 % 60, in_day / 1000 % 60,
                   in_day % 1000);
    assert(strlen(text) == STAMP_BYTES);
    memcpy(out, text, STAMP_BYTES + 1);
}

static int64_t number_at(struct str text, size_t at, size_t size)
{
    unsigned long number;
    return str_to_unsigned(str_slice(text, at, at + size), &number) ? (int64_t)number : -1;
}

// What is not exactly as it would be written is no stamp: "02-30", "24-00".
static bool read_stamp(struct str text, int64_t *out)
{
    char again[STAMP_BYTES + 1];
    int64_t month = number_at(text, 5, 2);
    if (number_at(text, 0, 4) < 1970 || month < 1 || month > 12)
        return false;
    int64_t stamp = days_of(number_at(text, 0, 4), month, number_at(text, 8, 2)) * MSEC_PER_DAY +
                    number_at(text, 11, 2) * 3600000 + number_at(text, 14, 2) * 60000 +
                    number_at(text, 17, 2) * 1000 + number_at(text, 20, 3);
    if (stamp < 0 || stamp > LAST_STAMP)
        return false;
    write_stamp(stamp, again);
    if (!str_is(text, again))
        return false;
    *out = stamp;
    return true;
}

int rotation_name(struct str live, int64_t stamp, char out[ROTATION_NAME_BYTES])
{
    assert(stamp >= 0);
    if (stamp > LAST_STAMP)
        return -ERANGE;
    if (live.size + 1 + STAMP_BYTES + strlen(endings[ROTATION_PARTIAL]) > FILE_NAME_BYTES)
        return -ENAMETOOLONG;
    memcpy(out, live.bytes, live.size);
    out[live.size] = '.';
    write_stamp(stamp, out + live.size + 1);
    return 0;
}

bool rotation_read_name(struct str live, struct str name, int64_t *stamp, enum rotation_part *part)
{
    size_t stamp_at = live.size + 1;
    if (name.size < stamp_at + STAMP_BYTES || !str_equal(str_slice(name, 0, live.size), live) ||
        name.bytes[live.size] != '.')
        return false;
    struct str ending = str_slice(name, stamp_at + STAMP_BYTES, name.size);
    for (enum rotation_part i = ROTATION_PLAIN; i <= ROTATION_PARTIAL; i++)
        if (str_is(ending, endings[i])) {
            if (!read_stamp(str_slice(name, stamp_at, stamp_at + STAMP_BYTES), stamp))
                return false;
            *part = i;
            return true;
        }
    return false;
}

// The end of the files of one stamp that begin at `from`.
static size_t end_of_stamp(const struct rotation_entry *entries, size_t count, size_t from)
{
    size_t end = from + 1;
    while (end < count && entries[end].stamp == entries[from].stamp)
        end++;
    assert(end == count || entries[end].stamp > entries[from].stamp);
    return end;
}

size_t rotation_prune(const struct sink_rotation *policy, uint64_t live_bytes,
                      struct rotation_entry *entries, size_t count)
{
    uint64_t limit = rotation_size_limit(policy);
    uint64_t bytes = live_bytes > limit ? live_bytes : limit;
    size_t stamps = 0;
    size_t doomed = 0;
    size_t end;
    for (size_t i = 0; i < count; i = end) {
        end = end_of_stamp(entries, count, i);
        stamps += entries[i].part != ROTATION_PARTIAL; // which is the last of a stamp: it is alone
        for (size_t each = i; each < end; each++)
            bytes += entries[each].bytes;
    }
    for (size_t i = 0; i < count; i = end) {
        end = end_of_stamp(entries, count, i);
        bool is_alone = entries[i].part == ROTATION_PARTIAL;
        bool goes = is_alone || stamps > policy->keep_count ||
                    (policy->total_bytes > 0 && bytes > policy->total_bytes);
        stamps -= goes && !is_alone;
        for (size_t each = i; each < end; each++) {
            entries[each].is_doomed = goes;
            bytes -= goes ? entries[each].bytes : 0;
            doomed += goes;
        }
    }
    return doomed;
}
