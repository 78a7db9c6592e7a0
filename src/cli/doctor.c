// SPDX-License-Identifier: MIT
// formation doctor: what this machine gives to a formation, what it lacks and how to get it.
#include "base/machine.h"
#include "cli/report.h"
#include "control/json_put.h"
#include "manager/load.h"
#include "os/machine.h"
#include "view/findings.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void add_needs_of_sink(const struct plan_sink *sink, struct machine_needs *needs)
{
    needs->journald |= sink->kind == SINK_JOURNALD;
    needs->syslog |= sink->kind == SINK_SYSLOG && sink->address == SINK_UNIX;
    needs->zstd |= sink->kind == SINK_FILE && sink->rotation.compress;
}

static void find_needs(const struct plan *plan, struct machine_needs *needs)
{
    needs->processes = plan_process_count(plan);
    for (size_t i = 0; i < plan->type_count; i++) {
        const struct tree_limits *limits = &plan->types[i].confinement.tree;
        needs->controllers[0] |= limits->memory_bytes > 0;
        needs->controllers[1] |= limits->cpu_thousandths > 0;
        needs->controllers[2] |= limits->processes > 0;
    }
    for (size_t i = 0; i < plan->sink_count; i++)
        add_needs_of_sink(&plan->sinks[i], needs);
}

static void judge_files(const struct diagnostics *diagnostics, const struct loaded *loaded,
                        const struct plan *plan, struct findings *out)
{
    static const char here[] = "nothing can be started in this folder";
    const size_t errors = diagnostics->error_count;
    char first[DIAGNOSTIC_TEXT_BYTES] = "";
    for (size_t i = 0; i < diagnostics->count && !first[0]; i++)
        if (diagnostics->items[i].severity == SEVERITY_ERROR)
            (void)diagnostic_format(&diagnostics->items[i], first, sizeof(first));
    if (!loaded->has_procfile && !loaded->has_declaration)
        findings_add(out, FINDING_WARN, "files", here, "run it in the folder of an app, or with -d",
                     "%s has no Procfile and no formation.yaml", loaded->root);
    else if (errors > 0)
        findings_add(out, FINDING_LACK, "files", here, "'formation check' tells all",
                     "%zu mistake%s, the first: %s", errors, errors == 1 ? "" : "s", first);
    else if (plan)
        findings_add(out, FINDING_OK, "files", NULL, NULL,
                     "valid: %zu process type%s, %u process%s", plan->type_count,
                     plan->type_count == 1 ? "" : "s", plan_process_count(plan),
                     plan_process_count(plan) == 1 ? "" : "es");
}

// Returns 0 or -ENOMEM: whatever else is wrong with the files is a finding.
static int look(struct options *options, struct findings *out)
{
    static struct machine machine;
    struct machine_needs needs = {0};
    struct diagnostics diagnostics = {0};
    struct arena arena = {0};
    struct plan *plan = NULL;
    struct loaded loaded;
    int defaults = load_defaults(options, &arena, &diagnostics);
    int result = load_files(options, false, &diagnostics, &loaded);
    if (result != -ENOMEM)
        result = load_assemble(&loaded, options, environ, &diagnostics, &plan);
    if (plan && result == 0)
        result = load_check_programs(plan, environ, &diagnostics);
    bool is_short = defaults == -ENOMEM || result == -ENOMEM;
    if (!is_short && plan)
        find_needs(plan, &needs);
    if (!is_short) {
        char *app = plan ? arena_text(&arena, plan->app) : NULL;
        machine_look(loaded.root, app, &machine);
        findings_judge(&machine, &needs, out);
        judge_files(&diagnostics, &loaded, plan, out);
    }
    plan_free(plan);
    loaded_fini(&loaded);
    diagnostics_fini(&diagnostics);
    arena_fini(&arena);
    return is_short ? -ENOMEM : 0;
}

static void put_text(struct buffer *out, const char *name, const char *text)
{
    if (text)
        json_put_text(out, name, str_of(text));
}

static void append_json(const struct findings *findings, struct buffer *out)
{
    json_put_object(out, NULL);
    json_put_bool(out, "suffices", findings_suffice(findings));
    json_put_list(out, "findings");
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        json_put_object(out, NULL);
        put_text(out, "name", finding->name);
        put_text(out, "state", finding_state_name(finding->state));
        put_text(out, "found", finding->found);
        put_text(out, "consequence", finding->consequence);
        put_text(out, "remedy", finding->remedy);
        json_put_object_end(out);
    }
    json_put_list_end(out);
    json_put_object_end(out);
    buffer_append_char(out, '\n');
}

static unsigned columns(void)
{
    struct winsize size = {0};
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

int command_doctor(struct invocation *invocation)
{
    static struct findings findings;
    struct options options = invocation->options;
    struct buffer out = {0};
    if (look(&options, &findings) < 0)
        return report_failure(&options, "there is no memory left");
    if (invocation->client.json)
        append_json(&findings, &out);
    else
        findings_append(&findings, columns(), &out);
    if (out.failed)
        return report_failure(&options, "there is no memory left");
    (void)fwrite(out.bytes, 1, out.size, stdout);
    buffer_fini(&out);
    return findings_suffice(&findings) ? 0 : 1;
}
