// SPDX-License-Identifier: MIT
// The life of one process. One function for each thing that can happen to it, each a switch or a
// test on the state that it is in; the allowed moves are in event/states.def.
#include "supervise/state.h"

#include <assert.h>
#include <errno.h>
#include <sys/wait.h> // the macros that read a wait status; no system call

void process_amend(struct supervisor *supervisor, unsigned slot, unsigned set, unsigned clear,
                   uint32_t crashes)
{
    struct process_record *process = &supervisor->processes[slot];
    unsigned flags = (process->flags | set) & ~clear;
    if (flags == process->flags && crashes == process->crashes)
        return;
    process->flags = (uint8_t)flags;
    process->crashes = crashes;
    outcome_event(supervisor, slot, EVENT_ASKED, (int)flags);
}

static void set_flags(struct supervisor *supervisor, unsigned slot, unsigned set, unsigned clear)
{
    process_amend(supervisor, slot, set, clear, supervisor->processes[slot].crashes);
}

// An exit, or a spawn that failed, which is no end of a work that was done.
static bool is_failure(const struct supervisor *supervisor, const struct process_record *process)
{
    return process->exit_status != 0 || process->flags & RECORD_FAILED ||
           policy_of(supervisor, process)->restart == RESTART_ALWAYS;
}

// A failure of one that a roll has started is a failure of the roll.
static void judge_roll(struct supervisor *supervisor, unsigned slot)
{
    const struct process_record *process = &supervisor->processes[slot];
    const unsigned asked = RECORD_ASKED | RECORD_RESTART;
    if (process->flags & RECORD_ROLLED && process->flags & RECORD_WANTED &&
        !(process->flags & asked) && is_failure(supervisor, process))
        roll_halt(supervisor, slot);
}

static void finish(struct supervisor *supervisor, unsigned slot)
{
    struct process_record *process = &supervisor->processes[slot];
    if (process->state != PROCESS_FINISHED) {
        process->flags &= (uint8_t)~RECORD_MARKS; // no roll waits for it
        process_enter(supervisor, slot, PROCESS_FINISHED, NSEC_NEVER);
        outcome_event(supervisor, slot, EVENT_FINISHED, process->exit_status);
    }
    if (process->flags & RECORD_WANTED)
        return;
    process_enter(supervisor, slot, PROCESS_VACANT, NSEC_NEVER);
    outcome_event(supervisor, slot, EVENT_REMOVED, 0);
}

void process_start(struct supervisor *supervisor, unsigned slot)
{
    struct process_record *process = &supervisor->processes[slot];
    process->token++;
    process->flags &= RECORD_WANTED | RECORD_ROLLED;
    process->revision = supervisor->plan->types[process->id.type].revision;
    process->kills = 0;
    process->ready_at = NSEC_NEVER;
    process_enter(supervisor, slot, PROCESS_STARTING, NSEC_NEVER);
    outcome_event(supervisor, slot, EVENT_STARTING, (int)process->token);
    outcome_action(supervisor, ACTION_SPAWN, slot, 0);
}

// Sends the stop signal; what comes of it is decided when the process has exited.
static void send_stop(struct supervisor *supervisor, unsigned slot, enum event_kind why)
{
    struct process_record *process = &supervisor->processes[slot];
    const struct process_policy *policy = policy_of(supervisor, process);
    process_enter(supervisor, slot, PROCESS_STOPPING, supervisor->now + policy->stop_grace);
    outcome_event(supervisor, slot, why, policy->stop_signal);
    outcome_action(supervisor, ACTION_SIGNAL, slot, policy->stop_signal);
}

// It has failed while it runs: not ready in time, or not alive any more.
static void send_stop_for_failure(struct supervisor *supervisor, unsigned slot, enum event_kind why)
{
    supervisor->processes[slot].flags |= RECORD_FAILED;
    send_stop(supervisor, slot, why);
    judge_roll(supervisor, slot);
}

