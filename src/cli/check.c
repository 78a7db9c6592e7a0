// SPDX-License-Identifier: MIT
// formation check: everything that is wrong at once on standard error; the verdict, in Foreman's
// words, on standard output.
#include "cli/report.h"
#include "manager/load.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static int load_everything(struct options *options, struct diagnostics *diagnostics,
                           struct arena *arena, struct plan **plan)
{
    struct loaded loaded;
    int defaults = load_defaults(options, arena, diagnostics);
    int result = load_files(options, true, diagnostics, &loaded);
    if (result != -ENOMEM) {
        // Foreman checks the Procfile only: it is used where the app is not at home.
        int found = options->foreman ? 0 : load_accounts(&loaded, diagnostics);
        int assembled = load_assemble(&loaded, options, environ, diagnostics, plan);
        result = result < 0 ? result : found < 0 ? found : assembled;
    }
    loaded_fini(&loaded);
    if (*plan && !options->foreman) {
        int checked = load_check_programs(*plan, environ, diagnostics);
        result = result < 0 ? result : checked;
        load_check_sinks(*plan, diagnostics);
    }
    return defaults < 0 ? defaults : result;
}

static void print_verdict(const struct plan *plan)
{
    assert(plan); // or there would have been an error
    (void)printf("valid procfile detected (");
    for (size_t i = 0; i < plan->type_count; i++)
        (void)printf("%s%.*s", i ? ", " : "", STR_ARGS(plan->types[i].name));
    (void)printf(")\n");
}

static void print_sink(const struct plan_sink *sink)
{
    switch (sink->kind) {
    case SINK_FILE:
        (void)printf("lines go to %.*s (%s)", STR_ARGS(sink->target),
                     sink_format_name(sink->format));
        break;
    case SINK_SYSLOG:
        (void)printf("lines go to syslog at %s %.*s", sink_address_name(sink->address),
                     STR_ARGS(sink->target));
        if (sink->port > 0)
            (void)printf(" port %u", sink->port);
        break;
    case SINK_JOURNALD:
        (void)printf("lines go to journald");
        break;
    }
    for (size_t i = 0; i < sink->pattern_count; i++)
        (void)printf("%s%.*s", i ? ", " : ": those of ", STR_ARGS(sink->patterns[i]));
    if (sink->stream != SINK_BOTH)
        (void)printf("%s%s only", sink->pattern_count ? ", " : ": ",
                     sink_stream_name(sink->stream));
    (void)printf("\n");
}

int command_check(struct invocation *invocation)
{
    struct options options = invocation->options;
    struct diagnostics diagnostics = {0};
    struct arena arena = {0};
    struct plan *plan = NULL;
    int result = load_everything(&options, &diagnostics, &arena, &plan);
    int status = report_diagnostics(&options, &diagnostics, true);
    if (result == -ENOMEM)
        status = report_failure(&options, "there is no memory left");
    if (status == 0)
        print_verdict(plan);
    for (size_t i = 0; status == 0 && !options.foreman && i < plan->sink_count; i++)
        print_sink(&plan->sinks[i]);
    plan_free(plan);
    diagnostics_fini(&diagnostics);
    arena_fini(&arena);
    return status;
}
