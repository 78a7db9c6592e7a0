// SPDX-License-Identifier: MIT
#include "view/readiness.h"

static const char *predicate(enum process_state state)
{
    switch (state) {
    case PROCESS_WAITING:
        return "waiting for others";
    case PROCESS_STARTING:
        return "starting";
    case PROCESS_STOPPING:
    case PROCESS_EXITED:
        return "stopping";
    case PROCESS_BACKOFF:
        return "in backoff";
    case PROCESS_FINISHED:
        return "failed";
    case PROCESS_RUNNING:
    case PROCESS_VACANT:
    case PROCESS_READY:
    case PROCESS_STATE_COUNT:
        break;
    }
    return "not ready";
}

void readiness_write(struct buffer *out, const struct readiness *readiness)
{
    unsigned others = readiness->count - readiness->ready - 1;
    buffer_append_format(out, "%u of %u process%s ready", readiness->ready, readiness->count,
                         readiness->count == 1 ? "" : "es");
    if (!readiness->first)
        return;
    buffer_append_format(out, ", %s %s", readiness->first, predicate(readiness->state));
    if (others > 0)
        buffer_append_format(out, " and %u other%s not ready", others, others == 1 ? "" : "s");
}

void readiness_write_stopping(struct buffer *out, const struct readiness *readiness)
{
    if (readiness->running == 0)
        buffer_append_text(out, "stopping");
    else
        buffer_append_format(out, "stopping, %u process%s left", readiness->running,
                             readiness->running == 1 ? " is" : "es are");
}
