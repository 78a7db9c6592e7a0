// SPDX-License-Identifier: MIT
// `after`: who is placed waits until those that it needs are there. Only the first start waits; a
// process that crashes later does not stop those that came after it.
#include "supervise/state.h"

// The extra processes of a roll do not wait: their type is there already.
bool order_has(const struct supervisor *supervisor, unsigned slot)
{
    unsigned type = supervisor->processes[slot].id.type;
    return supervisor->plan->types[type].after_count > 0 &&
           !formation_has_surplus(supervisor, slot);
}

// Whether others may be started as far as this process is concerned: it is ready, has done its
// work, or somebody wants it to be stopped.
static bool is_satisfied(const struct process_record *process)
{
    if (process->state == PROCESS_FINISHED)
        return process->flags & RECORD_ASKED ||
               (process->exit_status == 0 && !(process->flags & RECORD_FAILED));
    return process->state == PROCESS_READY;
}

void order_advance(struct supervisor *supervisor)
{
    bool blocks[LIMIT_TYPES] = {false};
    for (unsigned slot = 0; slot < supervisor->slot_count; slot++) {
        const struct process_record *process = &supervisor->processes[slot];
        if (process->state != PROCESS_VACANT && process->flags & RECORD_WANTED &&
            !is_satisfied(process))
            blocks[process->id.type] = true;
    }
    for (unsigned slot = 0; slot < supervisor->slot_count; slot++) {
        const struct process_record *process = &supervisor->processes[slot];
        const struct process_type *type = &supervisor->plan->types[process->id.type];
        bool must_wait = process->state != PROCESS_WAITING;
        for (size_t i = 0; i < type->after_count; i++)
            must_wait = must_wait || blocks[type->after[i]];
        if (!must_wait)
            process_start(supervisor, slot);
    }
}
