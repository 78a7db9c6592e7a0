// SPDX-License-Identifier: MIT
// A number and a letter, as systemd, docker and logrotate read them.
#include "base/byte_size.h"

// The factor of a unit; 0: there is no such unit.
static uint64_t unit_bytes(struct str name)
{
    static const char letters[] = "KMGT";
    uint64_t bytes = 1;
    for (size_t i = 0; name.size == 1 && letters[i]; i++) {
        bytes *= 1024;
        if (letters[i] == name.bytes[0])
            return bytes;
    }
    return name.size == 0 ? 1 : 0;
}

// The part behind the point, without the digits' errors: rounded down once, as is each of the
// divisions. False: there is a second point.
static bool read_fraction(struct str digits, uint64_t unit, uint64_t *out)
{
    uint64_t total = 0;
    for (size_t i = digits.size; i > 0; i--) {
        if (digits.bytes[i - 1] == '.')
            return false;
        total = (total + (uint64_t)(digits.bytes[i - 1] - '0') * unit) / 10;
    }
    *out = total;
    return true;
}

bool byte_size_parse(struct str text, uint64_t *out_bytes)
{
    const uint64_t most = UINT64_C(1) << 50; // far from overflow, in any sum of a few
    size_t digits = 0;
    while (digits < text.size &&
           ((text.bytes[digits] >= '0' && text.bytes[digits] <= '9') || text.bytes[digits] == '.'))
        digits++;
    struct str number = str_slice(text, 0, digits);
    uint64_t unit = unit_bytes(str_slice(text, digits, text.size));
    struct str whole = str_slice(number, 0, str_find_char(number, '.'));
    struct str fraction = str_slice(number, whole.size + 1, number.size);
    bool has_point = number.size > whole.size;
    unsigned long value = 0;
    if (unit == 0 || number.size == 0 || (has_point && (fraction.size == 0 || unit == 1)))
        return false;
    if (whole.size > 0 && !str_to_unsigned(whole, &value))
        return false;
    uint64_t rest;
    if (value >= most / unit || !read_fraction(fraction, unit, &rest))
        return false;
    *out_bytes = value * unit + rest;
    return true;
}
