// SPDX-License-Identifier: MIT
// What an error is called and which members it has stands in errors.def, for writing and reading;
// what a person reads of it is said here.
#include "control/refusal.h"

#include "base/arena.h"
#include "control/interface.h"
#include "control/json_put.h"
#include "control/varlink.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct kind {
    const char *name;
    const char *subject;
    const char *detail;
    const char *limit;
} kinds[] = {
#define REFUSAL(identifier, interface, name, subject, detail, limit)                               \
    [REFUSAL_##identifier] = {INTERFACE_##interface "." name, subject, detail, limit},
#include "control/errors.def"
#undef REFUSAL
};

static void copy_text(char *out, struct str text)
{
    struct str cut = str_slice(text, 0, REFUSAL_TEXT_BYTES - 1);
    if (cut.size > 0)
        memcpy(out, cut.bytes, cut.size);
    out[cut.size] = '\0';
}

int refusal_set(struct refusal *out, enum refusal_kind kind, struct str subject, const char *format,
                ...)
{
    struct refusal refusal = {.kind = kind};
    if (!out)
        return -EINVAL;
    copy_text(refusal.subject, subject);
    if (format) {
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(refusal.detail, sizeof(refusal.detail), format, arguments);
        va_end(arguments);
    }
    *out = refusal;
    return -EINVAL;
}

int refusal_set_findings(struct refusal *out, struct str_list findings)
{
    (void)refusal_set(out, REFUSAL_INVALID_FILES, str_of(""), NULL);
    if (out)
        out->findings = findings;
    return -EINVAL;
}

int refusal_set_limit(struct refusal *out, const char *what, long long limit)
{
    (void)refusal_set(out, REFUSAL_TOO_MANY, str_of(what), NULL);
    if (out)
        out->limit = limit;
    return -EINVAL;
}

int refusal_set_errno(struct refusal *out, int code)
{
    const char *reason = strerrordesc_np(code < 0 ? -code : code);
    return refusal_set(out, REFUSAL_FAILED, str_of(""), "%s", reason ? reason : "unknown error");
}

void refusal_write(const struct refusal *refusal, struct buffer *out)
{
    const struct kind *kind = &kinds[refusal->kind];
    varlink_error_open(out, kind->name);
    if (kind->subject)
        json_put_text(out, kind->subject, str_of(refusal->subject));
    if (kind->detail && refusal->detail[0])
        json_put_text(out, kind->detail, str_of(refusal->detail));
    if (kind->limit)
        json_put_integer(out, kind->limit, refusal->limit);
    if (refusal->kind == REFUSAL_INVALID_FILES) {
        json_put_list(out, "findings");
        for (size_t i = 0; i < refusal->findings.count; i++)
            json_put_text(out, NULL, refusal->findings.items[i]);
        json_put_list_end(out);
    }
    varlink_error_close(out);
}

static struct str member(const struct varlink_reply *reply, const char *name)
{
    const json_t *value = name ? json_object_get(reply->parameters, name) : NULL;
    return str_from(json_string_value(value), json_string_length(value));
}

// A list without memory is empty: the error itself is told all the same.
static struct str_list read_findings(const struct varlink_reply *reply, struct arena *arena)
{
    const json_t *list = json_object_get(reply->parameters, "findings");
    size_t count = json_array_size(list);
    struct str *items = arena_alloc(arena, count * sizeof(*items));
    if (!items)
        return (struct str_list){0};
    for (size_t i = 0; i < count; i++) {
        const json_t *text = json_array_get(list, i);
        items[i] = str_from(json_string_value(text), json_string_length(text));
    }
    return (struct str_list){items, count};
}

bool refusal_read(const struct varlink_reply *reply, struct arena *arena, struct refusal *out)
{
    if (reply->error.size == 0)
        return false;
    size_t found = REFUSAL_KIND_COUNT - 1;
    while (found > 0 && !str_is(reply->error, kinds[found].name))
        found--;
    if (found == REFUSAL_NONE) {
        struct str name = str_excerpt(reply->error);
        (void)refusal_set(out, REFUSAL_FAILED, str_of(""), "the answer is %.*s", STR_ARGS(name));
        return true;
    }
    struct refusal refusal = {.kind = (enum refusal_kind)found};
    copy_text(refusal.subject, member(reply, kinds[found].subject));
    copy_text(refusal.detail, member(reply, kinds[found].detail));
    if (kinds[found].limit)
        refusal.limit = json_integer_value(json_object_get(reply->parameters, kinds[found].limit));
    if (refusal.kind == REFUSAL_INVALID_FILES)
        refusal.findings = read_findings(reply, arena);
    *out = refusal;
    return true;
}

// What a client quotes may have come from anywhere; nothing of it may steer a terminal. C1 controls
// are 0xC2 and a byte below 0xA0 in UTF-8.
static void disarm(struct buffer *out, size_t from)
{
    for (size_t i = from; i < out->size; i++) {
        unsigned char c = (unsigned char)out->bytes[i];
        unsigned char next = (unsigned char)(i + 1 < out->size ? out->bytes[i + 1] : '\0');
        bool is_c1 = c == 0xc2 && next >= 0x80 && next < 0xa0;
        if ((c < ' ' && c != '\n') || c == 0x7f || is_c1)
            out->bytes[i] = '?';
    }
}

// The newlines between findings are ours, those within are not.
static void append_findings(const struct refusal *refusal, struct buffer *out)
{
    for (size_t i = 0; i < refusal->findings.count; i++) {
        struct str finding = refusal->findings.items[i];
        if (i > 0)
            buffer_append_char(out, '\n');
        for (size_t at = 0; at < finding.size; at++)
            buffer_append_char(out, finding.bytes[at] == '\n' ? '?' : finding.bytes[at]);
    }
    if (refusal->findings.count == 0)
        buffer_append_text(out, "the files have mistakes");
}

static void append_words(const struct refusal *refusal, struct buffer *out)
{
    const char *subject = refusal->subject;
    const char *detail = refusal->detail;
    switch (refusal->kind) {
    case REFUSAL_INTERFACE_NOT_FOUND:
        buffer_append_format(out, "the formation does not know the interface '%s'", subject);
        break;
    case REFUSAL_METHOD_NOT_FOUND:
    case REFUSAL_METHOD_NOT_IMPLEMENTED:
        buffer_append_format(out,
                             "the formation does not know the method '%s': does it run in "
                             "another version?",
                             subject);
        break;
    case REFUSAL_INVALID_PARAMETER:
        buffer_append_format(out, "%s: %s", subject, detail[0] ? detail : "not a valid value");
        break;
    case REFUSAL_PERMISSION_DENIED:
        buffer_append_text(out, "only the user who runs the formation may do that, and root");
        break;
    case REFUSAL_EXPECTED_MORE:
        buffer_append_text(out, "the method is to be called with 'more'");
        break;
    case REFUSAL_UNKNOWN_PROCESS:
        buffer_append_format(out, "nothing is called '%s'", subject);
        if (detail[0])
            buffer_append_format(out, ": did you mean '%s'?", detail);
        break;
    case REFUSAL_INVALID_CHANGE:
        buffer_append_format(out, "%s: %s", subject, detail);
        break;
    case REFUSAL_TOO_MANY:
        buffer_append_format(out, "more than %lld %s are not possible", refusal->limit, subject);
        break;
    case REFUSAL_ENDING:
        buffer_append_text(out, "the formation ends and takes no more changes");
        break;
    case REFUSAL_ROLL_HALTED:
        buffer_append_format(out, "the restart was halted at %s: %s", subject, detail);
        break;
    case REFUSAL_INVALID_MESSAGE:
        buffer_append_format(out, "what was sent is no call: %s", detail);
        break;
    case REFUSAL_NONE:
    case REFUSAL_INVALID_FILES:
    case REFUSAL_FAILED:
    case REFUSAL_KIND_COUNT:
        buffer_append_text(out, detail[0] ? detail : "failed");
        break;
    }
}

void refusal_sentence(const struct refusal *refusal, struct buffer *out)
{
    size_t from = out->size;
    if (refusal->kind == REFUSAL_INVALID_FILES) {
        append_findings(refusal, out);
    } else {
        append_words(refusal, out);
        for (size_t i = from; i < out->size; i++)
            out->bytes[i] = out->bytes[i] == '\n' ? '?' : out->bytes[i];
    }
    disarm(out, from);
}
