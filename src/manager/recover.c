// SPDX-License-Identifier: MIT
// A new manager for a formation that runs: what the journal says is compared with what the guard
// holds, and what was decided but not carried out is carried out. Everything here may be done
// twice: a stop signal sent again is still a stop signal.
#include "manager/state.h"

#include <signal.h>

static void repeat(struct manager *manager, unsigned slot, enum action_kind kind, int value)
{
    uint32_t token = supervisor_process(manager->supervisor, slot)->token;
    act(manager,
        &(struct action){.kind = kind, .slot = slot, .token = token, .value = value});
}

static void recover_slot(struct manager *manager, unsigned slot)
{
    const struct process_record *record = supervisor_process(manager->supervisor, slot);
    const struct board_slot *on_board = &manager->board->slots[slot];
    bool guard_knows = on_board->token == record->token;
    enum board_slot_state state = atomic_load(&on_board->state);
    int stop_signal = manager->plan->types[record->id.type].policy.stop_signal;

    if (record->state == PROCESS_STARTING && !guard_knows)
        repeat(manager, slot, ACTION_SPAWN, 0);
    else if (record->state == PROCESS_STOPPING && state == BOARD_LIVE &&
             record->flags & RECORD_KILLED)
        repeat(manager, slot, ACTION_KILL_TREE, 0);
    else if (record->state == PROCESS_STOPPING && state == BOARD_LIVE)
        repeat(manager, slot, ACTION_SIGNAL, stop_signal);
    else if ((record->state == PROCESS_BACKOFF || record->state == PROCESS_FINISHED) &&
             guard_knows && state == BOARD_DEAD)
        repeat(manager, slot, ACTION_BURY, 0);
    else
        news_of_slot(manager, slot);
}

void recover(struct manager *manager)
{
    supervisor_restore(manager->supervisor, &manager->journal->snapshot, manager->plan);
    manager->wake_at = 0;
    unsigned count = supervisor_slot_count(manager->supervisor);
    for (unsigned slot = 0; slot < count; slot++)
        if (supervisor_process(manager->supervisor, slot)->state != PROCESS_VACANT)
            (void)process_adopt(manager, slot);
    for (unsigned slot = 0; slot < count; slot++)
        if (supervisor_process(manager->supervisor, slot)->state != PROCESS_VACANT)
            recover_slot(manager, slot);
    const struct formation_record *formation = supervisor_formation(manager->supervisor);
    if (formation->phase == FORMATION_ENDED)
        act(manager, &(struct action){.kind = ACTION_END, .value = formation->exit_status});
}
