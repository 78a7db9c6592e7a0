// SPDX-License-Identifier: MIT
// Any bytes as names and as a line, in every format: each is read back by the format's own rules,
// and what comes out is what went in.
//
// Input: format, flags, bytes of the app's and of the process's name, then app, process and line.
#include "view/format.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition);                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

// The longest that formats keep of a process's name.
enum { NAME_BYTES = 112 };

static bool take(struct str *text, const char *expected)
{
    if (!str_starts_with(*text, expected))
        return false;
    *text = str_slice(*text, strlen(expected), text->size);
    return true;
}

static struct str take_until(struct str *text, char end)
{
    struct str before;
    REQUIRE(memchr(text->bytes, end, text->size) && str_next(text, end, &before));
    return before;
}

// Appends the characters, found by their code points, the other way round than the encoder does it.
// How many U+FFFD stand for bytes that are none is for a unit test: here it is one for each run.
static void append_decoded(struct buffer *out, struct str text)
{
    const unsigned char *bytes = (const unsigned char *)text.bytes;
    static const char replaced[] = "\xef\xbf\xbd";
    for (size_t at = 0; at < text.size;) {
        unsigned lead = bytes[at];
        unsigned more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
        uint32_t code = more ? lead & (0x3fu >> more) : lead;
        bool ok = lead < 0x80 || (lead >= 0xc0 && lead < 0xf8 && at + more < text.size);
        for (unsigned i = 1; ok && i <= more; i++) {
            ok = (bytes[at + i] & 0xc0) == 0x80;
            code = code << 6 | (bytes[at + i] & 0x3fu);
        }
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        ok = ok && code >= least[more] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) &&
             code != 0xfffd;
        if (ok)
            buffer_append(out, bytes + at, 1 + more);
        else if (out->size < 3 || memcmp(out->bytes + out->size - 3, replaced, 3) != 0)
            buffer_append(out, replaced, 3);
        at += ok ? 1 + more : 1;
    }
}

static void require_same_text(struct str read, struct str original)
{
    struct buffer a = {0};
    struct buffer b = {0};
    append_decoded(&a, read);
    append_decoded(&b, original);
    REQUIRE(str_equal(buffer_str(&a), buffer_str(&b)));
    buffer_fini(&a);
    buffer_fini(&b);
}

static void require_member(const json_t *object, const char *name, struct str original)
{
    const json_t *member = json_object_get(object, name);
    REQUIRE(json_is_string(member));
    require_same_text(str_from(json_string_value(member), json_string_length(member)), original);
}

static const char *stream_of(const struct format_line *line)
{
    return line->is_note ? "formation" : line->is_error ? "stderr" : "stdout";
}

static unsigned severity_of(const struct format_line *line)
{
    return line->is_note ? SYSLOG_NOTICE : line->is_error ? SYSLOG_ERR : SYSLOG_INFO;
}

