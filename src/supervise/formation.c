// SPDX-License-Identifier: MIT
// All processes together: what the plan wants, and how everything ends.
#include "supervise/state.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

unsigned formation_quantity(const struct supervisor *supervisor, unsigned type)
{
    const struct process_type *its = &supervisor->plan->types[type];
    unsigned quantity = its->quantity;
    if (supervisor->has_surge[type])
        quantity += its->policy.roll_surge;
    return quantity < LIMIT_PROCESSES ? quantity : LIMIT_PROCESSES;
}

bool formation_has_surplus(const struct supervisor *supervisor, unsigned slot)
{
    struct process_id id = supervisor->processes[slot].id;
    return id.number > supervisor->plan->types[id.type].quantity;
}

static bool is_wanted(const struct supervisor *supervisor, struct process_id id)
{
    return id.type < supervisor->plan->type_count &&
           id.number <= formation_quantity(supervisor, id.type);
}

// The extra processes of a roll are the first that have to prove themselves.
static uint8_t flags_of_wanted(const struct supervisor *supervisor, unsigned slot)
{
    return formation_has_surplus(supervisor, slot) ? RECORD_WANTED | RECORD_ROLLED : RECORD_WANTED;
}

// A process that was to be removed, and has not gone yet, is wanted again.
static void revive(struct supervisor *supervisor, unsigned slot)
{
    supervisor->processes[slot].flags |= flags_of_wanted(supervisor, slot);
    process_restart(supervisor, slot);
    outcome_event(supervisor, slot, EVENT_PLACED, 0);
}

static void review(struct supervisor *supervisor, unsigned slot)
{
    const struct process_record *process = &supervisor->processes[slot];
    bool has = process->flags & RECORD_WANTED;
    bool wants = is_wanted(supervisor, process->id);
    if (has && !wants) {
        process_remove(supervisor, slot);
    } else if (!has && wants) {
        revive(supervisor, slot);
    } else if (wants && process->state == PROCESS_WAITING && !order_has(supervisor, slot)) {
        process_start(supervisor, slot); // it is extra by now, or nobody is needed any more
    } else if (wants && process->state == PROCESS_RUNNING &&
               !policy_of(supervisor, process)->waits_for_ready) {
        process_ready(supervisor, slot); // nobody checks that any more
    }
}

// The lowest vacant slot from `from` on, or LIMIT_PROCESSES.
static unsigned vacant_slot(const struct supervisor *supervisor, unsigned from)
{
    while (from < supervisor->slot_count && supervisor->processes[from].state != PROCESS_VACANT)
        from++;
    return from;
}

static void place(struct supervisor *supervisor, unsigned slot, struct process_id id)
{
    uint32_t token = supervisor->processes[slot].token; // never reused: late answers stay late
    if (slot == supervisor->slot_count)
        supervisor->slot_count++;
    else
        supervisor->state_count[PROCESS_VACANT]--;
    supervisor->processes[slot] = (struct process_record){
        .id = id,
        .state = PROCESS_VACANT,
        .token = token,
        .ready_at = NSEC_NEVER,
    };
    supervisor->processes[slot].flags = flags_of_wanted(supervisor, slot);
    supervisor->state_count[PROCESS_VACANT]++;
    process_enter(supervisor, slot, PROCESS_WAITING, NSEC_NEVER);
    outcome_event(supervisor, slot, EVENT_PLACED, 0);
    if (!order_has(supervisor, slot))
        process_start(supervisor, slot);
}

// Places the numbers of one type that nobody has yet, lowest first, up to `quantity`.
static unsigned place_missing(struct supervisor *supervisor, unsigned type, unsigned quantity,
                              unsigned from)
{
    memset(supervisor->numbers_seen, 0, sizeof(supervisor->numbers_seen[0]) * (quantity + 1));
    for (unsigned slot = 0; slot < supervisor->slot_count; slot++) {
        const struct process_record *process = &supervisor->processes[slot];
        if (process->state != PROCESS_VACANT && process->id.type == type &&
            process->id.number <= quantity)
            supervisor->numbers_seen[process->id.number] = true;
    }
    for (unsigned number = 1; number <= quantity; number++) {
        if (supervisor->numbers_seen[number])
            continue;
        from = vacant_slot(supervisor, from);
        supervisor->has_unplaced = from == LIMIT_PROCESSES;
        if (supervisor->has_unplaced)
            break;
        place(supervisor, from, (struct process_id){(uint16_t)type, (uint16_t)number});
    }
    return from;
}

static void apply_plan(struct supervisor *supervisor)
{
    const struct plan *plan = supervisor->plan;
    supervisor->has_unplaced = false;
    for (unsigned slot = 0; slot < supervisor->slot_count; slot++)
        if (supervisor->processes[slot].state != PROCESS_VACANT)
            review(supervisor, slot);
    unsigned from = 0;
    for (unsigned type = 0; type < plan->type_count && !supervisor->has_unplaced; type++)
        if (plan->types[type].quantity > 0)
            from = place_missing(supervisor, type, plan->types[type].quantity, from);
    // The extra processes of a roll take nobody's place.
    for (unsigned type = 0; type < plan->type_count && !supervisor->has_unplaced; type++)
        if (formation_quantity(supervisor, type) > plan->types[type].quantity)
            from = place_missing(supervisor, type, formation_quantity(supervisor, type), from);
}

// Rolls first, so that it is known of which types extra processes are wanted.
void formation_plan(struct supervisor *supervisor, const struct plan *plan)
{
    supervisor->plan = plan;
    if (supervisor->formation.phase != FORMATION_RUNNING)
        return;
    for (unsigned slot = 0; slot < supervisor->slot_count; slot++)
        roll_review(supervisor, slot);
    apply_plan(supervisor);
}

