// SPDX-License-Identifier: MIT
// formation start: this process becomes the guard. It reads no file: what runs is the business of
// the manager that it starts (manager.c).
#include "cli/report.h"
#include "guard/guard.h"
#include "manager/manager.h"

#include <errno.h>

enum { STATUS_NO_GUARD = 71 }; // EX_OSERR: the system does not give what a guard needs

int command_start(struct invocation *invocation)
{
    struct error error;
    int status = guard_run(invocation->argc, invocation->argv, MANAGER_MEMORY_BYTES, &error);
    if (status >= 0)
        return status;
    if (status == -E2BIG)
        return report_usage(&invocation->options, error.text);
    (void)report_failure(&invocation->options, error.text);
    return STATUS_NO_GUARD;
}
