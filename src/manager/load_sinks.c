// SPDX-License-Identifier: MIT
// One warning a sink: what is wrong with its first file is wrong with the others.
#include "manager/load.h"

#include "os/file.h"
#include "plan/sink_path.h"

#include <string.h>

// Returns false when it has been told that files for this type cannot be written.
static bool check_file(const struct plan *plan, const struct plan_sink *sink,
                       const struct process_type *type, struct diagnostics *diagnostics)
{
    char path[SINK_PATH_BYTES];
    for (unsigned number = 1; number <= type->quantity; number++) {
        if (!sink_matches(sink, type->name, number) ||
            sink_path(sink, plan, type->name, number, path) != 0)
            continue;
        int result = file_check_writable(path);
        if (result == 0)
            return true;
        diagnostics_warn(diagnostics, sink->origin, "%s cannot be written now: %s", path,
                         strerror(-result));
        return false;
    }
    return true;
}

static void check_socket(const struct plan_sink *sink, const char *path, const char *whose,
                         struct diagnostics *diagnostics)
{
    if (!file_exists(path))
        diagnostics_warn(diagnostics, sink->origin, "%s does not exist: %s does not run here", path,
                         whose);
}

void load_check_sinks(const struct plan *plan, struct diagnostics *diagnostics)
{
    for (size_t i = 0; i < plan->sink_count; i++) {
        const struct plan_sink *sink = &plan->sinks[i];
        bool is_fine = true;
        switch (sink->kind) {
        case SINK_FILE:
            for (size_t t = 0; t < plan->type_count && is_fine; t++)
                is_fine = check_file(plan, sink, &plan->types[t], diagnostics);
            break;
        case SINK_SYSLOG:
            if (sink->address == SINK_UNIX)
                check_socket(sink, sink->target.bytes, "syslog", diagnostics);
            break;
        case SINK_JOURNALD:
            check_socket(sink, "/run/systemd/journal/socket", "journald", diagnostics);
            break;
        }
    }
}
