// SPDX-License-Identifier: MIT
// The formats of a sink, read by what others say of them: process and text. Texts hold nothing that
// is escaped.
#include "audit.h"

#include <string.h>

static struct audit_text rest_of(struct audit_text text, const char *after)
{
    return (struct audit_text){after, (size_t)(text.bytes + text.size - after)};
}

// What lies between; both ends are cut off the front of `text`. False: one of them is not there.
static bool between(struct audit_text *text, const char *begin, const char *end,
                    struct audit_text *out)
{
    const char *from = memmem(text->bytes, text->size, begin, strlen(begin));
    if (!from)
        return false;
    from += strlen(begin);
    struct audit_text rest = rest_of(*text, from);
    const char *to = memmem(rest.bytes, rest.size, end, strlen(end));
    if (!to)
        return false;
    *out = (struct audit_text){from, (size_t)(to - from)};
    *text = rest_of(rest, to + strlen(end));
    return true;
}

static bool cut_end(struct audit_text *text, const char *end)
{
    size_t size = strlen(end);
    if (text->size < size || memcmp(text->bytes + text->size - size, end, size) != 0)
        return false;
    text->size -= size;
    return true;
}

// 12:00:00 web.1   | text
static bool read_text(struct audit_text message, struct audit_text *process,
                      struct audit_text *text)
{
    *text = message;
    if (!between(text, " ", "| ", process) || message.bytes[2] != ':')
        return false;
    while (cut_end(process, " "))
        continue;
    return true;
}

static bool read_raw(struct audit_text message, struct audit_text *process, struct audit_text *text)
{
    *text = message;
    *process = (struct audit_text){"", 0};
    return true;
}

static bool read_json(struct audit_text message, struct audit_text *process,
                      struct audit_text *text)
{
    struct audit_text skipped;
    *text = message;
    return between(text, "\"process\":\"", "\"", process) &&
           between(text, ",\"stream\":\"", "\",\"line\":\"", &skipped) && cut_end(text, "\"}");
}

static bool read_logfmt(struct audit_text message, struct audit_text *process,
                        struct audit_text *text)
{
    struct audit_text skipped;
    *text = message;
    return between(text, " process=", " ", process) &&
           between(text, "stream=", " msg=\"", &skipped) && cut_end(text, "\"");
}

static bool read_heroku(struct audit_text message, struct audit_text *process,
                        struct audit_text *text)
{
    *text = message;
    return between(text, "[", "]: ", process);
}

// <14>1 time host app process type - text
static bool read_syslog(struct audit_text message, struct audit_text *process,
                        struct audit_text *text)
{
    struct audit_text skipped;
    *text = message;
    return between(text, "<", ">1 ", &skipped) && between(text, "", " ", &skipped) &&
           between(text, "", " ", &skipped) && between(text, "", " ", &skipped) &&
           between(text, "", " ", process) && between(text, "", " - ", &skipped);
}

// <14>app/process[7]: text
static bool read_local(struct audit_text message, struct audit_text *process,
                       struct audit_text *text)
{
    *text = message;
    if (!between(text, "/", ": ", process))
        return false;
    const char *bracket = memchr(process->bytes, '[', process->size);
    if (bracket)
        process->size = (size_t)(bracket - process->bytes);
    return true;
}

// NAME=value, or NAME, newline and eight bytes of length before a value that has newlines.
static bool read_journal(struct audit_text message, struct audit_text *process,
                         struct audit_text *text)
{
    *process = *text = (struct audit_text){"", 0};
    while (message.size > 0) {
        const char *end = memchr(message.bytes, '\n', message.size);
        if (!end)
            return false;
        struct audit_text field = {message.bytes, (size_t)(end - message.bytes)}, name, value;
        message = rest_of(message, end + 1);
        if (memchr(field.bytes, '=', field.size)) {
            if (!between(&field, "", "=", &name))
                return false;
            value = field;
        } else {
            uint64_t size;
            if (message.size < sizeof(size))
                return false;
            memcpy(&size, message.bytes, sizeof(size)); // little endian, as this machine is
            if (size >= message.size - sizeof(size))
                return false;
            name = field;
            value = (struct audit_text){message.bytes + sizeof(size), size};
            message = rest_of(message, value.bytes + size + 1);
        }
        if (name.size == 7 && memcmp(name.bytes, "MESSAGE", 7) == 0)
            *text = value;
        if (name.size == 17 && memcmp(name.bytes, "FORMATION_PROCESS", 17) == 0)
            *process = value;
    }
    return text->size > 0;
}

static const struct audit_format formats[] = {
    {"text", read_text},     {"raw", read_raw},         {"json", read_json},
    {"logfmt", read_logfmt}, {"heroku", read_heroku},   {"syslog", read_syslog},
    {"local", read_local},   {"journal", read_journal},
};

const struct audit_format *audit_format_find(const char *name)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    return NULL;
}
