// SPDX-License-Identifier: MIT
// Growing bytes that remember their first failure: append freely, test once at the end.
#pragma once

#include "base/str.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

// Zero-initialise to use. Once memory was short, `failed` stays set and appends do nothing.
struct buffer {
    char *bytes;
    size_t size;
    size_t capacity;
    bool failed;
    bool is_fixed; // the memory is somebody else's: it does not grow and is not freed
};

void buffer_fini(struct buffer *buffer);  // frees; the buffer is empty and usable again
void buffer_clear(struct buffer *buffer); // size 0, memory kept, failure forgotten
bool buffer_reserve(struct buffer *buffer, size_t more); // room for `more` bytes; false: no memory
void buffer_append(struct buffer *buffer, const void *bytes, size_t size);
void buffer_append_str(struct buffer *buffer, struct str s);
void buffer_append_text(struct buffer *buffer, const char *text);
void buffer_append_char(struct buffer *buffer, char c);
void buffer_append_format(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct str buffer_str(const struct buffer *buffer); // borrows, until the next append
