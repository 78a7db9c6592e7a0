// SPDX-License-Identifier: MIT
// The files are read as at the start. What they say now is merged into the plan that runs, so that
// every process keeps its id; types that are started in another way are rolled, by which the plan
// is put in force whole or not at all.
#include "manager/serve.h"

#include "control/json_put.h"
#include "control/varlink.h"
#include "manager/load.h"
#include "manager/remember.h"
#include "manager/sockets.h"
#include "plan/merge.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put_findings(struct buffer *out, const char *name,
                         const struct diagnostics *diagnostics, enum severity severity)
{
    char text[DIAGNOSTIC_TEXT_BYTES];
    json_put_list(out, name);
    for (size_t i = 0; i < diagnostics->count; i++)
        if (diagnostics->items[i].severity == severity)
            json_put_text(out, NULL,
                          str_of(diagnostic_format(&diagnostics->items[i], text, sizeof(text))));
    json_put_list_end(out);
}

static void refuse_findings(struct client *client, const struct diagnostics *diagnostics)
{
    char text[DIAGNOSTIC_TEXT_BYTES];
    struct arena arena = {0};
    struct refusal refusal = {0};
    struct str *items = arena_alloc(&arena, diagnostics->count * sizeof(*items) + 1);
    size_t count = 0;
    for (size_t i = 0; items && i < diagnostics->count; i++) {
        if (diagnostics->items[i].severity != SEVERITY_ERROR)
            continue;
        struct str finding = str_of(diagnostic_format(&diagnostics->items[i], text, sizeof(text)));
        if (arena_str(&arena, finding, &items[count]) == 0)
            count++;
    }
    (void)refusal_set_findings(&refusal, (struct str_list){items, count});
    serve_refuse(client, &refusal);
    arena_fini(&arena);
}

// What somebody has asked for by `scale` stays, as long as the type does; so does what the demand
// has asked for, within the bounds that are declared now.
static void keep_scaled(const struct plan *old, struct plan *merged)
{
    for (size_t i = 0; i < old->type_count; i++) {
        const struct process_type *before = &old->types[i];
        struct process_type *now = &merged->types[i];
        bool is_asked_for = before->scale.is_set ? before->is_fixed && !before->declared_is_fixed
                                                 : before->quantity != before->declared;
        if (now->is_gone)
            continue;
        if (is_asked_for) {
            now->quantity = before->quantity;
            now->is_fixed = now->scale.is_set;
        } else if (plan_type_is_auto(before) && plan_type_is_auto(now)) {
            now->quantity = before->quantity > now->scale.max ? now->scale.max : before->quantity;
            now->quantity = now->quantity < now->scale.min ? now->scale.min : now->quantity;
        }
    }
}

struct difference {
    bool is_restarted[LIMIT_TYPES];
    bool is_changed[LIMIT_TYPES];
    bool has_other_sinks;
};

static void compare(const struct plan *old, const struct plan *merged, struct difference *out)
{
    assert(merged);
    out->has_other_sinks = plan_sinks_differ(old, merged);
    for (size_t i = 0; i < merged->type_count; i++) {
        bool is_new = i >= old->type_count;
        out->is_restarted[i] = !is_new && merged->types[i].revision != old->types[i].revision;
        out->is_changed[i] =
            is_new || out->is_restarted[i] || merged->types[i].quantity != old->types[i].quantity;
    }
}

static void put_changed(const struct plan *plan, const struct difference *difference,
                        struct buffer *out)
{
    json_put_list(out, "changed");
    for (size_t i = 0; i < plan->type_count; i++)
        if (difference->is_changed[i])
            json_put_text(out, NULL, plan->types[i].name);
    json_put_list_end(out);
    json_put_bool(out, "logs", difference->has_other_sinks);
}

// Returns 0, or refused, and the plan is freed.
static int put_in_force(struct manager *manager, struct subscription *subscription,
                        struct plan *merged)
{
    struct difference difference = {0};
    uint32_t tokens[LIMIT_PROCESSES];
    unsigned old_count = supervisor_slot_count(manager->supervisor);
    for (unsigned slot = 0; slot < old_count; slot++)
        tokens[slot] = supervisor_process(manager->supervisor, slot)->token;
    compare(manager->plan, merged, &difference);
    int result = serve_adopt_plan(manager, subscription, merged);
    if (result < 0)
        return result;
    scaling_follow_plan(manager);
    put_changed(merged, &difference, &subscription->changes);
    unsigned slot_count = supervisor_slot_count(manager->supervisor);
    for (unsigned slot = 0; slot < slot_count; slot++) {
        const struct process_record *record = supervisor_process(manager->supervisor, slot);
        unsigned type = record->id.type;
        if (record->state == PROCESS_VACANT || !difference.is_changed[type])
            continue;
        bool is_wanted = record->flags & RECORD_WANTED;
        bool runs_otherwise = difference.is_restarted[type] && is_wanted &&
                              record->state != PROCESS_FINISHED && record->state != PROCESS_WAITING;
        if (is_wanted && (record->state == PROCESS_FINISHED || record->flags & RECORD_ASKED))
            continue; // it was stopped or is being so, or has done its work
        bool is_as_before = slot < old_count && record->token == tokens[slot];
        wait_add(subscription, record, slot, is_wanted ? GOAL_READY : GOAL_GONE,
                 runs_otherwise && record->starts > 0 && is_as_before);
    }
    return 0;
}

