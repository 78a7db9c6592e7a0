// SPDX-License-Identifier: MIT
// Cells are made harmless when they come in, so that all of them are text without colours, tabs or
// control characters; then a character of UTF-8 takes one place, two if it is a wide one, none if
// it combines. A byte that is no UTF-8 is taken for one place.
#include "view/table.h"

#include "view/tame.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ELLIPSIS "\xe2\x80\xa6"
enum { ESC = 0x1b, GAP = 2, COLUMNS_MOST = 16 };

// --- characters ----------------------------------------------------------------------------------

static bool is_tail(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

// The first character: its bytes, and its number.
static size_t character_of(struct str text, uint32_t *out)
{
    unsigned char lead = (unsigned char)text.bytes[0];
    size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 1;
    *out = lead;
    if (size == 1 || size > text.size)
        return 1;
    uint32_t number = lead & (0x7fU >> size);
    for (size_t i = 1; i < size; i++) {
        if (!is_tail((unsigned char)text.bytes[i]))
            return 1;
        number = number << 6 | ((unsigned char)text.bytes[i] & 0x3fU);
    }
    *out = number;
    return size;
}

struct range {
    uint32_t first;
    uint32_t last;
    size_t places;
};

// The blocks of Unicode that matter in names and commands; all others take one place.
static const struct range ranges[] = {
    {0x0300, 0x036f, 0},   {0x200b, 0x200f, 0},   {0xfe00, 0xfe0f, 0},   {0x1100, 0x115f, 2},
    {0x2e80, 0xa4cf, 2},   {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},   {0xfe30, 0xfe6f, 2},
    {0xff00, 0xff60, 2},   {0xffe0, 0xffe6, 2},   {0x1f300, 0x1f64f, 2}, {0x1f680, 0x1f6ff, 2},
    {0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2},
};

static size_t places_of(uint32_t character)
{
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (character >= ranges[i].first && character <= ranges[i].last)
            return ranges[i].places;
    return 1;
}

// The bytes from the start that take at most `width` places.
static size_t fitting_bytes(struct str text, size_t width)
{
    size_t at = 0;
    size_t places = 0;
    while (at < text.size) {
        uint32_t character;
        size_t size = character_of(str_slice(text, at, text.size), &character);
        places += places_of(character);
        if (places > width)
            break;
        at += size;
    }
    return at;
}

size_t table_text_width(struct str text)
{
    size_t places = 0;
    for (size_t at = 0; at < text.size;) {
        uint32_t character;
        at += character_of(str_slice(text, at, text.size), &character);
        places += places_of(character);
    }
    return places;
}

void table_append_cut(struct buffer *out, struct str text, size_t width)
{
    if (fitting_bytes(text, width) == text.size) {
        buffer_append_str(out, text);
    } else if (width > 0) {
        buffer_append_str(out, str_slice(text, 0, fitting_bytes(text, width - 1)));
        buffer_append_text(out, ELLIPSIS);
    }
}

// --- cells ---------------------------------------------------------------------------------------

void table_fini(struct table *table)
{
    buffer_fini(&table->cells);
}

// What tame.c leaves of escape sequences are colours: ESC [ … m.
static void append_plain(struct buffer *out, struct str tamed)
{
    for (size_t at = 0; at < tamed.size; at++) {
        char c = tamed.bytes[at];
        if (c == ESC)
            at += str_find_char(str_slice(tamed, at, tamed.size), 'm');
        else
            buffer_append_char(out, c == '\t' ? ' ' : c);
    }
}

void table_add(struct table *table, struct str text)
{
    if (tame_is_plain(text)) {
        buffer_append_str(&table->cells, text);
    } else {
        struct buffer tamed = {0};
        bool is_colored = false;
        (void)tame_append(&tamed, text, true, &is_colored);
        append_plain(&table->cells, buffer_str(&tamed));
        table->cells.failed = table->cells.failed || tamed.failed;
        buffer_fini(&tamed);
    }
    buffer_append_char(&table->cells, '\0');
    table->cell_count++;
}

void table_add_format(struct table *table, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    table_add(table, str_of(text));
}

// --- rows ----------------------------------------------------------------------------------------

struct layout {
    size_t widths[COLUMNS_MOST]; // 0: nothing to show
    size_t last;                 // the last column that is shown
};

static void measure(const struct table *table, struct layout *out)
{
    struct str rest = buffer_str(&table->cells);
    struct str cell;
    *out = (struct layout){0};
    for (size_t i = 0; str_next(&rest, '\0', &cell) && i < table->cell_count; i++) {
        size_t *width = &out->widths[i % table->column_count];
        size_t places = table_text_width(cell);
        *width = places > *width ? places : *width;
    }
    for (size_t i = 0; i < table->column_count; i++) {
        size_t title = strlen(table->columns[i].title);
        if (out->widths[i] == 0)
            continue;
        out->widths[i] = title > out->widths[i] ? title : out->widths[i];
        out->last = i;
    }
}

// Takes places from the last column, then from those before it, until all fit. A number that was
// cut would be another one.
static void shrink(const struct table *table, size_t width, struct layout *layout)
{
    size_t total = 0;
    for (size_t i = 0; i < table->column_count; i++)
        if (layout->widths[i] > 0)
            total += layout->widths[i] + (i < layout->last ? GAP : 0);
    for (size_t i = table->column_count; i-- > 0 && total > width;) {
        const size_t least = strlen(table->columns[i].title);
        if (layout->widths[i] <= least || table->columns[i].is_number)
            continue;
        size_t excess = total - width;
        size_t room = layout->widths[i] - least;
        size_t taken = excess < room ? excess : room;
        layout->widths[i] -= taken;
        total -= taken;
    }
}

static void append_cell(struct buffer *row, const struct table *table, const struct layout *layout,
                        size_t column, struct str text)
{
    size_t width = layout->widths[column];
    if (width == 0)
        return;
    size_t places = table_text_width(text);
    size_t blanks = places < width ? width - places : 0;
    bool is_number = table->columns[column].is_number;
    for (size_t i = 0; is_number && i < blanks; i++)
        buffer_append_char(row, ' ');
    table_append_cut(row, text, width);
    for (size_t i = 0; !is_number && column < layout->last && i < blanks; i++)
        buffer_append_char(row, ' ');
    for (size_t i = 0; column < layout->last && i < GAP; i++)
        buffer_append_char(row, ' ');
}

// A row that does not fit even now is cut as a whole: nothing may wrap.
static void end_row(struct buffer *row, size_t width, struct buffer *out)
{
    struct str text = buffer_str(row);
    while (text.size > 0 && text.bytes[text.size - 1] == ' ')
        text.size--;
    table_append_cut(out, text, width);
    buffer_append_char(out, '\n');
    out->failed = out->failed || row->failed;
    buffer_clear(row);
}

void table_append(const struct table *table, unsigned width, struct buffer *out)
{
    struct layout layout;
    struct buffer row = {0};
    struct str rest = buffer_str(&table->cells);
    struct str cell;
    size_t most = width > 0 ? width : SIZE_MAX;
    assert(table->column_count > 0 && table->column_count <= COLUMNS_MOST);
    measure(table, &layout);
    shrink(table, most, &layout);
    for (size_t i = 0; i < table->column_count; i++)
        append_cell(&row, table, &layout, i, str_of(table->columns[i].title));
    end_row(&row, most, out);
    size_t whole = table->cell_count - table->cell_count % table->column_count;
    for (size_t i = 0; i < whole && str_next(&rest, '\0', &cell); i++) {
        append_cell(&row, table, &layout, i % table->column_count, cell);
        if ((i + 1) % table->column_count == 0)
            end_row(&row, most, out);
    }
    out->failed = out->failed || table->cells.failed;
    buffer_fini(&row);
}
