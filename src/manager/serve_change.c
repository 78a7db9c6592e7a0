// SPDX-License-Identifier: MIT
// Requests that change something. Each is checked whole before anything is done; what is done then
// is one input to supervise, so a request at the worst time is no special case here, and one whose
// manager is killed meanwhile takes effect whole or not at all.
#include "manager/serve.h"

#include "config/diagnostic.h"
#include "control/json_put.h"
#include "control/scale.h"
#include "control/varlink.h"
#include "manager/keep.h"
#include "manager/remember.h"
#include "manager/sockets.h"
#include "plan/archive.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

static void refuse_errno(struct client *client, int code)
{
    struct refusal refusal = {0};
    (void)refusal_set_errno(&refusal, code);
    serve_refuse(client, &refusal);
}

static void decide_now(struct manager *manager, struct input input)
{
    decide_later(manager, input);
    decide_all(manager);
}

int serve_adopt_plan(struct manager *manager, struct subscription *subscription, struct plan *plan)
{
    struct plan *old = manager->plan;
    struct refusal refusal = {0};
    int result = keep_plan(plan); // who dies now comes back with what is about to be done
    if (result < 0) {
        (void)refusal_set_errno(&refusal, -result);
        if (subscription)
            subscription_refuse(manager, subscription, &refusal);
        plan_free(plan);
        listeners_drop(manager);
        return result;
    }
    manager->plan = plan;
    decide_now(manager, (struct input){.kind = INPUT_PLAN, .plan = plan});
    watch_follow_plan(manager);
    sinks_adopt(manager, old);
    listeners_drop(manager);
    plan_free(old);
    return 0;
}

static bool is_changed(const struct manager *manager, const unsigned *before, unsigned type)
{
    return manager->plan->types[type].quantity != before[type];
}

// After the plan is in force: who is new must become ready, who is too many must go.
static void wait_for_scale(struct manager *manager, struct subscription *subscription,
                           const unsigned *before)
{
    for (unsigned slot = 0; slot < supervisor_slot_count(manager->supervisor); slot++) {
        const struct process_record *record = supervisor_process(manager->supervisor, slot);
        if (record->state == PROCESS_VACANT || !is_changed(manager, before, record->id.type))
            continue;
        if (record->id.number > manager->plan->types[record->id.type].quantity)
            wait_add(subscription, record, slot, GOAL_GONE, false);
        else if (record->id.number > before[record->id.type])
            wait_add(subscription, record, slot, GOAL_READY, false);
    }
}

static int scaled_plan(const struct plan *plan, const struct scaled *types, struct plan **out)
{
    int result = archive_copy(plan, out);
    for (size_t i = 0; result == 0 && i < plan->type_count; i++) {
        (*out)->types[i].quantity = types[i].quantity;
        (*out)->types[i].is_fixed = types[i].is_fixed;
    }
    return result;
}

// The new plan, not in force yet; or NULL: refused.
static struct plan *make_scaled_plan(struct manager *manager, struct client *client,
                                     const struct request *request)
{
    struct plan *plan = NULL;
    struct scaled types[LIMIT_TYPES];
    struct refusal refusal = {0};
    const struct scale scale = {request->scale.changes, request->scale.reset};
    int result = scale_apply(manager->plan, &scale, types, &refusal);
    if (result == 0) {
        result = scaled_plan(manager->plan, types, &plan);
        if (result < 0)
            (void)refusal_set_errno(&refusal, -result);
    }
    if (result < 0)
        serve_refuse(client, &refusal);
    return plan;
}

// On the disk first: what is in force outlives us. One that dies before the plan is in force leaves
// it to the next manager to make both the same. 0, or refused.
static int remember(struct manager *manager, struct subscription *subscription,
                    const struct plan *plan)
{
    struct refusal refusal = {0};
    struct error error;
    manager->memory->is_remembering = true;
    int result = remember_write(plan, &error);
    if (result == -EROFS) { // there never was a place for it, in a container for example
        show_system(&manager->show, str_of(error.text));
        return 0;
    }
    if (result < 0) {
        (void)refusal_set(&refusal, REFUSAL_FAILED, str_of(""), "%s", error.text);
        subscription_refuse(manager, subscription, &refusal);
    }
    return result;
}

// False: refused.
static bool has_its_sockets(struct manager *manager, struct client *client, const struct plan *plan)
{
    struct refusal refusal = {0};
    struct error error;
    struct diagnostics diagnostics = {0};
    int result = sockets_check(manager, plan, &error);
    if (result == 0)
        result = listeners_need(manager, plan, &diagnostics);
    if (diagnostics.count > 0)
        (void)error_set(&error, -result, "%.*s", STR_ARGS(diagnostics.items[0].text));
    diagnostics_fini(&diagnostics);
    if (result == 0)
        return true;
    (void)refusal_set(&refusal, REFUSAL_FAILED, str_of(""), "%s", error.text);
    serve_refuse(client, &refusal);
    return false;
}

