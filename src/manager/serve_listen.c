// SPDX-License-Identifier: MIT
// Lines and events for clients: first what is kept, then what comes. Whoever is too slow misses
// some and is told how many; supervision never waits for a listener.
#include "manager/serve.h"

#include "control/json_put.h"
#include "control/varlink.h"
#include "os/clock.h"

#include <stdlib.h>

static void put_lost(struct subscription *subscription, struct buffer *out)
{
    if (subscription->lost > 0)
        json_put_integer(out, "lost", (int64_t)subscription->lost);
    subscription->lost = 0;
}

void listen_finish(struct manager *manager, struct subscription *subscription)
{
    struct buffer *out = &subscription->client->out;
    varlink_reply_open(out);
    put_lost(subscription, out);
    varlink_reply_close(out, false);
    server_touch(subscription->client);
    subscription_free(manager, subscription);
}

// One that has caught up is told at once what it has missed, not with a next line that may not
// come.
bool listen_review(struct manager *manager)
{
    bool has_any = false;
    for (struct subscription *at = manager->subscriptions; at; at = at->next) {
        if (at->lost == 0 || !server_has_sent(at->client))
            continue;
        if (at->attached) {
            attach_tell_lost(at);
        } else {
            varlink_reply_open(&at->client->out);
            put_lost(at, &at->client->out);
            varlink_reply_close(&at->client->out, true);
        }
        server_touch(at->client);
        has_any = true;
    }
    return has_any;
}

static void put_line(const struct manager *manager, struct subscription *subscription,
                     unsigned source, const struct recent_line *line)
{
    const struct description description = serve_description(manager);
    struct buffer *out = &subscription->client->out;
    char name[PROCESS_NAME_BYTES] = "system";
    struct process_id id = show_process(line->owner);
    if (source != SHOW_SOURCE_SYSTEM)
        plan_process_name(manager->plan, id, name);
    varlink_reply_open(out);
    describe_line(out, "line", &description, line->at - description.wall_offset, str_of(name),
                  line->text, line->is_cut);
    put_lost(subscription, out);
    varlink_reply_close(out, true);
}

static bool wants_line(const struct subscription *subscription, unsigned source, uint32_t owner)
{
    if (source == SHOW_SOURCE_SYSTEM)
        return subscription->selection.is_all;
    return selection_has(&subscription->selection, show_process(owner));
}

static void hear_lines(void *context, const struct show_lines *lines)
{
    struct manager *manager = context;
    struct recent_line line = {.owner = lines->owner, .at = lines->at};
    for (struct subscription *at = manager->subscriptions; at; at = at->next) {
        if (at->request.kind != REQUEST_LOGS || !wants_line(at, lines->source, lines->owner))
            continue;
        size_t count = 0;
        for (; count < lines->count && server_has_room(at->client); count++) {
            line.text = lines->texts[count];
            put_line(manager, at, lines->source, &line);
            server_touch(at->client);
        }
        at->lost += lines->count - count;
    }
}

void listen_to_lines(struct manager *manager)
{
    manager->show.listener = hear_lines;
    manager->show.listener_context = manager;
}

struct kept_line {
    unsigned source;
    struct recent_line line;
};

static int compare_lines(const void *left, const void *right)
{
    const struct kept_line *a = left;
    const struct kept_line *b = right;
    return a->line.sequence < b->line.sequence ? -1 : a->line.sequence > b->line.sequence;
}

struct kept_lines {
    struct kept_line *items;
    size_t count;
    size_t capacity;
};

static void keep_line(struct kept_lines *lines, unsigned source, const struct recent_line *line)
{
    if (lines->count == lines->capacity) {
        size_t capacity = lines->capacity ? 2 * lines->capacity : 256;
        struct kept_line *items = realloc(lines->items, capacity * sizeof(*items));
        if (!items)
            return; // for want of memory, fewer
        lines->items = items;
        lines->capacity = capacity;
    }
    lines->items[lines->count++] = (struct kept_line){source, *line};
}

static void collect(const struct manager *manager, const struct subscription *subscription,
                    unsigned source, struct kept_lines *out)
{
    struct recent_line line;
    uint64_t cursor = 0;
    while (recent_next(&manager->memory->recent, source, &cursor, &line))
        if (line.at >= subscription->request.logs.since &&
            wants_line(subscription, source, line.owner))
            keep_line(out, source, &line);
}

static void put_kept_lines(struct manager *manager, struct subscription *subscription)
{
    struct kept_lines lines = {0};
    int64_t wanted = subscription->request.logs.lines;
    for (unsigned slot = 0; slot < supervisor_slot_count(manager->supervisor); slot++)
        collect(manager, subscription, slot, &lines);
    collect(manager, subscription, SHOW_SOURCE_SYSTEM, &lines);
    if (lines.count > 0)
        qsort(lines.items, lines.count, sizeof(*lines.items), compare_lines);
    bool has_limit = wanted != REQUEST_ALL_LINES && lines.count > (size_t)wanted;
    for (size_t i = has_limit ? lines.count - (size_t)wanted : 0; i < lines.count; i++)
        put_line(manager, subscription, lines.items[i].source, &lines.items[i].line);
    free(lines.items);
}

void serve_logs(struct manager *manager, struct client *client, struct request *request)
{
    struct selection selection;
    if (serve_select(manager, client, request, &selection) < 0) {
        request_fini(request);
        return;
    }
    struct subscription *subscription = wait_new(manager, client, request, 0);
    if (!subscription) {
        client->out.failed = true;
        return;
    }
    subscription->selection = selection;
    put_kept_lines(manager, subscription);
    if (!subscription->request.logs.follow) {
        listen_finish(manager, subscription);
        return;
    }
    listen_to_lines(manager);
}

static void put_event(const struct manager *manager, struct subscription *subscription,
                      const struct event *event)
{
    const struct description description = serve_description(manager);
    struct buffer *out = &subscription->client->out;
    varlink_reply_open(out);
    describe_event(out, "event", &description, event);
    put_lost(subscription, out);
    varlink_reply_close(out, true);
}

void listen_hear(struct manager *manager, const struct event *event)
{
    for (struct subscription *at = manager->subscriptions; at; at = at->next) {
        if (at->request.kind != REQUEST_EVENTS)
            continue;
        if (server_has_room(at->client)) {
            put_event(manager, at, event);
            server_touch(at->client);
        } else {
            at->lost++;
        }
    }
}

void serve_events(struct manager *manager, struct client *client, struct request *request)
{
    struct subscription *subscription = wait_new(manager, client, request, 0);
    struct journal_cursor cursor;
    struct event event;
    uint64_t lost;
    if (!subscription) {
        client->out.failed = true;
        return;
    }
    cursor.next = subscription->request.events.after + 1;
    while (journal_next(manager->journal, &cursor, &event, &lost)) {
        subscription->lost += subscription->request.events.after > 0 ? lost : 0;
        put_event(manager, subscription, &event);
    }
    if (!subscription->request.events.follow)
        listen_finish(manager, subscription);
}
