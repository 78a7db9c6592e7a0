// SPDX-License-Identifier: MIT
// Durations as people write them in systemd units and Go programs: a number and a unit.
#include "base/duration.h"

#include <stdio.h>
#include <string.h>

static const struct unit {
    const char *name;
    nsec_t length;
} units[] = {
    {"d", 86400 * NSEC_PER_SEC}, {"h", 3600 * NSEC_PER_SEC}, {"m", 60 * NSEC_PER_SEC},
    {"s", NSEC_PER_SEC},         {"ms", NSEC_PER_MSEC},      {"us", NSEC_PER_USEC},
};
enum { UNIT_COUNT = sizeof(units) / sizeof(units[0]) };

static nsec_t unit_length(struct str name)
{
    if (name.size == 0)
        return NSEC_PER_SEC;
    for (unsigned i = 0; i < UNIT_COUNT; i++)
        if (str_is(name, units[i].name))
            return units[i].length;
    return 0;
}

bool duration_parse(struct str text, nsec_t *out)
{
    enum { LONGEST_SEC = INT32_MAX }; // 68 years: far from overflow in nanoseconds
    size_t digits = 0;
    while (digits < text.size && strchr("0123456789.", text.bytes[digits]) && text.bytes[digits])
        digits++;
    struct str number = str_slice(text, 0, digits);
    nsec_t unit = unit_length(str_slice(text, digits, text.size));
    struct str whole = str_slice(number, 0, str_find_char(number, '.'));
    struct str fraction = str_slice(number, whole.size + 1, number.size);
    unsigned long value = 0;
    if (unit == 0 || number.size == 0 || (number.size > whole.size && fraction.size == 0))
        return false;
    if (whole.size && !str_to_unsigned(whole, &value))
        return false;
    if (value > (unsigned long)(LONGEST_SEC * NSEC_PER_SEC / unit))
        return false;
    nsec_t total = (nsec_t)value * unit;
    nsec_t scale = unit;
    for (size_t i = 0; i < fraction.size; i++) {
        if (fraction.bytes[i] == '.')
            return false;
        scale /= 10;
        total += (fraction.bytes[i] - '0') * scale;
    }
    *out = total;
    return true;
}

const char *duration_format(nsec_t duration, char out[DURATION_TEXT_BYTES])
{
    const struct unit *unit = &units[UNIT_COUNT - 1];
    if (duration <= 0)
        return memcpy(out, "0s", sizeof("0s"));
    for (unsigned i = UNIT_COUNT; i-- > 0;)
        if (duration >= units[i].length)
            unit = &units[i];
    nsec_t thousandths = (nsec_t)((__int128)duration * 1000 / unit->length);
    int size = snprintf(out, DURATION_TEXT_BYTES, "%lld", (long long)(thousandths / 1000));
    if (thousandths % 1000) {
        size += snprintf(out + size, DURATION_TEXT_BYTES - (size_t)size, ".%03lld",
                         (long long)(thousandths % 1000));
        while (out[size - 1] == '0')
            size--;
    }
    (void)snprintf(out + size, DURATION_TEXT_BYTES - (size_t)size, "%s", unit->name);
    return out;
}