static unsigned active_count(const struct supervisor *supervisor)
{
    const unsigned *count = supervisor->state_count;
    return supervisor->slot_count - count[PROCESS_VACANT] - count[PROCESS_FINISHED];
}

static void enter_phase(struct supervisor *supervisor, enum formation_phase phase, nsec_t deadline)
{
    supervisor->formation.phase = (uint8_t)phase;
    supervisor->formation.since = supervisor->now;
    outcome_deadline(supervisor, &supervisor->formation.deadline, deadline);
}

// It ends by itself already, and now a person wants that too: whoever asks is told who blocks.
static void ask(struct supervisor *supervisor)
{
    supervisor->formation.asked = true;
    supervisor->formation.since = supervisor->now;
    outcome_formation_event(supervisor, EVENT_FORMATION_WAITING, (int)active_count(supervisor));
}

void formation_stop(struct supervisor *supervisor, int signal, bool asked, int exit_status)
{
    struct formation_record *formation = &supervisor->formation;
    if (formation->phase != FORMATION_RUNNING) {
        // Somebody asks for an end that has begun: patience is over at the second Ctrl-C. One key
        // may come twice, though: to us and, by way of a parent such as make or timeout, again.
        bool is_second = supervisor->now - formation->since >= SECOND_INTERRUPT_AFTER;
        if (formation->asked && asked && signal == SIGINT && is_second)
            formation_kill(supervisor);
        else if (formation->phase == FORMATION_STOPPING && asked && !formation->asked)
            ask(supervisor);
        return;
    }
    formation->asked = asked;
    formation->signal = (uint16_t)signal;
    formation->exit_status = exit_status;
    enter_phase(supervisor, FORMATION_STOPPING, supervisor->now + FIRST_WAITING_NOTICE_AFTER);
    outcome_formation_event(supervisor, EVENT_FORMATION_STOPPING, signal);
    for (unsigned slot = 0; slot < supervisor->slot_count; slot++)
        process_stop(supervisor, slot);
}

void formation_kill(struct supervisor *supervisor)
{
    if (supervisor->formation.phase >= FORMATION_KILLING)
        return;
    if (supervisor->formation.exit_status == 0)
        supervisor->formation.exit_status = 128 + SIGINT;
    enter_phase(supervisor, FORMATION_KILLING, NSEC_NEVER);
    outcome_formation_event(supervisor, EVENT_FORMATION_KILLING, 0);
    for (unsigned slot = 0; slot < supervisor->slot_count; slot++)
        process_kill(supervisor, slot);
}

void formation_time(struct supervisor *supervisor)
{
    struct formation_record *formation = &supervisor->formation;
    if (formation->phase != FORMATION_STOPPING || supervisor->now < formation->deadline)
        return;
    outcome_deadline(supervisor, &formation->deadline, supervisor->now + NEXT_WAITING_NOTICE_AFTER);
    outcome_formation_event(supervisor, EVENT_FORMATION_WAITING, (int)active_count(supervisor));
}

// Of processes that all ended by themselves, the first that failed speaks for the formation.
static int status_of_first_failure(const struct supervisor *supervisor)
{
    const struct process_record *first = NULL;
    for (unsigned slot = 0; slot < supervisor->slot_count; slot++) {
        const struct process_record *process = &supervisor->processes[slot];
        if (process->state == PROCESS_FINISHED && process->exit_status != 0 &&
            (!first || process->since < first->since))
            first = process;
    }
    if (!first)
        return 0;
    int status = first->exit_status;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// Somebody has stopped processes one by one, and may start them again.
static bool is_halted_by_request(const struct supervisor *supervisor)
{
    for (unsigned slot = 0; slot < supervisor->slot_count; slot++)
        if (supervisor->processes[slot].state == PROCESS_FINISHED &&
            supervisor->processes[slot].flags & RECORD_ASKED)
            return true;
    return false;
}

static void replan(struct supervisor *supervisor)
{
    bool can_place = supervisor->has_unplaced && supervisor->state_count[PROCESS_VACANT] > 0;
    if (!supervisor->must_replan && !can_place)
        return;
    supervisor->must_replan = false;
    apply_plan(supervisor);
}

// A roll looks at what it has got, extra processes among it, and may then want no more of them.
static void advance(struct supervisor *supervisor)
{
    replan(supervisor);
    if (supervisor->is_rolling) {
        roll_advance(supervisor);
        replan(supervisor);
    }
    if (supervisor->state_count[PROCESS_WAITING] > 0)
        order_advance(supervisor);
}

void formation_settle(struct supervisor *supervisor)
{
    struct formation_record *formation = &supervisor->formation;
    if (formation->phase == FORMATION_RUNNING)
        advance(supervisor);
    if (formation->phase == FORMATION_ENDED || active_count(supervisor) > 0)
        return;
    if (formation->phase == FORMATION_RUNNING) {
        if (supervisor->state_count[PROCESS_FINISHED] == 0 || is_halted_by_request(supervisor))
            return; // scaled to nothing, or stopped: it waits for the next request
        formation->exit_status = status_of_first_failure(supervisor);
    }
    enter_phase(supervisor, FORMATION_ENDED, NSEC_NEVER);
    outcome_formation_event(supervisor, EVENT_FORMATION_ENDED, formation->exit_status);
    outcome_action(supervisor, ACTION_END, 0, formation->exit_status);
}
