// SPDX-License-Identifier: MIT
// Keeps what the invariants need to know of the past, and goes through their table.
#include "sim/claims.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

enum moment { STEP, END };

static const struct row {
    enum moment moment;
    const char *sentence;
    void (*look)(struct check *check);
} table[] = {
#define INVARIANT(name, moment, sentence) [INVARIANT_##name] = {moment, sentence, claim_##name},
#include "sim/invariants.def"
#undef INVARIANT
};

const char *invariant_sentence(enum invariant invariant)
{
    return table[invariant].sentence;
}

static void look_at_all(struct check *check, enum moment moment)
{
    for (unsigned i = 0; i < INVARIANT_COUNT; i++) {
        check->current = (enum invariant)i;
        if (table[i].moment == moment)
            table[i].look(check);
    }
}

static bool may_finish(const struct check *check, unsigned slot)
{
    const struct process_record *process = now_of(check, slot);
    bool is_success = process->exit_status == 0 && !(process->flags & RECORD_FAILED);
    enum restart_mode mode = policy(check, slot)->restart;
    return mode == RESTART_NEVER || (mode == RESTART_ON_FAILURE && is_success);
}

static void remember(struct check *check)
{
    unsigned count = slot_count(check);
    check->phase = phase(check);
    for (unsigned slot = 0; slot < count; slot++) {
        const struct process_record *process = now_of(check, slot);
        bool was_finished = before_of(check, slot)->state == PROCESS_FINISHED;
        if (process->state == PROCESS_FINISHED && !was_finished)
            check->may_finish[slot] = may_finish(check, slot);
        check->before[slot] = *process;
        if (check->before[slot].state == PROCESS_EXITED)
            check->gone[slot] = check->before[slot].token;
    }
    check->slot_count = count;
}

static void note_end(struct check *check)
{
    nsec_t now = check->world->now;
    if (phase(check) != FORMATION_RUNNING && check->stop_at == NSEC_NEVER) {
        check->stop_at = now;
        check->deaths_before_end = check->shell->deaths;
    }
    if (phase(check) == FORMATION_KILLING && check->kill_at == NSEC_NEVER)
        check->kill_at = now;
}

static bool is_refusal(int error)
{
    return error == EAGAIN || error == ENOMEM || error == EMFILE || error == ECANCELED;
}

// Of processes that all ended by themselves, the first that failed speaks for the formation.
static int first_failure(const struct check *check)
{
    nsec_t first_at = NSEC_NEVER;
    int status = 0;
    for (unsigned slot = 0; slot < slot_count(check); slot++) {
        const struct process_record *process = now_of(check, slot);
        if (process->state == PROCESS_FINISHED && check->statuses[slot] != 0 &&
            process->since < first_at) {
            first_at = process->since;
            status = check->statuses[slot];
        }
    }
    return status;
}

