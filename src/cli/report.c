// SPDX-License-Identifier: MIT
// The form file:line:column: error: … is the compilers', so that editors jump to the place.
#include "cli/report.h"

#include "base/buffer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int report_status(const struct options *options)
{
    return options->foreman ? 1 : 2;
}

// Arguments are quoted in sentences: nothing of them may steer the terminal.
static const char *disarm(const char *sentence, char out[DIAGNOSTIC_TEXT_BYTES])
{
    struct diagnostic diagnostic = {.text = str_of(sentence)};
    return diagnostic_format(&diagnostic, out, DIAGNOSTIC_TEXT_BYTES);
}

int report_usage(const struct options *options, const char *sentence)
{
    char text[DIAGNOSTIC_TEXT_BYTES];
    (void)fprintf(stderr, "formation: %s\n", disarm(sentence, text));
    return report_status(options);
}

int report_failure(const struct options *options, const char *sentence)
{
    char text[DIAGNOSTIC_TEXT_BYTES];
    if (!options->foreman)
        return report_usage(options, sentence);
    // To the letter: Foreman ends this one sentence, and no other, with a full stop.
    const char *end = str_ends_with(str_of(sentence), "does not exist") ? "." : "";
    (void)printf("ERROR: %s%s\n", disarm(sentence, text), end);
    (void)fflush(stdout);
    return report_status(options);
}

int report_lost_output(const struct options *options)
{
    char sentence[128];
    (void)snprintf(sentence, sizeof(sentence), "standard output cannot be written to%s%s",
                   errno ? ": " : "", errno ? strerror(errno) : "");
    return report_usage(options, sentence);
}

static void report_one(const struct options *options, const struct diagnostic *diagnostic)
{
    char text[DIAGNOSTIC_TEXT_BYTES];
    struct buffer sentence = {0};
    struct diagnostic shown = *diagnostic;
    bool is_error = diagnostic->severity == SEVERITY_ERROR;
    if (options->foreman && shown.origin.line == 0)
        shown.origin = (struct origin){.line = 0}; // Foreman does not name the file
    if (is_error && (options->foreman || shown.origin.file.size == 0)) {
        (void)report_failure(options, diagnostic_format(&shown, text, sizeof(text)));
        return;
    }
    buffer_append_text(&sentence, is_error ? "error: " : "warning: ");
    buffer_append_str(&sentence, diagnostic->text);
    shown.text = buffer_str(&sentence);
    (void)fprintf(stderr, "%s%s\n", shown.origin.file.size ? "" : "formation: ",
                  diagnostic_format(&shown, text, sizeof(text)));
    buffer_fini(&sentence);
}

int report_diagnostics(const struct options *options, const struct diagnostics *diagnostics,
                       bool with_warnings)
{
    size_t found = diagnostics->error_count + (with_warnings ? diagnostics->warning_count : 0);
    size_t shown = 0;
    for (size_t i = 0; i < diagnostics->count; i++) {
        if (diagnostics->items[i].severity == SEVERITY_WARNING && !with_warnings)
            continue;
        report_one(options, &diagnostics->items[i]);
        shown++;
    }
    if (found > shown)
        (void)fprintf(stderr, "formation: and %zu more\n", found - shown);
    return diagnostics->error_count ? report_status(options) : 0;
}
