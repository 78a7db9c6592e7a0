// SPDX-License-Identifier: MIT
// The lines of a text file as Foreman splits them: "\r\n" and "\n" end a line, a lone "\r" does
// not.
#pragma once

#include "base/str.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stddef.h>

struct text_lines {
    struct str rest;
    struct str file;
    unsigned line;
};

struct text_line {
    struct str text; // without its end
    struct str file;
    unsigned number; // from 1
};

// A UTF-8 byte order mark in front is skipped. `text` and `file` are borrowed.
struct text_lines text_lines_of(struct str text, struct str file);

// Returns false at the end. An empty last line is no line.
bool text_lines_next(struct text_lines *lines, struct text_line *out);

// How many lines there are at most: for tables that hold one entry a line.
size_t text_lines_count(struct str text);

// Where the byte at `offset` of the line stands.
struct origin text_line_origin(const struct text_line *line, size_t offset);

// Index of the first byte that is no blank or tab, or the size of the line.
size_t text_line_indent(const struct text_line *line);
