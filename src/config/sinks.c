// SPDX-License-Identifier: MIT
// Whether two sinks write the same file shows when the paths of all processes are written out: each
// is looked up among those of the sinks before it.
#include "config/sinks.h"

#include "base/limits.h"
#include "base/name_index.h"
#include "base/wildcard.h"
#include "plan/sink_path.h"

#include <errno.h>

// What is looked up while the paths of all sinks are written out.
struct writing {
    const struct plan *plan;
    struct diagnostics *diagnostics;
    struct arena arena;
    struct name_index paths; // the index of the sink of each
};

static void report_unknown(const struct plan *plan, const struct declared_name *wanted,
                           struct str type, struct diagnostics *diagnostics)
{
    struct str names[LIMIT_TYPES];
    for (size_t i = 0; i < plan->type_count; i++)
        names[i] = plan->types[i].name;
    struct str nearest = str_nearest(type, names, plan->type_count);
    if (wildcard_is_in(type))
        diagnostics_error(diagnostics, wanted->origin, "no process type fits '%.*s'",
                          STR_ARGS(str_excerpt(wanted->name)));
    else if (nearest.size)
        diagnostics_error(diagnostics, wanted->origin,
                          "there is no process type '%.*s': did you mean '%.*s'?",
                          STR_ARGS(str_excerpt(type)), STR_ARGS(nearest));
    else
        diagnostics_error(diagnostics, wanted->origin, "there is no process type '%.*s'",
                          STR_ARGS(str_excerpt(type)));
}

static void check_pattern(const struct plan *plan, const struct declared_name *wanted,
                          struct diagnostics *diagnostics)
{
    struct str type = str_slice(wanted->name, 0, str_find_char(wanted->name, '.'));
    for (size_t i = 0; i < plan->type_count; i++)
        if (wildcard_fits(type, plan->types[i].name))
            return;
    report_unknown(plan, wanted, type, diagnostics);
}

static int copy_sink(struct plan *plan, const struct declared_sink *declared,
                     struct diagnostics *diagnostics)
{
    struct plan_sink sink = declared->sink;
    struct str *patterns = arena_alloc(&plan->arena, declared->pattern_count * sizeof(*patterns));
    if (!patterns || arena_str(&plan->arena, declared->sink.target, &sink.target) != 0 ||
        arena_str(&plan->arena, declared->sink.origin.file, &sink.origin.file) != 0)
        return -ENOMEM;
    for (size_t i = 0; i < declared->pattern_count; i++) {
        if (arena_str(&plan->arena, declared->patterns[i].name, &patterns[i]) != 0)
            return -ENOMEM;
        check_pattern(plan, &declared->patterns[i], diagnostics);
    }
    sink.patterns = patterns;
    sink.pattern_count = declared->pattern_count;
    plan->sinks[plan->sink_count++] = sink;
    return 0;
}

// What one process adds to the files of one sink. Returns -EEXIST or -ENAMETOOLONG when that has
// been told, and nothing more need be said of the sink.
static int add_path(struct writing *writing, size_t index, struct origin origin, struct str type,
                    unsigned number)
{
    char text[SINK_PATH_BYTES];
    struct str path;
    size_t other;
    const struct plan *plan = writing->plan;
    int result = sink_path(&plan->sinks[index], plan, type, number, text);
    if (result < 0) {
        diagnostics_error(writing->diagnostics, origin,
                          "the path would be too long for '%.*s.%u': the kernel takes 4095 bytes, "
                          "and 255 for a name",
                          STR_ARGS(str_excerpt(type)), number);
        return result;
    }
    if (!name_index_find(&writing->paths, str_of(text), &other)) {
        if (arena_str(&writing->arena, str_of(text), &path) != 0)
            return -ENOMEM;
        name_index_put(&writing->paths, path, index);
    } else if (other != index) {
        diagnostics_error(writing->diagnostics, origin,
                          "'%.*s.%u' would be written to %.*s twice: line %u does so already",
                          STR_ARGS(str_excerpt(type)), number, STR_ARGS(str_excerpt(str_of(text))),
                          plan->sinks[other].origin.line);
        return -EEXIST;
    }
    return 0;
}

// The files that the sink has for processes of one type. One path is enough where they share it.
static int add_type(struct writing *writing, size_t index, struct origin origin,
                    const struct process_type *type, unsigned *process_count)
{
    const struct plan_sink *sink = &writing->plan->sinks[index];
    unsigned count = type->quantity > 0 ? type->quantity : 1;
    bool has_path = false;
    int result = 0;
    for (unsigned number = 1; number <= count && result == 0; number++) {
        if (!sink_matches(sink, type->name, number))
            continue;
        *process_count += type->quantity > 0;
        if (!has_path || sink_scope(sink) == SINK_OF_PROCESS)
            result = add_path(writing, index, origin, type->name, number);
        has_path = true;
    }
    return result;
}

static int check_files(struct writing *writing, size_t index, const struct declared_sink *declared)
{
    const struct plan_sink *sink = &writing->plan->sinks[index];
    unsigned type_count = 0;
    int result = 0;
    if (sink->kind != SINK_FILE || sink->target.size == 0)
        return 0;
    for (size_t i = 0; i < writing->plan->type_count && result == 0; i++) {
        unsigned process_count = 0;
        result = add_type(writing, index, declared->target_origin, &writing->plan->types[i],
                          &process_count);
        type_count += process_count > 0;
    }
    if (result == 0 && sink->format == SINK_RAW && type_count > 1 &&
        sink_scope(sink) == SINK_OF_FORMATION)
        diagnostics_warn(writing->diagnostics, declared->target_origin,
                         "raw lines of several process types in one file cannot be told apart: "
                         "put {type} or {process} into its name");
    return result == -ENOMEM ? result : 0;
}

static int check_all_files(struct writing *writing, const struct declared_logs *logs)
{
    size_t per_sink = plan_process_count(writing->plan) + writing->plan->type_count;
    int result = name_index_init(&writing->paths, logs->count * per_sink, &writing->arena);
    for (size_t i = 0; i < logs->count && result == 0; i++)
        result = check_files(writing, i, &logs->sinks[i]);
    return result;
}

int sinks_resolve(const struct declaration *declaration, struct plan *plan,
                  struct diagnostics *diagnostics)
{
    const struct declared_logs *logs = &declaration->logs;
    struct writing writing = {.plan = plan, .diagnostics = diagnostics};
    int result = 0;
    if (logs->count == 0)
        return 0;
    plan->sinks = arena_alloc(&plan->arena, logs->count * sizeof(*plan->sinks));
    if (!plan->sinks)
        return -ENOMEM;
    for (size_t i = 0; i < logs->count && result == 0; i++)
        result = copy_sink(plan, &logs->sinks[i], diagnostics);
    // Too many processes have been told; their paths would be as many.
    if (result == 0 && plan_process_count(plan) <= LIMIT_PROCESSES)
        result = check_all_files(&writing, logs);
    arena_fini(&writing.arena);
    return result;
}