static void send_kill(struct supervisor *supervisor, unsigned slot)
{
    struct process_record *process = &supervisor->processes[slot];
    if (process->state == PROCESS_RUNNING || process->state == PROCESS_READY)
        process_enter(supervisor, slot, PROCESS_STOPPING, NSEC_NEVER);
    process->flags |= RECORD_KILLED;
    if (process->kills < UINT16_MAX)
        process->kills++;
    outcome_deadline(supervisor, &process->deadline, supervisor->now + KILL_AGAIN_AFTER);
    outcome_event(supervisor, slot, EVENT_KILLING, process->kills);
    outcome_action(supervisor, ACTION_KILL_TREE, slot, 0);
}

// `clear` are the flags that have become void by it.
static void stop(struct supervisor *supervisor, unsigned slot, unsigned clear)
{
    struct process_record *process = &supervisor->processes[slot];
    switch ((enum process_state)process->state) {
    case PROCESS_FINISHED: // no news, unless it is not wanted
        process->flags &= (uint8_t) ~(clear & RECORD_WANTED);
        finish(supervisor, slot);
        break;
    case PROCESS_WAITING:
    case PROCESS_BACKOFF:
        process->flags &= (uint8_t)~clear;
        finish(supervisor, slot);
        break;
    case PROCESS_STARTING: // its pid is not known yet: the signal follows once it is
    case PROCESS_STOPPING:
    case PROCESS_EXITED:
        set_flags(supervisor, slot, RECORD_ASKED, RECORD_RESTART | clear);
        break;
    case PROCESS_RUNNING:
    case PROCESS_READY:
        process->flags = (uint8_t)((process->flags | RECORD_ASKED) & ~clear);
        send_stop(supervisor, slot, EVENT_STOPPING);
        break;
    case PROCESS_VACANT:
    case PROCESS_STATE_COUNT:
        break;
    }
}

void process_stop(struct supervisor *supervisor, unsigned slot)
{
    stop(supervisor, slot, RECORD_MARKS);
}

void process_remove(struct supervisor *supervisor, unsigned slot)
{
    stop(supervisor, slot, RECORD_MARKS | RECORD_WANTED);
}

void process_kill(struct supervisor *supervisor, unsigned slot)
{
    struct process_record *process = &supervisor->processes[slot];
    switch ((enum process_state)process->state) {
    case PROCESS_RUNNING:
    case PROCESS_READY:
    case PROCESS_STOPPING:
    case PROCESS_EXITED:
        if (process->kills > 0) { // it is repeated anyway
            set_flags(supervisor, slot, RECORD_ASKED, RECORD_RESTART | RECORD_MARKS);
        } else {
            process->flags =
                (uint8_t)((process->flags | RECORD_ASKED) & ~(RECORD_RESTART | RECORD_MARKS));
            send_kill(supervisor, slot);
        }
        break;
    case PROCESS_STARTING:
        set_flags(supervisor, slot, RECORD_ASKED | RECORD_KILLED, RECORD_RESTART | RECORD_MARKS);
        break;
    case PROCESS_WAITING:
    case PROCESS_BACKOFF:
    case PROCESS_FINISHED:
    case PROCESS_VACANT:
    case PROCESS_STATE_COUNT:
        process_stop(supervisor, slot);
        break;
    }
}

// `marks` are those that have become void by it.
static void restart(struct supervisor *supervisor, unsigned slot, unsigned marks)
{
    struct process_record *process = &supervisor->processes[slot];
    if (supervisor->formation.phase != FORMATION_RUNNING || !(process->flags & RECORD_WANTED))
        return;
    switch ((enum process_state)process->state) {
    case PROCESS_RUNNING:
    case PROCESS_READY:
        process->flags = (uint8_t)((process->flags | RECORD_RESTART) & ~marks);
        process->crashes = 0;
        send_stop(supervisor, slot, EVENT_STOPPING);
        break;
    case PROCESS_STOPPING:
    case PROCESS_EXITED:
        process_amend(supervisor, slot, RECORD_RESTART, RECORD_ASKED | marks, 0);
        break;
    case PROCESS_BACKOFF:
        process->flags &= (uint8_t)~marks;
        process->crashes = 0;
        process_start(supervisor, slot);
        break;
    case PROCESS_FINISHED:
        process->crashes = 0;
        process_enter(supervisor, slot, PROCESS_WAITING, NSEC_NEVER);
        process_start(supervisor, slot);
        break;
    case PROCESS_STARTING: // a stop may have been asked for and not been carried out yet
        process_amend(supervisor, slot, is_outdated(supervisor, process) ? RECORD_RESTART : 0,
                      RECORD_ASKED | marks, 0);
        break;
    case PROCESS_WAITING:
    case PROCESS_VACANT:
    case PROCESS_STATE_COUNT:
        break;
    }
}

