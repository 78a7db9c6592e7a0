// SPDX-License-Identifier: MIT
// A new manager for a formation that runs: what the journal says is compared with what the guard
// holds, and what was decided but not carried out is carried out. Everything here may be done
// twice: a stop signal sent again is still a stop signal.
#include "manager/handover.h"
#include "manager/remember.h"
#include "manager/state.h"

#include <errno.h>

static void repeat(struct manager *manager, unsigned slot, enum action_kind kind, int value)
{
    uint32_t token = supervisor_process(manager->supervisor, slot)->token;
    act(manager, &(struct action){.kind = kind, .slot = slot, .token = token, .value = value});
}

static bool guard_knows(const struct manager *manager, unsigned slot)
{
    return manager->board->slots[slot].token ==
           supervisor_process(manager->supervisor, slot)->token;
}

// Whether a start that the guard has not been asked for is still to be carried out.
static bool is_to_start(const struct manager *manager, unsigned slot)
{
    return supervisor_formation(manager->supervisor)->phase == FORMATION_RUNNING &&
           !(supervisor_process(manager->supervisor, slot)->flags & RECORD_ASKED);
}

static void repeat_actions(struct manager *manager, unsigned slot)
{
    const struct process_record *record = supervisor_process(manager->supervisor, slot);
    enum board_slot_state state = atomic_load(&manager->board->slots[slot].state);
    int stop_signal = manager->plan->types[record->id.type].policy.stop_signal;
    bool knows = guard_knows(manager, slot);

    if (record->state == PROCESS_STARTING && !knows && is_to_start(manager, slot))
        repeat(manager, slot, ACTION_SPAWN, 0);
    else if (record->state == PROCESS_STOPPING && state == BOARD_LIVE &&
             record->flags & RECORD_KILLED)
        repeat(manager, slot, ACTION_KILL_TREE, 0);
    else if (record->state == PROCESS_STOPPING && state == BOARD_LIVE)
        repeat(manager, slot, ACTION_SIGNAL, stop_signal);
    else if ((record->state == PROCESS_BACKOFF || record->state == PROCESS_FINISHED) && knows &&
             state == BOARD_DEAD)
        repeat(manager, slot, ACTION_BURY, 0);
}

static void hear_news(struct manager *manager, unsigned slot)
{
    const struct process_record *record = supervisor_process(manager->supervisor, slot);
    if (record->state == PROCESS_STARTING && !guard_knows(manager, slot) &&
        !is_to_start(manager, slot))
        decide_later(manager, (struct input){.kind = INPUT_SPAWN_FAILED,
                                             .slot = slot,
                                             .token = record->token,
                                             .value = ECANCELED});
    else
        news_of_slot(manager, slot);
}

// Events that were journaled, and not in the output before their manager was killed.
static void retell(struct manager *manager)
{
    struct journal_cursor cursor = {.next = manager->desk.state.told + 1};
    struct event event;
    uint64_t lost;
    while (manager->desk.memory && journal_next(manager->journal, &cursor, &event, &lost))
        tell(manager, &event, 1);
    manager->desk.state.told = manager->journal->newest;
}

// Quantities that the last manager has remembered, perhaps, and not put in force.
static void remember_again(struct manager *manager)
{
    struct error error;
    if (manager->memory->is_remembering && remember_write(manager->plan, &error) < 0)
        show_system(&manager->show, str_of(error.text));
    manager->memory->is_remembering = false;
}

// Whoever upgrades stays the same manager, which the guard has started once.
static void tell_of_restart(struct manager *manager)
{
    uint32_t count = atomic_load(&manager->board->manager_count);
    if (manager->memory->managers_told == count)
        return;
    manager->memory->managers_told = count;
    decide_record(manager, &(struct event){
                               .kind = EVENT_MANAGER_RESTARTED,
                               .detail = (int32_t)count - 1,
                               .manager = {*supervisor_formation(manager->supervisor),
                                           limits_end_of_manager(manager)},
                           });
}

// First the actions, by what the journal says; then the plan, which the last manager may have kept
// and not decided by yet; then what the guard saw meanwhile. (An exit that is told before the plan
// could be taken for a crash, although a stop had begun.)
int recover(struct manager *manager, struct handover *handover)
{
    supervisor_restore(manager->supervisor, &manager->journal->snapshot, manager->plan);
    unsigned count = supervisor_slot_count(manager->supervisor);
    for (unsigned slot = 0; slot < count; slot++) {
        bool is_vacant = supervisor_process(manager->supervisor, slot)->state == PROCESS_VACANT;
        int result = is_vacant ? 0 : process_adopt(manager, slot);
        if (result < 0 && result != -ENOENT) // nobody would ever hear of its end
            return result;
    }
    // A predecessor in this same process has left launches that the guard has only read by now.
    launch_ring_init(&manager->launches, manager->board);
    output_resume(manager);
    handover_take_lines(handover, manager);
    handover_take_clients(handover, manager); // who hear what is decided here, too
    retell(manager);
    for (unsigned slot = 0; slot < count; slot++)
        if (supervisor_process(manager->supervisor, slot)->state != PROCESS_VACANT)
            repeat_actions(manager, slot);
    const struct formation_record *formation = supervisor_formation(manager->supervisor);
    if (formation->phase == FORMATION_ENDED)
        act(manager, &(struct action){.kind = ACTION_END, .value = formation->exit_status});
    manager->wake_at = NSEC_NEVER; // deadlines, too, are looked at after the plan …
    tell_of_restart(manager);
    decide_later(manager, (struct input){.kind = INPUT_PLAN, .plan = manager->plan});
    decide_all(manager); // … which says when
    watch_follow_plan(manager);
    remember_again(manager);
    for (unsigned slot = 0; slot < count; slot++)
        if (supervisor_process(manager->supervisor, slot)->state != PROCESS_VACANT)
            hear_news(manager, slot);
    return 0;
}
