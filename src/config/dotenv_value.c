// SPDX-License-Identifier: MIT
// Foreman decodes double quotes by two substitutions, one after the other: '\n' → newline, then
// /\\(.)/ → '\1'. The second's dot matches no newline, so a backslash before one stays. The order
// shows in "\\n" (backslash, backslash, n), which becomes backslash and newline.
#include "config/dotenv_value.h"

size_t dotenv_name_size(struct str text)
{
    size_t size = 0;
    while (size < text.size) {
        char c = text.bytes[size];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '_')
            break;
        size++;
    }
    return size;
}

bool dotenv_is_notify_name(struct str name)
{
    return str_is(name, "NOTIFY_SOCKET") || str_is(name, "WATCHDOG_USEC") ||
           str_is(name, "WATCHDOG_PID");
}

bool dotenv_match_foreman(struct str line, struct dotenv_pair *out)
{
    size_t size = dotenv_name_size(line);
    if (size == 0 || size == line.size || line.bytes[size] != '=')
        return false;
    *out = (struct dotenv_pair){
        .name = str_slice(line, 0, size),
        .value = str_slice(line, size + 1, line.size),
        .value_at = size + 1,
    };
    return true;
}

static size_t skip_blanks(struct str line, size_t at)
{
    while (at < line.size && (line.bytes[at] == ' ' || line.bytes[at] == '\t'))
        at++;
    return at;
}

bool dotenv_match_wide(struct str line, struct dotenv_pair *out)
{
    size_t name_at = skip_blanks(line, 0);
    struct str front = str_slice(line, name_at, line.size);
    if (str_starts_with(front, "export ") || str_starts_with(front, "export\t")) {
        size_t behind = skip_blanks(line, name_at + sizeof("export"));
        if (behind < line.size && line.bytes[behind] != '=') // else `export = x` sets "export"
            name_at = behind;
    }
    size_t size = dotenv_name_size(str_slice(line, name_at, line.size));
    size_t equals = skip_blanks(line, name_at + size);
    if (size == 0 || equals >= line.size || line.bytes[equals] != '=')
        return false;
    size_t value_at = skip_blanks(line, equals + 1);
    *out = (struct dotenv_pair){
        .name = str_slice(line, name_at, name_at + size),
        .name_at = name_at,
        .value = str_trim(str_slice(line, value_at, line.size)),
        .value_at = value_at,
    };
    return true;
}

static bool is_quote(char c)
{
    return c == '"' || c == '\'';
}

enum dotenv_quoting dotenv_quoting_of(struct str value, struct str *rest)
{
    *rest = str_of("");
    if (value.size == 0 || !is_quote(value.bytes[0]))
        return QUOTING_NONE;
    char quote = value.bytes[0];
    for (size_t i = 1; i < value.size; i++) {
        if (value.bytes[i] == '\\' && quote == '"') {
            i++;
        } else if (value.bytes[i] == quote) {
            *rest = str_slice(value, i + 1, value.size);
            return rest->size == 0 ? QUOTING_WHOLE : QUOTING_FRONT;
        }
    }
    return QUOTING_OPEN;
}

static void decode_double(struct str inside, struct buffer *out)
{
    for (size_t i = 0; i < inside.size; i++) {
        char c = inside.bytes[i];
        char next = i + 1 < inside.size ? inside.bytes[i + 1] : '\0';
        char after = i + 2 < inside.size ? inside.bytes[i + 2] : '\0';
        if (c != '\\' || i + 1 == inside.size) {
            buffer_append_char(out, c);
        } else if (next == 'n') {
            buffer_append_char(out, '\n');
            i++;
        } else if (next == '\\' && after == 'n') {
            buffer_append_text(out, "\\\n");
            i += 2;
        } else {
            buffer_append_char(out, next);
            i++;
        }
    }
}

void dotenv_decode(struct str value, struct buffer *out)
{
    bool quoted = value.size >= 2 && is_quote(value.bytes[0]) &&
                  value.bytes[value.size - 1] == value.bytes[0];
    struct str inside = quoted ? str_slice(value, 1, value.size - 1) : value;
    if (quoted && value.bytes[0] == '"')
        decode_double(inside, out);
    else
        buffer_append_str(out, inside);
}