void process_restart(struct supervisor *supervisor, unsigned slot)
{
    restart(supervisor, slot, RECORD_ROLL);
}

void process_halt(struct supervisor *supervisor, unsigned slot)
{
    struct process_record *process = &supervisor->processes[slot];
    if (supervisor->formation.phase != FORMATION_RUNNING || !(process->flags & RECORD_WANTED))
        return;
    if (process->state == PROCESS_FINISHED) {
        set_flags(supervisor, slot, RECORD_ASKED, 0);
        return;
    }
    if (process->state == PROCESS_WAITING || process->state == PROCESS_BACKOFF)
        process->flags = (uint8_t)((process->flags | RECORD_ASKED) & ~RECORD_MARKS);
    process_stop(supervisor, slot);
}

void process_begin(struct supervisor *supervisor, unsigned slot)
{
    const struct process_record *process = &supervisor->processes[slot];
    if (supervisor->formation.phase != FORMATION_RUNNING || !(process->flags & RECORD_WANTED))
        return;
    if (process->state == PROCESS_WAITING) // whoever asks knows better what must be ready before
        process_start(supervisor, slot);
    else if (process->state != PROCESS_RUNNING && process->state != PROCESS_READY)
        restart(supervisor, slot, RECORD_MARKS);
}

void process_ready(struct supervisor *supervisor, unsigned slot)
{
    struct process_record *process = &supervisor->processes[slot];
    process_enter(supervisor, slot, PROCESS_READY, NSEC_NEVER);
    process->ready_at = supervisor->now;
    if (policy_of(supervisor, process)->waits_for_ready) // else it has to be up for a while
        process->flags &= (uint8_t)~RECORD_ROLLED;
    outcome_event(supervisor, slot, EVENT_READY, 0);
}

// The machine is short of something that comes back; the program itself is not to blame.
static bool is_refusal(int error)
{
    return error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE ||
           error == ENOSPC || error == ETXTBSY || error == EBUSY || error == EINTR ||
           error == ECANCELED; // by a new manager, which finds that it is not wanted any more
}

// An exit that nobody asked for, or a program that cannot be started.
static void crashed(struct supervisor *supervisor, unsigned slot)
{
    struct process_record *process = &supervisor->processes[slot];
    const struct process_policy *policy = policy_of(supervisor, process);
    judge_roll(supervisor, slot);
    if (policy->restart == RESTART_NEVER || !is_failure(supervisor, process)) {
        finish(supervisor, slot);
        return;
    }
    nsec_t long_enough = 2 * process->pause;
    if (long_enough < policy->backoff_reset)
        long_enough = policy->backoff_reset;
    if (process->ready_at != NSEC_NEVER && process->since - process->ready_at >= long_enough)
        process->crashes = 0;
    process->crashes++;
    process->pause = budget_pause(supervisor, policy, process->crashes);
    nsec_t delay = process->pause;
    if (delay == 0 && process->state == PROCESS_EXITED) {
        delay = budget_wait(supervisor);
        if (delay == 0) {
            process_start(supervisor, slot);
            return;
        }
    }
    process_enter(supervisor, slot, PROCESS_BACKOFF, supervisor->now + delay);
    outcome_event(supervisor, slot, EVENT_BACKOFF, (int)process->crashes);
}

static void spawned(struct supervisor *supervisor, unsigned slot, int pid)
{
    struct process_record *process = &supervisor->processes[slot];
    const struct process_policy *policy = policy_of(supervisor, process);
    nsec_t boot = policy->waits_for_ready ? supervisor->now + policy->boot_limit : NSEC_NEVER;
    process->pid = pid;
    process->flags &= (uint8_t)~RECORD_FAILED; // a manager that died had heard otherwise
    process->starts++;
    process->refusals = 0;
    process_enter(supervisor, slot, PROCESS_RUNNING, boot);
    if (!policy->waits_for_ready) {
        process_enter(supervisor, slot, PROCESS_READY, NSEC_NEVER);
        process->ready_at = supervisor->now;
    }
    outcome_event(supervisor, slot, EVENT_STARTED, pid);
    if (process->flags & RECORD_KILLED)
        send_kill(supervisor, slot);
    else if (process->flags & (RECORD_ASKED | RECORD_RESTART))
        send_stop(supervisor, slot, EVENT_STOPPING);
}

