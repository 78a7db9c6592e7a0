// SPDX-License-Identifier: MIT
// formation manager: what the guard starts, with the arguments of its own `formation start`.
// Everything wrong with the files is told here, before any process is started.
#include "manager/manager.h"
#include "cli/report.h"
#include "manager/keep.h"
#include "manager/load.h"

#include <errno.h>
#include <unistd.h>

enum { STATUS_NO_MEMORY = 71 }; // EX_OSERR

// Reads the files. Returns 0, or the exit status after it was told what is wrong with them.
static int load(struct options *options, struct arena *arena, struct plan **out)
{
    struct diagnostics diagnostics = {0};
    int result = load_defaults(options, arena, &diagnostics);
    if (result == 0)
        result = load_plan(options, environ, &diagnostics, out);
    int status = report_diagnostics(options, &diagnostics, true);
    diagnostics_fini(&diagnostics);
    if (result == -ENOMEM) {
        (void)report_failure(options, "there is no memory left");
        return STATUS_NO_MEMORY;
    }
    return result == 0 ? 0 : status;
}

// A formation that runs goes on as it was started, whatever has become of its files: only how its
// lines look is read again.
static void load_looks(struct options *options, struct arena *arena)
{
    struct diagnostics unread = {0};
    (void)load_defaults(options, arena, &unread);
    diagnostics_fini(&unread);
}

int command_manager(struct invocation *invocation)
{
    struct options options = invocation->options;
    struct arena arena = {0};
    struct plan *plan = NULL;
    int status = 0;
    if (!invocation->command || invocation->command->execute != command_start)
        return report_usage(&options, "'manager' is started by 'formation start' only");
    if (keep_find_plan(&plan) == 0 && plan)
        load_looks(&options, &arena);
    else
        status = load(&options, &arena, &plan);
    if (plan)
        status = manager_run(plan, &options);
    arena_fini(&arena);
    return status;
}
