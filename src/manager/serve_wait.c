// SPDX-License-Identifier: MIT
// An answer with `wait` comes when every process that the request is about has become what it was
// to become. What is wanted of one is read from its record after each round of decisions; nothing
// has to be undone when the client goes.
#include "manager/serve.h"

#include "control/json_put.h"
#include "control/varlink.h"
#include "manager/upgrade.h"
#include "view/sentence.h"

#include <stdlib.h>

void subscription_free(struct manager *manager, struct subscription *subscription)
{
    struct subscription **at = &manager->subscriptions;
    while (*at != subscription)
        at = &(*at)->next;
    *at = subscription->next;
    subscription->client->subscription = NULL;
    upgrade_forget(manager, subscription);
    attach_forget(manager, subscription);
    buffer_fini(&subscription->message);
    buffer_fini(&subscription->changes);
    request_fini(&subscription->request);
    free(subscription);
    if (!manager->subscriptions)
        manager->show.listener = NULL;
}

struct subscription *wait_new(struct manager *manager, struct client *client,
                              struct request *request, size_t target_count)
{
    struct subscription *subscription = calloc(1, sizeof(*subscription));
    struct target *targets = arena_alloc(&request->arena, target_count * sizeof(*targets) + 1);
    if (!subscription || !targets) {
        free(subscription);
        request_fini(request);
        return NULL;
    }
    *subscription = (struct subscription){
        .request = *request,
        .client = client,
        .next = manager->subscriptions,
        .targets = targets,
        .halted = -1,
    };
    manager->subscriptions = subscription;
    client->subscription = subscription;
    return subscription;
}

void wait_add(struct subscription *subscription, const struct process_record *record, unsigned slot,
              enum goal goal, bool of_next)
{
    subscription->targets[subscription->target_count++] = (struct target){
        .slot = slot,
        .id = record->id,
        .goal = goal,
        .token = record->token + (of_next ? 1 : 0),
    };
}

enum verdict {
    VERDICT_NOT_YET,
    VERDICT_DONE,
    VERDICT_FAILED, // it has crashed before it was what it was to be
};

static enum verdict judge_ready(const struct process_record *record, const struct target *target)
{
    const unsigned rolling = RECORD_ROLL | RECORD_ROLLED;
    if (record->state == PROCESS_FINISHED) // also when it ended before its turn came
        return record->exit_status == 0 || record->flags & RECORD_ASKED ? VERDICT_DONE
                                                                        : VERDICT_FAILED;
    if (record->token < target->token)
        return VERDICT_NOT_YET;
    if (record->state == PROCESS_READY && !(record->flags & rolling))
        return VERDICT_DONE;
    if (record->state == PROCESS_BACKOFF && record->crashes > 0)
        return VERDICT_FAILED;
    return VERDICT_NOT_YET;
}

static enum verdict judge(const struct manager *manager, const struct target *target)
{
    const struct process_record *record = supervisor_process(manager->supervisor, target->slot);
    bool is_there = record->state != PROCESS_VACANT && record->id.type == target->id.type &&
                    record->id.number == target->id.number;
    if (!is_there)
        return VERDICT_DONE; // somebody has removed it meanwhile
    if (target->goal == GOAL_READY)
        return judge_ready(record, target);
    bool was_started_again = record->token > target->token; // by somebody else's request
    return record->state == PROCESS_FINISHED || was_started_again ? VERDICT_DONE : VERDICT_NOT_YET;
}

static void put_name(const struct manager *manager, const struct target *target, struct buffer *out)
{
    char name[PROCESS_NAME_BYTES];
    json_put_text(out, NULL, str_of(plan_process_name(manager->plan, target->id, name)));
}

// With `more`, one reply for each that is done.
static void report_progress(struct manager *manager, const struct subscription *subscription,
                            const struct target *target)
{
    struct buffer *out = &subscription->client->out;
    if (!(subscription->request.flags & VARLINK_MORE))
        return;
    varlink_reply_open(out);
    json_put_list(out, "processes");
    put_name(manager, target, out);
    json_put_list_end(out);
    varlink_reply_close(out, true);
    server_touch(subscription->client);
}

static void reply_last(struct manager *manager, struct subscription *subscription)
{
    struct buffer *out = &subscription->client->out;
    if (subscription->request.flags & VARLINK_ONEWAY)
        return;
    varlink_reply_open(out);
    if (subscription->request.kind == REQUEST_SCALE ||
        subscription->request.kind == REQUEST_RELOAD) {
        buffer_append_str(out, buffer_str(&subscription->changes));
    } else if (subscription->request.kind != REQUEST_SHUTDOWN) {
        json_put_list(out, "processes");
        for (size_t i = 0; i < subscription->target_count; i++)
            put_name(manager, &subscription->targets[i], out);
        json_put_list_end(out);
    }
    varlink_reply_close(out, false);
}

static void finish(struct manager *manager, struct subscription *subscription)
{
    server_touch(subscription->client);
    subscription_free(manager, subscription);
}