static void spawn_failed(struct supervisor *supervisor, unsigned slot, int error)
{
    struct process_record *process = &supervisor->processes[slot];
    if (is_refusal(error))
        process->refusals++;
    else // what a shell reports for it: 126 found but not executable, 127 not found
        process->exit_status = (error == ENOENT || error == ENOTDIR ? 127 : 126) << 8;
    if (!is_refusal(error))
        process->flags |= RECORD_FAILED;
    outcome_event(supervisor, slot, EVENT_SPAWN_FAILED, error);
    if (process->flags & RECORD_ASKED || !(process->flags & RECORD_WANTED)) {
        finish(supervisor, slot);
    } else if (is_refusal(error)) {
        process->flags = (uint8_t)((process->flags | RECORD_UNSPAWNED) & ~RECORD_RESTART);
        process_enter(supervisor, slot, PROCESS_BACKOFF,
                      supervisor->now + budget_refusal_pause(process->refusals));
        outcome_event(supervisor, slot, EVENT_BACKOFF, 0);
    } else if (process->flags & RECORD_RESTART) { // what it was to be has been changed meanwhile
        process_enter(supervisor, slot, PROCESS_BACKOFF, supervisor->now);
        process_start(supervisor, slot);
    } else if (supervisor->plan->ends_at_first_exit) {
        formation_stop(supervisor, 0, false, WEXITSTATUS(process->exit_status));
        finish(supervisor, slot);
    } else {
        crashed(supervisor, slot);
    }
}

