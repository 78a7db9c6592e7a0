// SPDX-License-Identifier: MIT
// A report holds all that there is to know, so one that finds no room in the channel is not
// missed: the next one says it, too. Nothing here waits for a manager.
#include "route/talk.h"

#include "route/carry.h"
#include "route/listen.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// What is urgent may be so a thousand times a second.
#define URGENT_AFTER (2 * NSEC_PER_MSEC)

// When the channel has no room.
#define AGAIN_AFTER (100 * NSEC_PER_MSEC)

static void take_table(struct router *router, const struct route_table *table)
{
    backends_take(&router->backends, table);
    router->settings = table->settings;
    router->table = table->head.number;
    router->is_changed = router->is_urgent = true;
    carry_end_orphans(router);
}

static void take(struct router *router, size_t size)
{
    const void *message = router->incoming;
    const char *why = NULL;
    struct route_head head;
    const struct route_table *table = route_message_table(message, size, &why);
    if (table) {
        take_table(router, table);
    } else if (route_message_kind(message, size) == ROUTE_ASK && size == sizeof(head)) {
        memcpy(&head, message, sizeof(head));
        router->question = head.number;
        router->is_changed = router->is_urgent = true;
    } else {
        router->totals.nonsense++;
        router->is_changed = router->is_urgent = true;
    }
}

void talk_hear(struct router *router)
{
    while (router->channel >= 0) {
        ssize_t size = recv(router->channel, router->incoming, sizeof(router->incoming),
                            MSG_DONTWAIT | MSG_TRUNC); // the size that it had
        if (size > 0) {
            take(router, (size_t)size);
        } else if (size < 0 && (errno == EAGAIN || errno == ENOMEM)) {
            return;
        } else if (size == 0 || errno != EINTR) {
            (void)close(router->channel);
            router->channel = -1;
        }
    }
}

static size_t count_open(const struct connections *connections)
{
    return connections->count - connections->waiting.count;
}

static const struct route_report *make_report(struct router *router)
{
    struct route_report *report = (struct route_report *)router->outgoing;
    const struct backends *backends = &router->backends;
    *report = (struct route_report){
        .head = {ROUTE_REPORT, ROUTE_VERSION, ++router->report_number},
        .table = router->table,
        .question = router->question,
        .waiting = (uint32_t)router->connections.waiting.count,
        .open = (uint32_t)count_open(&router->connections),
        .lingering = backends->lingering,
        .queued = router->is_listening ? 0 : listen_count_queued(router),
        .is_full = router->table != 0 && listen_is_full(router),
        .count = (uint32_t)backends->listed_count,
        .totals = router->totals,
    };
    for (size_t i = 0; i < backends->listed_count; i++) {
        size_t place = backends->listed[i];
        report->counts[i] = (struct route_count){
            .key = backends->items[place].key,
            .routed = backends->items[place].routed,
            .failed = backends->items[place].failed,
            .in_flight = backends->seats[place].in_flight,
        };
    }
    return report;
}

void talk_report(struct router *router)
{
    if (router->channel < 0)
        return;
    const struct route_report *report = make_report(router);
    size_t size = route_report_size(report->count);
    bool is_sent =
        send(router->channel, report, size, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size;
    router->reported_at = router->now;
    router->is_changed = !is_sent;
    router->is_urgent = false;
    router->is_unheard = !is_sent;
}

nsec_t talk_due_at(const struct router *router)
{
    if (router->channel < 0 || !router->is_changed)
        return NSEC_NEVER;
    if (router->is_unheard)
        return router->reported_at + AGAIN_AFTER;
    if (router->is_urgent)
        return router->reported_at + URGENT_AFTER;
    if (router->table == 0 || router->settings.report_after == 0)
        return NSEC_NEVER;
    return router->reported_at + router->settings.report_after;
}

void talk_rest(struct router *router)
{
    if (router->backends.has_drained)
        router->is_urgent = router->is_changed = true;
    router->backends.has_drained = false;
    if (talk_due_at(router) <= router->now)
        talk_report(router);
}
