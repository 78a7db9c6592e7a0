// SPDX-License-Identifier: MIT
// The table is the only place that knows all formats. Prefixes go through a buffer of fixed size
// that no prefix can fill, since every text in it has a limit.
#include "view/format.h"

#include "view/escape.h"
#include "view/format_parts.h"
#include "view/log_line.h"
#include "view/stamp.h"

#include <assert.h>
#include <string.h>

_Static_assert(FORMAT_PREFIX_BYTES % LOG_BLOCK == 0, "a prefix is copied in whole blocks");
_Static_assert(FORMAT_PREFIX_BYTES < FORMAT_SYSLOG_BYTES / 2, "a message has room for text");

static void text_prefix(struct buffer *out, const struct format_line *line)
{
    const struct log_style style = {.width = line->width};
    struct log_prefix prefix;
    log_prefix_build(&prefix, &style, 0, line->clock, line->process);
    buffer_append(out, prefix.bytes, prefix.size);
}

static void raw_prefix(struct buffer *out, const struct format_line *line)
{
    (void)out;
    (void)line;
}

// clang-format off
const struct format formats[LOG_FORMAT_COUNT] = {
    [LOG_FORMAT_TEXT] = {
        .name = "text", .prefix = text_prefix, .append = format_plain_append},
    [LOG_FORMAT_RAW] = {
        .name = "raw", .prefix = raw_prefix, .append = format_plain_append},
    [LOG_FORMAT_JSON] = {
        .name = "json", .prefix = format_json_prefix, .append = format_json_append},
    [LOG_FORMAT_LOGFMT] = {
        .name = "logfmt", .prefix = format_logfmt_prefix, .append = format_logfmt_append},
    [LOG_FORMAT_HEROKU] = {
        .name = "heroku", .prefix = format_heroku_prefix, .append = format_plain_append},
    [LOG_FORMAT_SYSLOG] = {
        .prefix = format_syslog_prefix, .append = format_syslog_append,
        .message_bytes = FORMAT_SYSLOG_BYTES, .is_message = true},
    [LOG_FORMAT_SYSLOG_COUNTED] = {
        .prefix = format_syslog_prefix, .append = format_syslog_counted_append,
        .message_bytes = FORMAT_SYSLOG_BYTES},
    [LOG_FORMAT_SYSLOG_LOCAL] = {
        .prefix = format_syslog_local_prefix, .append = format_syslog_append,
        .message_bytes = FORMAT_SYSLOG_BYTES, .is_message = true},
    [LOG_FORMAT_JOURNAL] = {
        .prefix = format_journal_prefix, .append = format_journal_append, .is_message = true},
};
// clang-format on

bool format_find(struct str name, enum log_format *out)
{
    for (unsigned i = 0; i < LOG_FORMAT_COUNT; i++)
        if (formats[i].name && str_is(name, formats[i].name)) {
            *out = (enum log_format)i;
            return true;
        }
    return false;
}

void format_prefix_build(struct format_prefix *prefix, enum log_format format,
                         const struct format_line *line)
{
    struct buffer out = {
        .bytes = prefix->bytes, .capacity = sizeof(prefix->bytes), .is_fixed = true};
    formats[format].prefix(&out, line);
    assert(!out.failed);
    prefix->size = (uint16_t)out.size;
}

struct str format_prefix_str(const struct format_prefix *prefix)
{
    return str_from(prefix->bytes, prefix->size);
}

static bool continues_character(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

// The nearest place at or before `at` where a character begins; `at` itself where none is near.
static size_t begin_of_character(struct str text, size_t at)
{
    enum { LONGEST = 4 };
    for (size_t back = 0; back < LONGEST && back < at; back++)
        if (!continues_character(text.bytes[at - back]))
            return at - back;
    return at;
}

struct str format_piece(enum log_format format, size_t prefix_size, struct str *rest)
{
    struct str piece = *rest;
    size_t limit = formats[format].message_bytes;
    if (limit > 0 && rest->size > (limit - prefix_size) / ESCAPE_SYSLOG_MOST) {
        size_t size = 0;
        size_t escaped = prefix_size;
        for (; size < rest->size; size++) {
            escaped += escape_syslog_size((unsigned char)rest->bytes[size]);
            if (escaped > limit)
                break;
        }
        if (size < rest->size)
            size = begin_of_character(*rest, size);
        piece = str_slice(*rest, 0, size);
    }
    *rest = str_slice(*rest, piece.size, rest->size);
    return piece;
}

void format_append(struct buffer *out, enum log_format format, const struct format_prefix *prefix,
                   struct str line)
{
    size_t start = out->size;
    formats[format].append(out, format_prefix_str(prefix), line);
    if (out->failed)
        out->size = start;
}

void format_append_lines(struct buffer *out, enum log_format format,
                         const struct format_prefix *prefix, const struct str *lines, size_t count)
{
    size_t start = out->size;
    bool is_plain = formats[format].append == format_plain_append;
    if (is_plain)
        log_plain_append(out, format_prefix_str(prefix), lines, count);
    for (size_t i = 0; !is_plain && i < count; i++)
        formats[format].append(out, format_prefix_str(prefix), lines[i]);
    if (out->failed)
        out->size = start;
}

void format_plain_append(struct buffer *out, struct str prefix, struct str line)
{
    log_plain_append(out, prefix, &line, 1);
}

void format_put_number(struct buffer *out, unsigned long number)
{
    char digits[20];
    size_t from = sizeof(digits);
    do {
        digits[--from] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    buffer_append(out, digits + from, sizeof(digits) - from);
}

void format_put_stamp(struct buffer *out, nsec_t at, const char *zone)
{
    char stamp[STAMP_BYTES];
    stamp_write(at, stamp);
    buffer_append(out, stamp, sizeof(stamp));
    buffer_append_text(out, zone);
}

void format_put_word(struct buffer *out, struct str word, size_t most, const char *others)
{
    char clean[FORMAT_NAME_BYTES];
    word = str_slice(word, 0, most < sizeof(clean) ? most : sizeof(clean));
    for (size_t i = 0; i < word.size; i++) {
        char c = word.bytes[i];
        clean[i] = c > ' ' && c <= '~' && !strchr(others, c) ? c : '_';
    }
    buffer_append(out, word.size ? clean : "-", word.size ? word.size : 1);
}

const char *format_stream(const struct format_line *line)
{
    return line->is_note ? "formation" : line->is_error ? "stderr" : "stdout";
}

enum syslog_severity format_severity(const struct format_line *line)
{
    return line->is_note ? SYSLOG_NOTICE : line->is_error ? SYSLOG_ERR : SYSLOG_INFO;
}