// Foreman's rule: an exit that nobody asked for ends all.
static void end_at_first_exit(struct supervisor *supervisor, unsigned slot)
{
    const struct process_record *process = &supervisor->processes[slot];
    int status = process->exit_status;
    if (!supervisor->plan->ends_at_first_exit || process->flags & (RECORD_ASKED | RECORD_RESTART))
        return;
    formation_stop(supervisor, 0, false,
                   WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

static void exited(struct supervisor *supervisor, unsigned slot, int status)
{
    struct process_record *process = &supervisor->processes[slot];
    // What is left of the tree has the rest of the grace that is running, or a new one.
    nsec_t deadline = process->deadline;
    if (process->state != PROCESS_STOPPING)
        deadline = supervisor->now + policy_of(supervisor, process)->stop_grace;
    process->exit_status = status;
    process_enter(supervisor, slot, PROCESS_EXITED, deadline);
    outcome_event(supervisor, slot, EVENT_EXITED, status);
    end_at_first_exit(supervisor, slot);
    judge_roll(supervisor, slot);
}

static void emptied(struct supervisor *supervisor, unsigned slot)
{
    struct process_record *process = &supervisor->processes[slot];
    outcome_action(supervisor, ACTION_BURY, slot, 0);
    if (process->flags & RECORD_ASKED || !(process->flags & RECORD_WANTED))
        finish(supervisor, slot);
    else if (process->flags & RECORD_RESTART)
        process_start(supervisor, slot);
    else
        crashed(supervisor, slot);
}

// What a person asks for, or a check that a person has declared.
static void request(struct supervisor *supervisor, unsigned slot, enum input_kind kind)
{
    enum process_state state = supervisor->processes[slot].state;
    if (kind == INPUT_RESTART)
        process_restart(supervisor, slot);
    else if (kind == INPUT_ROLL)
        roll_mark(supervisor, slot);
    else if (kind == INPUT_HALT)
        process_halt(supervisor, slot);
    else if (kind == INPUT_START)
        process_begin(supervisor, slot);
    else if (kind == INPUT_UNRESPONSIVE && (state == PROCESS_RUNNING || state == PROCESS_READY))
        send_stop_for_failure(supervisor, slot, EVENT_UNRESPONSIVE);
}

// Its boot limit is put off, which a later manager has to know, too.
static void extend(struct supervisor *supervisor, unsigned slot, int milliseconds)
{
    struct process_record *process = &supervisor->processes[slot];
    nsec_t deadline = supervisor->now + milliseconds * NSEC_PER_MSEC;
    if (process->deadline == NSEC_NEVER || deadline <= process->deadline)
        return;
    outcome_deadline(supervisor, &process->deadline, deadline);
    outcome_event(supervisor, slot, EVENT_ASKED, process->flags);
}

void process_input(struct supervisor *supervisor, const struct input *input)
{
    unsigned slot = input->slot;
    struct process_record *process = &supervisor->processes[slot];
    enum process_state state = process->state;
    bool is_live = state == PROCESS_RUNNING || state == PROCESS_READY || state == PROCESS_STOPPING;
    bool awaits_spawn = state == PROCESS_STARTING && process->token == input->token;

    if (input->kind == INPUT_SPAWNED && awaits_spawn) {
        spawned(supervisor, slot, input->value);
    } else if (input->kind == INPUT_SPAWN_FAILED && awaits_spawn) {
        spawn_failed(supervisor, slot, input->value);
    } else if (input->kind == INPUT_READY && state == PROCESS_RUNNING) {
        process_ready(supervisor, slot);
    } else if (input->kind == INPUT_UNREADY && state == PROCESS_READY) {
        process_enter(supervisor, slot, PROCESS_RUNNING, NSEC_NEVER);
        process->ready_at = NSEC_NEVER;
        outcome_event(supervisor, slot, EVENT_UNREADY, 0);
    } else if (input->kind == INPUT_EXTEND && state == PROCESS_RUNNING) {
        extend(supervisor, slot, input->value);
    } else if (input->kind == INPUT_EXITED && is_live) {
        exited(supervisor, slot, input->value);
    } else if (input->kind == INPUT_LEFT && state == PROCESS_EXITED) {
        outcome_event(supervisor, slot, EVENT_LEFT, input->value);
        if (!(process->flags & RECORD_KILLED))
            outcome_action(supervisor, ACTION_SIGNAL_TREE, slot,
                           policy_of(supervisor, process)->stop_signal);
    } else if (input->kind == INPUT_EMPTIED && state == PROCESS_EXITED) {
        emptied(supervisor, slot);
    } else {
        request(supervisor, slot, input->kind);
    }
}

static void retry(struct supervisor *supervisor, unsigned slot)
{
    struct process_record *process = &supervisor->processes[slot];
    bool was_refused = process->flags & RECORD_UNSPAWNED;
    nsec_t wait = was_refused ? 0 : budget_wait(supervisor);
    if (wait > 0)
        outcome_deadline(supervisor, &process->deadline, supervisor->now + wait);
    else
        process_start(supervisor, slot);
}

// SIGKILL cannot be caught, but the kernel may hold a process in a system call for ever. It must
// not hold the end of the formation too.
static void kill_or_abandon(struct supervisor *supervisor, unsigned slot)
{
    struct process_record *process = &supervisor->processes[slot];
    bool is_ending = supervisor->formation.phase != FORMATION_RUNNING;
    if (process->kills < KILLS_BEFORE_ABANDONING || !is_ending) {
        send_kill(supervisor, slot);
        return;
    }
    outcome_event(supervisor, slot, EVENT_ABANDONED, process->pid);
    finish(supervisor, slot);
}

void process_time(struct supervisor *supervisor, unsigned slot)
{
    switch ((enum process_state)supervisor->processes[slot].state) {
    case PROCESS_RUNNING:
        send_stop_for_failure(supervisor, slot, EVENT_BOOT_EXPIRED);
        break;
    case PROCESS_STOPPING:
    case PROCESS_EXITED:
        kill_or_abandon(supervisor, slot);
        break;
    case PROCESS_BACKOFF:
        retry(supervisor, slot);
        break;
    case PROCESS_VACANT:
    case PROCESS_WAITING:
    case PROCESS_STARTING:
    case PROCESS_READY:
    case PROCESS_FINISHED:
    case PROCESS_STATE_COUNT:
        assert(!"this state has no deadline");
    }
}
