// SPDX-License-Identifier: MIT
// One place knows about line ends and the byte order mark, so that the parsers of Procfile and
// .env cannot differ in it.
#include "config/text_line.h"

struct text_lines text_lines_of(struct str text, struct str file)
{
    if (str_starts_with(text, "\xef\xbb\xbf"))
        text = str_slice(text, 3, text.size);
    return (struct text_lines){.rest = text, .file = file};
}

bool text_lines_next(struct text_lines *lines, struct text_line *out)
{
    struct str text;
    if (lines->rest.size == 0 || !str_next(&lines->rest, '\n', &text))
        return false;
    bool ended_by_newline = lines->rest.bytes != NULL;
    if (ended_by_newline && str_ends_with(text, "\r"))
        text.size--;
    *out = (struct text_line){.text = text, .file = lines->file, .number = ++lines->line};
    return true;
}

size_t text_lines_count(struct str text)
{
    size_t count = 1;
    for (size_t i = 0; i < text.size; i++)
        count += text.bytes[i] == '\n';
    return count;
}

struct origin text_line_origin(const struct text_line *line, size_t offset)
{
    return (struct origin){
        .file = line->file, .line = line->number, .column = (unsigned)offset + 1};
}

size_t text_line_indent(const struct text_line *line)
{
    size_t at = 0;
    while (at < line->text.size && (line->text.bytes[at] == ' ' || line->text.bytes[at] == '\t'))
        at++;
    return at;
}
