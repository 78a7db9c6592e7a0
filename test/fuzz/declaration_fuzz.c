// SPDX-License-Identifier: MIT
// Any text as formation.yaml and as .foreman: it is refused with a place or gives values in their
// bounds, and a plan that is made of it can be started.
#include "config/assemble.h"
#include "config/defaults.h"

#include "base/limits.h"
#include "plan/launch.h"
#include "plan/merge.h"
#include "plan/sink_path.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// libfyaml 0.7.12 forgets a few kilobytes when a quoted text of many pieces ends in an error.
const char *__lsan_default_options(void);
const char *__lsan_default_suppressions(void);
const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml\n";
}

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition);                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static bool is_terminated(struct str text)
{
    return strlen(text.bytes) == text.size;
}

static void check_probe(const struct probe *probe)
{
    REQUIRE(probe->kind <= PROBE_NOTIFY && probe->port <= 65535);
    REQUIRE(is_terminated(probe->text));
    if (probe->kind == PROBE_NONE)
        return;
    REQUIRE(probe->interval > 0 && probe->timeout > 0 && probe->failures > 0);
    REQUIRE(probe->kind == PROBE_EXEC || probe->text.size <= LIMIT_PROBE_BYTES);
}

static void check_scale(const struct plan_scale *scale)
{
    if (!scale->is_set)
        return;
    REQUIRE(scale->min <= scale->max && scale->max > 0 && scale->max <= LIMIT_QUANTITY);
    REQUIRE(scale->signal <= SCALE_COMMAND);
    REQUIRE(scale->signal == SCALE_NONE || scale->target > 0);
    REQUIRE(scale->rate > 0 && scale->window > 0 && scale->idle > 0);
    REQUIRE(scale->interval > 0 && scale->timeout > 0 && scale->tolerance_percent < 100);
    REQUIRE(is_terminated(scale->command));
    REQUIRE((scale->signal == SCALE_COMMAND) == (scale->command.size > 0));
    REQUIRE(scale->span_count <= LIMIT_SCALE_SPANS);
    for (size_t i = 0; i < scale->span_count; i++) {
        const struct scale_span *span = &scale->spans[i];
        REQUIRE(span->days > 0 && span->days < 1u << SCALE_DAYS && span->from != span->to);
        REQUIRE(span->from < SCALE_DAY_MINUTES && span->to <= SCALE_DAY_MINUTES);
        REQUIRE(span->quantity <= scale->max);
    }
}

static void check_type(const struct declared_type *type)
{
    REQUIRE(is_terminated(type->name) && is_terminated(type->command));
    REQUIRE(is_terminated(type->directory));
    REQUIRE(type->quantity <= LIMIT_QUANTITY);
    REQUIRE(type->policy.stop_signal > 0 && type->policy.stop_signal <= 64);
    REQUIRE(type->policy.stop_grace >= 0);
    REQUIRE(type->policy.boot_limit > 0 && type->policy.watchdog >= 0);
    REQUIRE(type->policy.waits_for_ready == (type->ready.probe.kind != PROBE_NONE));
    REQUIRE(type->alive.probe.kind != PROBE_LOG && type->alive.probe.kind != PROBE_NOTIFY);
    check_scale(&type->scale);
    check_probe(&type->ready.probe);
    check_probe(&type->alive.probe);
    for (size_t i = 0; i < type->after_count; i++)
        REQUIRE(type->after[i].name.size > 0 && is_terminated(type->after[i].name));
    for (size_t i = 0; i < type->environment.count; i++) {
        REQUIRE(type->environment.variables[i].name.size > 0);
        REQUIRE(is_terminated(type->environment.variables[i].name));
        REQUIRE(is_terminated(type->environment.variables[i].value));
    }
}

static void check_places(const struct diagnostics *diagnostics, struct str text)
{
    size_t lines = 1;
    for (size_t i = 0; i < text.size; i++)
        lines += text.bytes[i] == '\n' || text.bytes[i] == '\r';
    for (size_t i = 0; i < diagnostics->count; i++)
        REQUIRE(diagnostics->items[i].text.size > 0 &&
                diagnostics->items[i].origin.line <= lines + 1);
}

static void check_file(const struct plan *plan, const struct plan_sink *sink)
{
    char path[SINK_PATH_BYTES];
    struct str rest = sink->target;
    struct sink_part part;
    REQUIRE(sink->target.size > 0 && sink->target.size <= LIMIT_SINK_PATH_BYTES);
    REQUIRE((sink->file_mode & ~0666U) == 0 && (sink->file_mode & 0200));
    REQUIRE(sink->rotation.keep_count <= LIMIT_ROTATED_FILES);
    while (sink_next_part(&rest, &part))
        REQUIRE(part.word != SINK_UNKNOWN && part.word != SINK_STRAY);
    for (size_t i = 0; i < plan->type_count; i++) {
        if (!sink_matches(sink, plan->types[i].name, 1))
            continue;
        REQUIRE(sink_path(sink, plan, plan->types[i].name, 1, path) == 0);
        REQUIRE(path[0] == '/' && !str_ends_with(str_of(path), "/"));
    }
}

