// SPDX-License-Identifier: MIT
// Rows of short texts under each other, in columns that fit a terminal.
#pragma once

#include "base/buffer.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct table_column {
    const char *title;
    bool is_number; // stands at the right
};

// Make it with the columns, which are borrowed, and nothing else set.
struct table {
    const struct table_column *columns;
    size_t column_count;
    struct buffer cells; // each ended by a NUL, row by row
    size_t cell_count;
};

void table_fini(struct table *table);

// The next cell; rows fill from the left. Whatever bytes `text` has, the cell is one line that
// steers no terminal.
void table_add(struct table *table, struct str text);
void table_add_format(struct table *table, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Appends the titles and all rows that are complete, each with a newline. Columns without a text
// in any row are left out. What does not fit `width` places (0: any) is cut, with … at its end:
// the last column first. `out` is failed when memory was short, for the cells or for this.
void table_append(const struct table *table, unsigned width, struct buffer *out);

// How many places of a terminal the text takes.
size_t table_text_width(struct str text);

// Appends as much of the text as fits so many places; if not all, with … at the end.
void table_append_cut(struct buffer *out, struct str text, size_t width);
