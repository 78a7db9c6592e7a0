// SPDX-License-Identifier: MIT
// formation exec: one process of the formation in the foreground, as `start` would start it, and
// nothing else: for containers of one process, and for looking at one alone.
#include "cli/become.h"
#include "cli/report.h"
#include "manager/load.h"
#include "os/pid1.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int refuse_type(const struct options *options, const struct plan *plan, struct str name)
{
    struct str names[LIMIT_TYPES];
    struct error error;
    size_t count = 0;
    for (; count < plan->type_count && count < LIMIT_TYPES; count++)
        names[count] = plan->types[count].name;
    struct str nearest = str_nearest(name, names, count);
    struct str shown = str_excerpt(name);
    if (nearest.size > 0)
        (void)error_set(&error, ENOENT, "there is no process type '%.*s': did you mean '%.*s'?",
                        STR_ARGS(shown), STR_ARGS(nearest));
    else
        (void)error_set(&error, ENOENT, "there is no process type '%.*s'", STR_ARGS(shown));
    return report_usage(options, error.text);
}

// "web" is web.1.
static bool find_process(const struct plan *plan, const char *name, struct process_id *out)
{
    const struct process_type *type = plan_find(plan, str_of(name));
    const char *dot = strrchr(name, '.');
    unsigned long number = 1;
    if (!type && dot && str_to_unsigned(str_of(dot + 1), &number) && number > 0 &&
        number <= LIMIT_QUANTITY)
        type = plan_find(plan, str_from(name, (size_t)(dot - name)));
    if (!type)
        return false;
    *out = (struct process_id){.type = (uint16_t)(type - plan->types), .number = (uint16_t)number};
    return true;
}

static int become(const struct options *options, struct plan *plan, const char *name)
{
    struct process_id id;
    if (!find_process(plan, name, &id))
        return refuse_type(options, plan, str_of(name));
    return become_process(options, plan, id);
}

// Puts the files together; what this process may not give to the one that it is to become is an
// error, too.
static int load_process(struct loaded *loaded, const struct options *options, const char *name,
                        struct diagnostics *diagnostics, struct plan **plan)
{
    struct process_id id;
    int found = load_accounts(loaded, diagnostics);
    int result = load_assemble(loaded, options, environ, diagnostics, plan);
    if (found < 0 || result < 0)
        return found < 0 ? found : result;
    if (find_process(*plan, name, &id))
        load_check_rights(loaded, &(*plan)->types[id.type], diagnostics);
    return 0;
}

int command_exec(struct invocation *invocation)
{
    struct options options = invocation->options;
    const char *name = invocation->operands[0];
    struct diagnostics diagnostics = {0};
    struct arena arena = {0};
    struct plan *plan = NULL;
    struct loaded loaded;
    pid1_hold_signals();
    int defaults = load_defaults(&options, &arena, &diagnostics);
    int result = load_files(&options, false, &diagnostics, &loaded);
    if (result != -ENOMEM)
        result = load_process(&loaded, &options, name, &diagnostics, &plan);
    int status = report_diagnostics(&options, &diagnostics, false);
    if (result == -ENOMEM || defaults == -ENOMEM)
        status = become_failed(&options, ENOMEM, name);
    else if (status == 0)
        status = become(&options, plan, name);
    plan_free(plan);
    loaded_fini(&loaded);
    diagnostics_fini(&diagnostics);
    arena_fini(&arena);
    return status;
}