void subscription_refuse(struct manager *manager, struct subscription *subscription,
                         const struct refusal *refusal)
{
    if (!(subscription->request.flags & VARLINK_ONEWAY))
        serve_refuse(subscription->client, refusal);
    finish(manager, subscription);
}

// `slot` has failed, which is why the request cannot be done.
static void fail(struct manager *manager, struct subscription *subscription, unsigned slot,
                 enum refusal_kind kind)
{
    const struct process_record *record = supervisor_process(manager->supervisor, slot);
    char name[PROCESS_NAME_BYTES];
    struct buffer text = {0};
    struct refusal refusal = {0};
    plan_process_name(manager->plan, record->id, name);
    sentence_ended(&text, record->exit_status);
    if (kind == REFUSAL_ROLL_HALTED)
        (void)refusal_set(&refusal, kind, str_of(name), "%.*s", STR_ARGS(buffer_str(&text)));
    else
        (void)refusal_set(&refusal, REFUSAL_FAILED, str_of(""), "%s %.*s before it was ready", name,
                          STR_ARGS(buffer_str(&text)));
    buffer_fini(&text);
    subscription_refuse(manager, subscription, &refusal);
}

// Whether the subscription is over.
static bool review(struct manager *manager, struct subscription *subscription)
{
    for (size_t i = 0; i < subscription->target_count; i++) {
        struct target *target = &subscription->targets[i];
        if (target->is_done)
            continue;
        enum verdict verdict = judge(manager, target);
        if (verdict == VERDICT_FAILED) {
            fail(manager, subscription, target->slot, REFUSAL_FAILED);
            return true;
        }
        if (verdict == VERDICT_NOT_YET)
            continue;
        target->is_done = true;
        subscription->done_count++;
        report_progress(manager, subscription, target);
    }
    if (subscription->done_count < subscription->target_count)
        return false;
    reply_last(manager, subscription);
    finish(manager, subscription);
    return true;
}

void wait_review(struct manager *manager)
{
    if (manager->reviewed == manager->journal->newest)
        return; // nothing has happened since
    manager->reviewed = manager->journal->newest;
    for (struct subscription *at = manager->subscriptions; at;) {
        struct subscription *next = at->next;
        if (at->is_begun)
            (void)review(manager, at);
        at = next;
    }
}

// Whether it waits for a restart that will not come, since the roll was halted by `culprit`.
static bool is_dropped(const struct manager *manager, const struct target *target, unsigned culprit)
{
    const unsigned to_come = RECORD_ROLL | RECORD_RESTART;
    const struct process_record *guilty = supervisor_process(manager->supervisor, culprit);
    const struct process_record *record = supervisor_process(manager->supervisor, target->slot);
    if (target->is_done || target->goal != GOAL_READY)
        return false;
    return target->slot == culprit ||
           (record->id.type == guilty->id.type && record->token < target->token &&
            record->state == PROCESS_READY && !(record->flags & to_come));
}

static bool has_dropped(const struct manager *manager, const struct subscription *subscription,
                        unsigned culprit)
{
    for (size_t i = 0; i < subscription->target_count; i++)
        if (is_dropped(manager, &subscription->targets[i], culprit))
            return true;
    return false;
}

// Who wants no answer does not wait for it.
void wait_begin(struct manager *manager, struct subscription *subscription)
{
    int halted = subscription->halted;
    subscription->is_begun = true;
    if (!subscription->request.wait || subscription->request.flags & VARLINK_ONEWAY) {
        reply_last(manager, subscription);
        finish(manager, subscription);
    } else if (halted >= 0 && has_dropped(manager, subscription, (unsigned)halted)) {
        fail(manager, subscription, (unsigned)halted, REFUSAL_ROLL_HALTED);
    } else {
        (void)review(manager, subscription);
    }
}

// A roll that is halted will not touch the others any more: whoever waits for them is told why.
void wait_hear(struct manager *manager, const struct event *event)
{
    if (event->kind != EVENT_ROLL_HALTED)
        return;
    for (struct subscription *at = manager->subscriptions; at;) {
        struct subscription *next = at->next;
        if (at->is_begun && has_dropped(manager, at, event->slot))
            fail(manager, at, event->slot, REFUSAL_ROLL_HALTED);
        else if (!at->is_begun) // the request is still being decided: see wait_begin()
            at->halted = (int)event->slot;
        at = next;
    }
}

static bool is_listening(const struct subscription *subscription)
{
    return subscription->request.kind == REQUEST_LOGS ||
           subscription->request.kind == REQUEST_EVENTS;
}

void subscription_end(struct manager *manager, struct subscription *subscription)
{
    struct refusal refusal = {0};
    if (is_listening(subscription)) {
        listen_finish(manager, subscription);
        return;
    }
    if (subscription->attached) {
        attach_end(manager, subscription);
        return;
    }
    (void)refusal_set(&refusal, REFUSAL_ENDING, str_of(""), NULL);
    subscription_refuse(manager, subscription, &refusal);
}