void serve_scale(struct manager *manager, struct client *client, struct request *request)
{
    struct change_of_type changes[LIMIT_TYPES];
    unsigned before[LIMIT_TYPES];
    struct error ignored;
    struct plan *plan = make_scaled_plan(manager, client, request);
    if (!plan) {
        request_fini(request);
        return;
    }
    if (!has_its_sockets(manager, client, plan)) {
        plan_free(plan);
        request_fini(request);
        return;
    }
    for (size_t i = 0; i < plan->type_count; i++) {
        const struct process_type *old = &manager->plan->types[i];
        before[i] = old->quantity;
        changes[i] =
            (struct change_of_type){old->quantity, plan->types[i].quantity, plan_type_is_auto(old),
                                    plan_type_is_auto(&plan->types[i])};
    }
    size_t most = supervisor_slot_count(manager->supervisor) + plan_process_count(plan);
    struct subscription *subscription = wait_new(manager, client, request, most);
    if (!subscription)
        refuse_errno(client, ENOMEM);
    if (!subscription || remember(manager, subscription, plan) < 0) {
        plan_free(plan);
        return;
    }
    int result = serve_adopt_plan(manager, subscription, plan);
    if (result < 0)
        (void)remember_write(manager->plan, &ignored);
    manager->memory->is_remembering = false;
    if (result < 0)
        return;
    describe_changes(&subscription->changes, manager->plan, changes);
    wait_for_scale(manager, subscription, before);
    wait_begin(manager, subscription);
}

struct way {
    enum input_kind input;
    enum goal goal;
};

static struct way way_of(enum request_kind kind)
{
    if (kind == REQUEST_STOP)
        return (struct way){INPUT_HALT, GOAL_GONE};
    return (struct way){kind == REQUEST_RESTART ? INPUT_ROLL : INPUT_START, GOAL_READY};
}

// Whether the answer waits for a later incarnation than the one that there is after the request.
static bool is_of_next(enum request_kind kind, uint32_t token_before,
                       const struct process_record *record)
{
    if (record->token != token_before)
        return false; // it has been started by the request
    bool is_over = record->state != PROCESS_STARTING && record->state != PROCESS_RUNNING &&
                   record->state != PROCESS_READY;
    return kind == REQUEST_RESTART || (kind == REQUEST_START && is_over);
}

void serve_processes(struct manager *manager, struct client *client, struct request *request)
{
    struct selection selection;
    const unsigned slot_count = supervisor_slot_count(manager->supervisor);
    const struct way way = way_of(request->kind);
    if (serve_select(manager, client, request, &selection) < 0) {
        request_fini(request);
        return;
    }
    uint32_t *tokens = arena_alloc(&request->arena, slot_count * sizeof(*tokens) + 1);
    uint16_t *slots = arena_alloc(&request->arena, slot_count * sizeof(*slots) + 1);
    struct subscription *subscription =
        tokens && slots ? wait_new(manager, client, request, slot_count) : NULL;
    if (!subscription) {
        refuse_errno(client, ENOMEM);
        if (!tokens || !slots)
            request_fini(request);
        return;
    }
    for (unsigned slot = 0; slot < slot_count; slot++) {
        const struct process_record *record = supervisor_process(manager->supervisor, slot);
        bool is_meant = record->flags & RECORD_WANTED && record->state != PROCESS_VACANT &&
                        selection_has(&selection, record->id);
        tokens[slot] = record->token;
        if (!is_meant)
            continue;
        slots[subscription->target_count] = (uint16_t)slot;
        wait_add(subscription, record, slot, way.goal, false); // its token is for later
    }
    decide_now(manager, (struct input){.kind = way.input,
                                       .slots = slots,
                                       .slot_count = subscription->target_count});
    for (size_t i = 0; i < subscription->target_count; i++) {
        struct target *target = &subscription->targets[i];
        const struct process_record *record = supervisor_process(manager->supervisor, target->slot);
        target->token =
            record->token +
            (is_of_next(subscription->request.kind, tokens[target->slot], record) ? 1 : 0);
    }
    wait_begin(manager, subscription);
}

// No input, since nothing is decided: a signal is neither journaled nor repeated. A manager that is
// killed here has sent it to some, none of them twice, and its client hears that nobody answered.
void serve_signal(struct manager *manager, struct client *client, struct request *request)
{
    struct selection selection;
    char name[PROCESS_NAME_BYTES];
    if (serve_select(manager, client, request, &selection) < 0)
        return;
    varlink_reply_open(&client->out);
    json_put_list(&client->out, "processes");
    for (unsigned slot = 0; slot < supervisor_slot_count(manager->supervisor); slot++) {
        const struct process_record *record = supervisor_process(manager->supervisor, slot);
        bool is_live = record->state == PROCESS_RUNNING || record->state == PROCESS_READY ||
                       record->state == PROCESS_STOPPING;
        if (!is_live || !selection_has(&selection, record->id))
            continue;
        // Until it is buried, which is asked for by us, the pid is nobody else's.
        (void)kill(record->pid, request->signal.number);
        json_put_text(&client->out, NULL,
                      str_of(plan_process_name(manager->plan, record->id, name)));
    }
    json_put_list_end(&client->out);
    varlink_reply_close(&client->out, false);
}

void serve_shutdown(struct manager *manager, struct client *client, struct request *request)
{
    bool waits = request->wait;
    struct subscription *subscription =
        wait_new(manager, client, request, supervisor_slot_count(manager->supervisor));
    if (!subscription) {
        refuse_errno(client, ENOMEM);
        return;
    }
    for (unsigned slot = 0; waits && slot < supervisor_slot_count(manager->supervisor); slot++) {
        const struct process_record *record = supervisor_process(manager->supervisor, slot);
        if (record->state != PROCESS_VACANT)
            wait_add(subscription, record, slot, GOAL_GONE, false);
    }
    decide_now(manager, (struct input){.kind = INPUT_STOP, .value = SIGTERM});
    wait_begin(manager, subscription);
}
