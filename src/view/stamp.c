// SPDX-License-Identifier: MIT
// The C library asks for the zone's file and takes a lock, even for UTC. The calendar itself is
// some divisions: years are counted from the first of March, so that the day of a leap year is the
// last.
#include "view/stamp.h"

#include <stdint.h>

enum {
    DAYS_TO_1970 = 719468, // since 0000-03-01
    DAYS_IN_ERA = 146097,  // 400 years: after them the calendar repeats
    SECONDS_IN_DAY = 86400,
};

struct date {
    unsigned year, month, day;
};

static struct date date_of(unsigned day_number)
{
    unsigned era = day_number / DAYS_IN_ERA;
    unsigned day = day_number % DAYS_IN_ERA;
    unsigned year = (day - day / 1460 + day / 36524 - day / (DAYS_IN_ERA - 1)) / 365;
    day -= year * 365 + year / 4 - year / 100;
    unsigned month = (5 * day + 2) / 153; // 0: March; five months have 153 days
    day -= (153 * month + 2) / 5;
    bool is_next_year = month >= 10;
    return (struct date){era * 400 + year + is_next_year, is_next_year ? month - 9 : month + 3,
                         day + 1};
}

// The last `digits` digits of the number, and the character behind them.
static char *put(char *to, unsigned number, unsigned digits, char behind)
{
    for (unsigned i = digits; i-- > 0; number /= 10)
        to[i] = (char)('0' + number % 10);
    to[digits] = behind;
    return to + digits + 1;
}

void stamp_write(nsec_t wall, char out[STAMP_BYTES])
{
    int64_t seconds = wall / NSEC_PER_SEC;
    int64_t rest = wall % NSEC_PER_SEC;
    if (rest < 0) {
        seconds--;
        rest += NSEC_PER_SEC;
    }
    uint64_t since_0000 = (uint64_t)(seconds + (int64_t)DAYS_TO_1970 * SECONDS_IN_DAY);
    struct date date = date_of((unsigned)(since_0000 / SECONDS_IN_DAY));
    unsigned second = (unsigned)(since_0000 % SECONDS_IN_DAY);
    char text[STAMP_BYTES + 1];
    char *to = put(text, date.year, 4, '-');
    to = put(to, date.month, 2, '-');
    to = put(to, date.day, 2, 'T');
    to = put(to, second / 3600, 2, ':');
    to = put(to, second / 60 % 60, 2, ':');
    to = put(to, second % 60, 2, '.');
    put(to, (unsigned)(rest / NSEC_PER_USEC), 6, '\0');
    for (unsigned i = 0; i < STAMP_BYTES; i++)
        out[i] = text[i];
}
