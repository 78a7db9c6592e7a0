// SPDX-License-Identifier: MIT
#include "base/decimal.h"

enum { THOUSAND = 1000 };

bool decimal_parse(struct str text, uint64_t most, uint64_t *out_thousandths)
{
    unsigned long whole = 0;
    uint64_t thousandths = 0;
    struct str before = str_slice(text, 0, str_find_char(text, '.'));
    bool has_point = before.size < text.size;
    struct str behind = has_point ? str_slice(text, before.size + 1, text.size) : str_of("");
    if ((before.size == 0 && behind.size == 0) || (has_point && behind.size == 0))
        return false;
    if (before.size > 0 && (!str_to_unsigned(before, &whole) || whole > most))
        return false;
    uint64_t worth = THOUSAND / 10;
    for (size_t i = 0; i < behind.size; i++, worth /= 10) {
        if (behind.bytes[i] < '0' || behind.bytes[i] > '9')
            return false;
        thousandths += (uint64_t)(behind.bytes[i] - '0') * worth;
    }
    thousandths += whole * THOUSAND;
    if (thousandths > most * THOUSAND)
        return false;
    *out_thousandths = thousandths;
    return true;
}