static void check_json(const struct format_line *line, struct str text, struct str out)
{
    REQUIRE(memchr(out.bytes, '\n', out.size) == out.bytes + out.size - 1);
    json_t *object = json_loadb(out.bytes, out.size, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
    REQUIRE(json_is_object(object));
    require_member(object, "process", str_slice(line->process, 0, NAME_BYTES));
    require_member(object, "line", text);
    REQUIRE(json_integer_value(json_object_get(object, "pid")) == line->pid);
    REQUIRE(json_is_string(json_object_get(object, "stream")) &&
            strcmp(json_string_value(json_object_get(object, "stream")), stream_of(line)) == 0);
    json_decref(object);
}

static unsigned hex_value(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = memchr(digits, digit, 16);
    REQUIRE(found);
    return (unsigned)(found - digits);
}

// A value of logfmt off the front: bare up to a blank, or in quotes.
static void read_value(struct str *rest, struct buffer *value)
{
    bool is_quoted = take(rest, "\"");
    while (rest->size > 0 && rest->bytes[0] != (is_quoted ? '"' : ' ')) {
        static const char letters[] = "\"\\bfnrt";
        static const char bytes[] = "\"\\\b\f\n\r\t";
        char c = rest->bytes[0];
        *rest = str_slice(*rest, 1, rest->size);
        REQUIRE(is_quoted || (c != '"' && c != '=' && c != '\\'));
        if (c == '\\') {
            REQUIRE(rest->size > 0);
            const char *letter = memchr(letters, rest->bytes[0], sizeof(letters) - 1);
            if (letter) {
                c = bytes[letter - letters];
                *rest = str_slice(*rest, 1, rest->size);
            } else {
                REQUIRE(take(rest, "u00") && rest->size >= 2);
                unsigned code = hex_value(rest->bytes[0]) * 16 + hex_value(rest->bytes[1]);
                REQUIRE(code < 0x20 || (code >= 0x7f && code < 0xa0));
                if (code >= 0x80)
                    buffer_append_char(value, '\xc2');
                c = (char)code;
                *rest = str_slice(*rest, 2, rest->size);
            }
        }
        buffer_append_char(value, c);
    }
    REQUIRE(!is_quoted || take(rest, "\""));
}

static void require_value(struct str *rest, const char *name, struct str original)
{
    struct buffer value = {0};
    REQUIRE(take(rest, name) && take(rest, "="));
    read_value(rest, &value);
    require_same_text(buffer_str(&value), original);
    buffer_fini(&value);
}

static void check_logfmt(const struct format_line *line, struct str text, struct str out)
{
    char pid[16];
    (void)snprintf(pid, sizeof(pid), "%d", line->pid);
    for (size_t i = 0; i + 1 < out.size; i++) {
        unsigned char byte = (unsigned char)out.bytes[i];
        REQUIRE(byte >= 0x20 && byte != 0x7f);
        REQUIRE(byte != 0xc2 || (unsigned char)out.bytes[i + 1] >= 0xa0);
    }
    require_value(&out, "time", str_of("2026-11-25T23:00:00.123456Z"));
    REQUIRE(take(&out, " "));
    require_value(&out, "process", str_slice(line->process, 0, NAME_BYTES));
    REQUIRE(take(&out, " "));
    require_value(&out, "stream", str_of(stream_of(line)));
    REQUIRE(take(&out, " "));
    require_value(&out, "pid", str_of(pid));
    REQUIRE(take(&out, " "));
    require_value(&out, "msg", text);
    REQUIRE(str_is(out, "\n"));
}

static void require_word(struct str word, size_t most)
{
    REQUIRE(word.size > 0 && word.size <= most);
    for (size_t i = 0; i < word.size; i++)
        REQUIRE(word.bytes[i] > ' ' && word.bytes[i] <= '~');
}

// The text of a message: the bytes of `text`, controls as #ooo.
static void require_escaped(struct str message, struct str text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];
        char expected[8] = {(char)byte};
        size_t size = 1;
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
            size = (size_t)snprintf(expected, sizeof(expected), "#%03o", byte);
        REQUIRE(size <= message.size && memcmp(message.bytes, expected, size) == 0);
        message = str_slice(message, size, message.size);
    }
    REQUIRE(message.size == 0);
}

static void require_priority(struct str *message, const struct format_line *line)
{
    unsigned long priority;
    REQUIRE(take(message, "<") && str_to_unsigned(take_until(message, '>'), &priority));
    REQUIRE(priority == line->facility * 8u + severity_of(line));
}

static void check_syslog(const struct format_line *line, struct str text, struct str out)
{
    require_priority(&out, line);
    REQUIRE(take(&out, "1 2026-11-25T23:00:00.123456Z "));
    require_word(take_until(&out, ' '), 255);
    require_word(take_until(&out, ' '), 48);
    require_word(take_until(&out, ' '), 128);
    require_word(take_until(&out, ' '), 32);
    REQUIRE(take(&out, "- "));
    require_escaped(out, text);
}

static void check_syslog_local(const struct format_line *line, struct str text, struct str out)
{
    require_priority(&out, line);
    struct str tag = take_until(&out, ':');
    require_word(take_until(&tag, '/'), 48);
    require_word(take_until(&tag, '['), 128);
    require_word(take_until(&tag, ']'), 10);
    REQUIRE(tag.size == 0 && take(&out, " "));
    require_escaped(out, text);
}

static void check_counted(const struct format_line *line, struct str text, struct str out)
{
    unsigned long size;
    REQUIRE(out.bytes[0] != '0' && str_to_unsigned(take_until(&out, ' '), &size));
    REQUIRE(size == out.size);
    check_syslog(line, text, out);
}

// The next field as journald reads it.
static struct str read_field(struct str *rest, struct str *value)
{
    struct str line = take_until(rest, '\n');
    size_t equals = str_find_char(line, '=');
    struct str name = str_slice(line, 0, equals);
    REQUIRE(name.size > 0 && name.size <= 64);
    for (size_t i = 0; i < name.size; i++)
        REQUIRE((name.bytes[i] >= 'A' && name.bytes[i] <= 'Z') || (i > 0 && name.bytes[i] == '_'));
    if (equals < line.size) {
        *value = str_slice(line, equals + 1, line.size);
        return name;
    }
    uint64_t size = 0;
    REQUIRE(rest->size >= 8);
    for (unsigned i = 8; i-- > 0;)
        size = size << 8 | (unsigned char)rest->bytes[i];
    REQUIRE(size < rest->size - 8);
    *value = str_slice(*rest, 8, 8 + size);
    *rest = str_slice(*rest, 8 + size, rest->size);
    REQUIRE(take(rest, "\n"));
    return name;
}

