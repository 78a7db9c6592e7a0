// SPDX-License-Identifier: MIT
// The names are tables with the values as indices. Patterns are those of commands ("web", "w*.1"):
// a side for the type and, behind a dot, one for the number.
#include "plan/sink.h"

#include "base/wildcard.h"
#include "plan/plan.h"

#include <stdio.h>

static const char *name_in(const char *const *names, size_t count, unsigned value)
{
    return value < count ? names[value] : NULL;
}

#define NAME_IN(names, value) name_in(names, sizeof(names) / sizeof(*(names)), value)

const char *sink_format_name(unsigned format)
{
    static const char *const names[] = {
        [SINK_TEXT] = "text",     [SINK_RAW] = "raw",       [SINK_JSON] = "json",
        [SINK_LOGFMT] = "logfmt", [SINK_HEROKU] = "heroku",
    };
    return NAME_IN(names, format);
}

const char *sink_stream_name(unsigned stream)
{
    static const char *const names[] = {
        [SINK_BOTH] = "both",
        [SINK_STDOUT] = "stdout",
        [SINK_STDERR] = "stderr",
    };
    return NAME_IN(names, stream);
}

const char *sink_policy_name(unsigned policy)
{
    static const char *const names[] = {[SINK_BLOCK] = "block", [SINK_DROP] = "drop"};
    return NAME_IN(names, policy);
}

const char *sink_address_name(unsigned address)
{
    static const char *const names[] = {
        [SINK_UNIX] = "unix",
        [SINK_UDP] = "udp",
        [SINK_TCP] = "tcp",
    };
    return NAME_IN(names, address);
}

const char *sink_facility_name(unsigned facility)
{
    static const char *const names[SINK_FACILITIES] = {
        [1] = "user",    [2] = "mail",    [3] = "daemon",  [4] = "auth",    [5] = "syslog",
        [6] = "lpr",     [7] = "news",    [8] = "uucp",    [9] = "cron",    [10] = "authpriv",
        [11] = "ftp",    [16] = "local0", [17] = "local1", [18] = "local2", [19] = "local3",
        [20] = "local4", [21] = "local5", [22] = "local6", [23] = "local7",
    };
    return NAME_IN(names, facility);
}

static bool pattern_fits(struct str pattern, struct str type, unsigned number)
{
    char digits[16];
    size_t dot = str_find_char(pattern, '.');
    if (!wildcard_fits(str_slice(pattern, 0, dot), type))
        return false;
    if (dot == pattern.size)
        return true;
    int size = snprintf(digits, sizeof(digits), "%u", number);
    return wildcard_fits(str_slice(pattern, dot + 1, pattern.size), str_from(digits, (size_t)size));
}

bool sink_matches(const struct plan_sink *sink, struct str type, unsigned number)
{
    for (size_t i = 0; type.size > 0 && i < sink->pattern_count; i++)
        if (pattern_fits(sink->patterns[i], type, number))
            return true;
    return sink->pattern_count == 0;
}

bool sink_tells_apart(const struct plan_sink *sink)
{
    return sink->stream != SINK_BOTH || sink->kind != SINK_FILE ||
           sink_format_tells_apart(sink->format);
}

bool sink_format_tells_apart(enum sink_format format)
{
    return format == SINK_JSON || format == SINK_LOGFMT;
}

bool sink_is_same_place(const struct plan_sink *a, const struct plan_sink *b)
{
    return a->kind == b->kind && str_equal(a->target, b->target) && a->address == b->address &&
           a->port == b->port;
}

// FNV-1a; each text with its end, so that no two of them run together.
static uint64_t hash_text(uint64_t hash, struct str text)
{
    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ (unsigned char)text.bytes[i]) * UINT64_C(0x100000001b3);
    return (hash ^ 0x100) * UINT64_C(0x100000001b3);
}

uint64_t plan_sink_place(const struct plan *plan, const struct plan_sink *sink)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ ((uint64_t)sink->port << 16) ^
                    ((uint64_t)sink->address << 8) ^ (uint64_t)sink->kind;
    hash = hash_text(hash, sink->target);
    if (sink->kind == SINK_FILE)
        hash = hash_text(hash_text(hash, plan->app), plan->root);
    return hash ? hash : 1;
}

static bool rotation_equal(const struct sink_rotation *a, const struct sink_rotation *b)
{
    return a->size_bytes == b->size_bytes && a->age == b->age && a->keep_count == b->keep_count &&
           a->total_bytes == b->total_bytes && a->compress == b->compress;
}

bool sink_equal(const struct plan_sink *a, const struct plan_sink *b)
{
    if (!sink_is_same_place(a, b) || a->pattern_count != b->pattern_count ||
        a->stream != b->stream || a->policy != b->policy || a->format != b->format ||
        !rotation_equal(&a->rotation, &b->rotation) || a->file_mode != b->file_mode ||
        a->facility != b->facility)
        return false;
    for (size_t i = 0; i < a->pattern_count; i++)
        if (!str_equal(a->patterns[i], b->patterns[i]))
            return false;
    return true;
}

bool plan_sinks_differ(const struct plan *old, const struct plan *fresh)
{
    if (old->sink_count != fresh->sink_count)
        return true;
    for (size_t i = 0; i < old->sink_count; i++)
        if (!sink_equal(&old->sinks[i], &fresh->sinks[i]))
            return true;
    return old->sink_count > 0 &&
           (!str_equal(old->app, fresh->app) || !str_equal(old->root, fresh->root));
}
