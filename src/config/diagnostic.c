// SPDX-License-Identifier: MIT
// Parsers add what they find and go on. The list is an array of fixed size, so that a file of a
// million bad lines costs no more than one of a hundred.
#include "config/diagnostic.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_BYTES = 1024 };

// Where to list the next finding, or NULL when it is only counted.
static struct diagnostic *place_for(struct diagnostics *diagnostics, enum severity severity)
{
    if (diagnostics->count < LIMIT_DIAGNOSTICS)
        return &diagnostics->items[diagnostics->count++];
    if (severity == SEVERITY_WARNING)
        return NULL;
    for (size_t i = diagnostics->count; i-- > 0;)
        if (diagnostics->items[i].severity == SEVERITY_WARNING)
            return &diagnostics->items[i];
    return NULL;
}

static void add(struct diagnostics *diagnostics, enum severity severity, struct origin origin,
                const char *format, va_list arguments)
{
    struct diagnostic *place = place_for(diagnostics, severity);
    if (severity == SEVERITY_ERROR)
        diagnostics->error_count++;
    else
        diagnostics->warning_count++;
    if (!place)
        return;

    char text[TEXT_BYTES];
    (void)vsnprintf(text, sizeof(text), format, arguments);
    *place = (struct diagnostic){.severity = severity, .origin = origin};
    if (arena_str(&diagnostics->arena, str_of(text), &place->text) != 0)
        place->text = str_of("something is wrong here, but there is no memory to say what");
    if (arena_str(&diagnostics->arena, origin.file, &place->origin.file) != 0)
        place->origin.file = str_of("");
}

void diagnostics_error(struct diagnostics *diagnostics, struct origin origin, const char *format,
                       ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(diagnostics, SEVERITY_ERROR, origin, format, arguments);
    va_end(arguments);
}

void diagnostics_warn(struct diagnostics *diagnostics, struct origin origin, const char *format,
                      ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(diagnostics, SEVERITY_WARNING, origin, format, arguments);
    va_end(arguments);
}

void diagnostics_fini(struct diagnostics *diagnostics)
{
    arena_fini(&diagnostics->arena);
    diagnostics->count = diagnostics->error_count = diagnostics->warning_count = 0;
}

// Texts quote what stands in files; nothing of it may steer a terminal. C1 controls are 0xC2 and a
// byte below 0xA0 in UTF-8.
static void disarm(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++)
        if (*c < ' ' || *c == 0x7f || (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0))
            *c = '?';
}

const char *diagnostic_format(const struct diagnostic *diagnostic, char *out, size_t size)
{
    const struct origin *origin = &diagnostic->origin;
    struct str text = diagnostic->text;
    if (origin->file.size == 0)
        (void)snprintf(out, size, "%.*s", STR_ARGS(text));
    else if (origin->line == 0)
        (void)snprintf(out, size, "%.*s: %.*s", STR_ARGS(origin->file), STR_ARGS(text));
    else
        (void)snprintf(out, size, "%.*s:%u:%u: %.*s", STR_ARGS(origin->file), origin->line,
                       origin->column, STR_ARGS(text));
    disarm(out);
    return out;
}