static void check_journal(const struct format_line *line, struct str text, struct str out)
{
    bool has_message = false;
    unsigned count = 0;
    for (; out.size > 0; count++) {
        struct str value;
        struct str name = read_field(&out, &value);
        REQUIRE(!has_message); // it is the last one
        has_message = str_is(name, "MESSAGE");
        if (has_message)
            REQUIRE(str_equal(value, text));
        if (str_is(name, "FORMATION_APP"))
            REQUIRE(str_equal(value, line->app));
        if (str_is(name, "FORMATION_PROCESS"))
            REQUIRE(str_equal(value, line->process));
        if (str_is(name, "PRIORITY"))
            REQUIRE(value.size == 1 && value.bytes[0] == (char)('0' + severity_of(line)));
    }
    REQUIRE(has_message);
    REQUIRE(count == 7u + (line->app.size > 0) + (line->process.size > 0) +
                         (line->app.size + line->process.size > 0));
}

static void check_plain(enum log_format format, const struct format_line *line, struct str text,
                        struct str out)
{
    if (format == LOG_FORMAT_HEROKU) {
        REQUIRE(take(&out, "2026-11-25T23:00:00.123456+00:00 "));
        REQUIRE(take(&out, line->is_note ? "formation[" : "app["));
        require_word(take_until(&out, ']'), 255);
        REQUIRE(take(&out, ": ") && out.size == text.size + 1);
    }
    // Whatever the names are, they make no line of their own; as text they stand as they are.
    REQUIRE(format == LOG_FORMAT_TEXT || !memchr(out.bytes, '\n', out.size - text.size - 1));
    REQUIRE(format != LOG_FORMAT_RAW || out.size == text.size + 1);
    REQUIRE(out.size > text.size && out.bytes[out.size - 1] == '\n');
    REQUIRE(str_equal(str_slice(out, out.size - 1 - text.size, out.size - 1), text));
}

static void check(enum log_format format, const struct format_line *line, struct str text,
                  struct str out)
{
    switch (format) {
    case LOG_FORMAT_JSON:
        check_json(line, text, out);
        return;
    case LOG_FORMAT_LOGFMT:
        check_logfmt(line, text, out);
        return;
    case LOG_FORMAT_SYSLOG:
        check_syslog(line, text, out);
        return;
    case LOG_FORMAT_SYSLOG_COUNTED:
        check_counted(line, text, out);
        return;
    case LOG_FORMAT_SYSLOG_LOCAL:
        check_syslog_local(line, text, out);
        return;
    case LOG_FORMAT_JOURNAL:
        check_journal(line, text, out);
        return;
    case LOG_FORMAT_TEXT:
    case LOG_FORMAT_RAW:
    case LOG_FORMAT_HEROKU:
        check_plain(format, line, text, out);
        return;
    case LOG_FORMAT_COUNT:
        break;
    }
    REQUIRE(false);
}

static void run(enum log_format format, const struct format_line *line, struct str text)
{
    struct format_prefix prefix;
    struct buffer out = {0};
    buffer_append_text(&out, "before");
    format_prefix_build(&prefix, format, line);
    size_t count_bytes = format == LOG_FORMAT_SYSLOG_COUNTED ? sizeof("8192 ") - 1 : 0;
    do {
        struct str piece = format_piece(format, prefix.size, &text);
        REQUIRE(piece.size > 0 || text.size == 0);
        format_append(&out, format, &prefix, piece);
        REQUIRE(!out.failed && str_starts_with(buffer_str(&out), "before"));
        REQUIRE(formats[format].message_bytes == 0 ||
                out.size - 6 <= formats[format].message_bytes + count_bytes);
        check(format, line, piece, str_slice(buffer_str(&out), 6, out.size));
        out.size = 6;
    } while (text.size > 0);
    buffer_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4)
        return 0;
    struct str rest = {(const char *)data + 4, size - 4};
    enum log_format format = data[0] % LOG_FORMAT_COUNT;
    struct format_line line = {
        .at = 1795647600 * NSEC_PER_SEC + 123456789,
        .clock = str_of("23:00:00"),
        .app = str_slice(rest, 0, data[2]),
        .host = str_slice(rest, data[2] / 2, data[2]),
        .type = str_of("web"),
        .process = str_slice(rest, data[2], data[2] + (size_t)data[3]),
        .number = 1,
        .pid = 1 + data[1],
        .facility = data[1] & 2 ? FACILITY_USER : FACILITY_LOCAL7,
        .is_error = data[1] & 1,
        .is_note = data[1] & 4,
    };
    struct str text = str_slice(rest, data[2] + (size_t)data[3], rest.size);
    // Memory of its own: a read beyond is seen.
    char *copy = malloc(text.size + 1);
    REQUIRE(copy);
    memcpy(copy, text.bytes, text.size);
    char *exact = realloc(copy, text.size ? text.size : 1);
    run(format, &line, str_from(exact, text.size));
    free(exact);
    return 0;
}