static int shell_status(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// Who ends all by Foreman's rule: whom the step is about, or whom a new manager finds so.
static unsigned first_exit(const struct check *check, const struct input *input)
{
    unsigned slot = 0;
    if (input->kind != INPUT_PLAN)
        return input->slot;
    while (slot < check->slot_count &&
           (check->before[slot].state != PROCESS_EXITED ||
            check->before[slot].flags & (RECORD_ASKED | RECORD_RESTART)))
        slot++;
    return slot;
}

static void note_request(struct check *check, enum input_kind kind, unsigned slot)
{
    const struct process_record *before = before_of(check, slot);
    if (!is_there(before) || check->phase != FORMATION_RUNNING ||
        (kind == INPUT_ROLL && is_extra(check, before)))
        return;
    bool is_serving = before->state == PROCESS_RUNNING || before->state == PROCESS_READY;
    bool is_idle = before->state == PROCESS_WAITING || before->state == PROCESS_STARTING;
    if (kind == INPUT_START && is_serving)
        return;
    check->halted[slot] = kind == INPUT_HALT;
    if (kind == INPUT_HALT || kind == INPUT_START)
        check->rolled[slot] = 0;
    if (kind == INPUT_HALT)
        check->restarted[slot] = 0;
    else if (kind == INPUT_ROLL)
        check->rolled[slot] = before->token;
    else if (kind == INPUT_RESTART && !is_idle)
        check->restarted[slot] = before->token;
}

// A request has an effect on a process if the next event is about it; what follows from the request
// comes behind.
static void note_requests(struct check *check, const struct event *events, size_t count)
{
    const struct input *input = check->input;
    size_t at = 0;
    if (input->kind != INPUT_RESTART && input->kind != INPUT_ROLL && input->kind != INPUT_HALT &&
        input->kind != INPUT_START)
        return;
    for (size_t i = 0; i < asked_count(input) && at < count; i++) {
        if (event_is_of_formation(events[at].kind) || events[at].slot != asked_slot(input, i))
            continue;
        note_request(check, input->kind, asked_slot(input, i));
        at++;
    }
}

static void note_halted_roll(struct check *check, unsigned type)
{
    for (unsigned slot = 0; slot < slot_count(check); slot++)
        if (now_of(check, slot)->id.type == type) {
            check->rolled[slot] = 0;
            check->excused[slot] = check->shell->plan->types[type].revision;
        }
}

static void note_event(struct check *check, const struct event *event)
{
    if (event_is_of_formation(event->kind)) {
        if (event->formation.asked && check->asked_at == NSEC_NEVER)
            check->asked_at = event->at;
        return;
    }
    if (event->kind == EVENT_ROLL_HALTED)
        note_halted_roll(check, event->process.id.type);
    if (!(event->process.flags & RECORD_WANTED)) { // what was asked of it is void
        check->halted[event->slot] = false;
        check->rolled[event->slot] = check->restarted[event->slot] = 0;
    }
}

static void note(struct check *check, const struct input *input, const struct event *events,
                 size_t count)
{
    bool is_request = input->kind == INPUT_STOP || input->kind == INPUT_KILL;
    if (count == 0)
        return;
    note_requests(check, events, count);
    if (input->kind == INPUT_EXITED)
        check->statuses[input->slot] = input->value;
    else if (input->kind == INPUT_SPAWN_FAILED && !is_refusal(input->value))
        check->statuses[input->slot] = (input->value == ENOENT ? 127 : 126) << 8;
    for (size_t i = 0; i < count; i++) {
        note_event(check, &events[i]);
        if (events[i].kind == EVENT_FORMATION_STOPPING && !is_request)
            check->status_expected = shell_status(check->statuses[first_exit(check, input)]);
        else if (events[i].kind == EVENT_FORMATION_KILLING && check->status_expected == 0)
            check->status_expected = 128 + SIGINT;
        else if (events[i].kind == EVENT_FORMATION_ENDED && !check->has_stopping)
            check->status_expected = shell_status(first_failure(check));
        check->has_stopping |=
            events[i].kind == EVENT_FORMATION_STOPPING || events[i].kind == EVENT_FORMATION_KILLING;
    }
}

// Clears what earlier histories have used and no more: a million of them shall cost little.
void check_begin(struct check *check)
{
    size_t used = check->slot_count;
    check->is_restored = false;
    check->expects_nothing = check->is_broken = check->was_asked = check->has_stopping = false;
    check->stop_at = check->kill_at = check->asked_at = NSEC_NEVER;
    check->deaths_before_end = 0;
    check->status_expected = 0;
    check->boots = BOOTS;
    check->boots_at = 0;
    check->phase = FORMATION_RUNNING;
    check->slot_count = 0;
    memset(check->statuses, 0, used * sizeof(check->statuses[0]));
    memset(check->gone, 0, used * sizeof(check->gone[0]));
    memset(check->emptied, 0, used * sizeof(check->emptied[0]));
    memset(check->restarted, 0, used * sizeof(check->restarted[0]));
    memset(check->rolled, 0, used * sizeof(check->rolled[0]));
    memset(check->excused, 0, used * sizeof(check->excused[0]));
    memset(check->halted, 0, used * sizeof(check->halted[0]));
    memset(check->may_finish, 0, used * sizeof(check->may_finish[0]));
}

void check_step(struct check *check, const struct input *input, const struct outcome *outcome)
{
    check->input = input;
    check->outcome = outcome;
    note(check, input, outcome->events, outcome->event_count);
    for (size_t i = 0; i < asked_count(input); i++)
        if (asked_slot(input, i) < check->slot_count)
            check->coverage->cells[check->before[asked_slot(input, i)].state][input->kind]++;
    check->is_restored &= input->kind != INPUT_PLAN;
    note_end(check);
    // An outcome's signals go to whom was not yet known to be gone.
    look_at_all(check, STEP);
    if (input->kind == INPUT_EMPTIED && before_of(check, input->slot)->state == PROCESS_EXITED)
        check->emptied[input->slot] = before_of(check, input->slot)->token;
    remember(check);
}

void check_restored(struct check *check)
{
    check->boots = BOOTS; // a new manager knows nothing of the boots before it
    check->is_restored = true;
    note_end(check);
    remember(check);
}

void check_end(struct check *check)
{
    look_at_all(check, END);
}