// What the files say now. As load_plan().
static int load_fresh(struct manager *manager, struct diagnostics *diagnostics, struct plan **out)
{
    struct error error;
    init_report_reloading(manager);
    int result = load_plan(manager->options, environ, diagnostics, out);
    if (result == 0)
        result = limits_need(manager, *out, diagnostics);
    if (result == 0 && sockets_check(manager, *out, &error) < 0) {
        diagnostics_error(diagnostics, (struct origin){0}, "%s", error.text);
        result = -EINVAL;
    }
    if (result == 0)
        result = listeners_need(manager, *out, diagnostics);
    if (result < 0) {
        plan_free(*out);
        *out = NULL;
    }
    return result;
}

// The old plan and the new one, put together. 0, or refused.
static int make_merged(struct manager *manager, struct client *client,
                       struct diagnostics *diagnostics, struct plan **out)
{
    struct refusal refusal = {0};
    struct plan *fresh = NULL;
    int result = load_fresh(manager, diagnostics, &fresh);
    if (result == -EINVAL) {
        refuse_findings(client, diagnostics);
        return result;
    }
    if (result == 0)
        result = plan_merge(manager->plan, fresh, out);
    plan_free(fresh);
    if (result == 0) {
        keep_scaled(manager->plan, *out);
        return 0;
    }
    if (result == -E2BIG)
        (void)refusal_set_limit(&refusal, "types, those included that are gone", LIMIT_TYPES);
    else
        (void)refusal_set_errno(&refusal, -result);
    serve_refuse(client, &refusal);
    return result;
}

static void say_findings(struct manager *manager, const struct diagnostics *diagnostics)
{
    char text[DIAGNOSTIC_TEXT_BYTES];
    for (size_t i = 0; i < diagnostics->count; i++)
        show_system(&manager->show,
                    str_of(diagnostic_format(&diagnostics->items[i], text, sizeof(text))));
}

static void say_reloaded(struct manager *manager, int result)
{
    struct buffer text = {0};
    if (result == 0)
        buffer_append_text(&text, "the files were read again");
    else if (result == -EINVAL)
        buffer_append_text(&text, "not reloaded: the files have errors");
    else
        buffer_append_format(&text, "not reloaded: %s", strerrordesc_np(-result));
    show_system(&manager->show, buffer_str(&text));
    buffer_fini(&text);
}

// Nobody waits for an answer: everybody is told.
void reload_by_signal(struct manager *manager)
{
    struct diagnostics diagnostics = {0};
    struct plan *fresh = NULL;
    struct plan *merged = NULL;
    if (supervisor_formation(manager->supervisor)->phase != FORMATION_RUNNING)
        return;
    int result = load_fresh(manager, &diagnostics, &fresh);
    if (result == 0)
        result = plan_merge(manager->plan, fresh, &merged);
    plan_free(fresh);
    if (result == 0) {
        keep_scaled(manager->plan, merged);
        result = serve_adopt_plan(manager, NULL, merged);
        scaling_follow_plan(manager);
    }
    say_findings(manager, &diagnostics);
    say_reloaded(manager, result);
    diagnostics_fini(&diagnostics);
}

void reload_serve(struct manager *manager, struct client *client, struct request *request)
{
    struct diagnostics *diagnostics = calloc(1, sizeof(*diagnostics));
    struct plan *merged = NULL;
    if (!diagnostics || make_merged(manager, client, diagnostics, &merged) < 0) {
        client->out.failed = client->out.failed || !diagnostics;
        request_fini(request);
    } else {
        size_t most = LIMIT_PROCESSES;
        struct subscription *subscription = wait_new(manager, client, request, most);
        if (subscription && put_in_force(manager, subscription, merged) == 0) {
            put_findings(&subscription->changes, "warnings", diagnostics, SEVERITY_WARNING);
            wait_begin(manager, subscription);
        } else if (!subscription) {
            plan_free(merged);
            client->out.failed = true;
        }
    }
    if (diagnostics)
        diagnostics_fini(diagnostics);
    free(diagnostics);
}
