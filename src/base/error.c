// SPDX-License-Identifier: MIT
// An error is a value of fixed size: filling it cannot fail, not even when memory is short.
#include "base/error.h"

#include <assert.h>
#include <stdio.h>

int error_set(struct error *out, int code, const char *format, ...)
{
    assert(code > 0);
    if (out) {
        va_list arguments;
        va_start(arguments, format);
        out->code = code;
        (void)vsnprintf(out->text, sizeof(out->text), format, arguments);
        va_end(arguments);
    }
    return -code;
}