static void check_sinks(const struct plan *plan)
{
    REQUIRE(plan->sink_count <= LIMIT_SINKS);
    REQUIRE(!plan_sinks_differ(plan, plan));
    for (size_t i = 0; i < plan->sink_count; i++) {
        const struct plan_sink *sink = &plan->sinks[i];
        REQUIRE(is_terminated(sink->target) && sink->origin.line > 0);
        REQUIRE(sink->pattern_count <= LIMIT_SINK_PATTERNS);
        REQUIRE(sink_format_name(sink->format) && sink_stream_name(sink->stream));
        if (sink->kind == SINK_FILE)
            check_file(plan, sink);
        if (sink->kind != SINK_SYSLOG)
            continue;
        REQUIRE(sink_facility_name(sink->facility) && sink->target.size > 0);
        REQUIRE((sink->address == SINK_UNIX) == (sink->port == 0) && sink->port <= 65535);
    }
}

// What a type waits for can be ready before it: each round takes away who waits for nobody.
static void check_order(const struct plan *plan)
{
    bool is_ready[LIMIT_TYPES] = {false};
    size_t ready_count = 0;
    size_t before;
    do {
        before = ready_count;
        for (size_t i = 0; i < plan->type_count; i++) {
            const struct process_type *type = &plan->types[i];
            bool waits = is_ready[i]; // no longer to be taken
            for (size_t j = 0; j < type->after_count; j++)
                waits |= !is_ready[type->after[j]];
            if (waits)
                continue;
            is_ready[i] = true;
            ready_count++;
        }
    } while (ready_count > before);
    REQUIRE(ready_count == plan->type_count);
}

// Reloaded without a change: nothing is started again.
static void check_reload(const struct plan *plan)
{
    struct plan *merged = NULL;
    REQUIRE(plan_merge(plan, plan, &merged) == 0);
    REQUIRE(merged->type_count == plan->type_count);
    for (uint16_t i = 0; i < plan->type_count; i++)
        REQUIRE(merged->types[i].revision == plan->types[i].revision);
    REQUIRE(!plan_sinks_differ(plan, merged));
    plan_free(merged);
}

static void check_plan(const struct declaration *declaration)
{
    struct options options = {0};
    struct diagnostics diagnostics = {0};
    struct plan_sources sources = {
        .declaration = declaration, .options = &options, .app = "app", .root = "/"};
    struct plan *plan;
    int result = plan_assemble(&sources, &plan, &diagnostics);
    REQUIRE((result == 0) == (plan != NULL));
    REQUIRE((result == 0) == (diagnostics.error_count == 0));
    if (plan) {
        check_order(plan);
        check_reload(plan);
        check_sinks(plan);
    }
    for (size_t i = 0; plan && i < plan->type_count; i++) {
        REQUIRE(plan->types[i].policy.roll_surge + plan->types[i].policy.roll_max_unavailable > 0);
        static char *const inherited[] = {NULL};
        struct arena arena = {0};
        struct launch launch;
        struct error error;
        struct process_id id = {(uint16_t)i, 1};
        REQUIRE(plan->types[i].directory.bytes[0] == '/');
        REQUIRE(plan->types[i].policy.backoff_base > 0);
        REQUIRE(plan->types[i].policy.backoff_max >= plan->types[i].policy.backoff_base);
        if (plan->types[i].quantity > 0)
            REQUIRE(plan_port(plan, id) > 0 && plan_port(plan, id) <= 65535);
        if (launch_make(plan, id, inherited, NULL, &arena, &launch, &error) == 0)
            REQUIRE(launch.argc > 0 && launch.envc >= 2 && !launch.argv[launch.argc]);
        arena_fini(&arena);
    }
    plan_free(plan);
    diagnostics_fini(&diagnostics);
}

static void read_declaration(struct str text)
{
    struct arena arena = {0};
    struct diagnostics diagnostics = {0};
    struct declaration declaration;
    REQUIRE(declaration_parse(text, "formation.yaml", &arena, &declaration, &diagnostics) == 0);
    check_places(&diagnostics, text);
    REQUIRE(declaration.type_count <= LIMIT_TYPES);
    REQUIRE(!declaration.has_port || (declaration.port > 0 && declaration.port <= 65535));
    for (size_t i = 0; i < declaration.type_count; i++)
        check_type(&declaration.types[i]);
    for (size_t i = 0; i < declaration.env_file_count; i++)
        REQUIRE(declaration.env_files[i].size > 0 && is_terminated(declaration.env_files[i]));
    if (diagnostics.error_count == 0)
        check_plan(&declaration);
    diagnostics_fini(&diagnostics);
    arena_fini(&arena);
}

static void read_defaults(struct str text)
{
    struct arena arena = {0};
    struct diagnostics diagnostics = {0};
    struct options options = {.port = 1, .has_port = true, .procfile = "Procfile"};
    REQUIRE(defaults_merge(text, ".foreman", &arena, &options, &diagnostics) == 0);
    check_places(&diagnostics, text);
    REQUIRE(options.port == 1 && !options.no_port && strcmp(options.procfile, "Procfile") == 0);
    diagnostics_fini(&diagnostics);
    arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    read_declaration(text);
    read_defaults(text);
    return 0;
}
