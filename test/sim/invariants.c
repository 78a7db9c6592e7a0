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

static void remember(struct check *check)
{
    check->phase = phase(check);
    check->slot_count = slot_count(check);
    for (unsigned slot = 0; slot < check->slot_count; slot++) {
        check->before[slot] = *now_of(check, slot);
        if (check->before[slot].state == PROCESS_EXITED)
            check->gone[slot] = check->before[slot].token;
    }
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

void check_note(struct check *check, const struct input *input, const struct event *events,
                size_t count)
{
    bool is_request = input->kind == INPUT_STOP || input->kind == INPUT_KILL;
    if (count == 0)
        return;
    if (input->kind == INPUT_EXITED)
        check->statuses[input->slot] = input->value;
    else if (input->kind == INPUT_SPAWN_FAILED && !is_refusal(input->value))
        check->statuses[input->slot] = (input->value == ENOENT ? 127 : 126) << 8;
    for (size_t i = 0; i < count; i++) {
        if (events[i].kind == EVENT_FORMATION_STOPPING && !is_request)
            check->status_expected = shell_status(check->statuses[input->slot]);
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
    check->stop_at = check->kill_at = NSEC_NEVER;
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
}

static void note_request(struct check *check, const struct input *input)
{
    const struct process_record *before = before_of(check, input->slot);
    bool is_idle = before->state == PROCESS_VACANT || before->state == PROCESS_WAITING ||
                   before->state == PROCESS_STARTING;
    if (input->kind == INPUT_RESTART && before->flags & RECORD_WANTED && !is_idle &&
        check->phase == FORMATION_RUNNING)
        check->restarted[input->slot] = before->token;
}

void check_step(struct check *check, const struct input *input, const struct outcome *outcome)
{
    check->input = input;
    check->outcome = outcome;
    if (input->slot < check->slot_count)
        check->coverage->cells[check->before[input->slot].state][input->kind]++;
    check->is_restored &= input->kind != INPUT_PLAN;
    note_end(check);
    note_request(check, input);
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
