// SPDX-License-Identifier: MIT
// The structs themselves go through the channel: no field has a gap before it, and every size is
// compared with the count that it must follow from.
#include "route/message.h"

#include <assert.h>
#include <string.h>

_Static_assert(sizeof(struct route_backend) == 128, "no gap");
_Static_assert(sizeof(struct route_table) == 56, "no gap");
_Static_assert(sizeof(struct route_count) == 32, "no gap");
_Static_assert(sizeof(struct route_report) == 56 + sizeof(struct route_totals), "no gap");

size_t route_table_size(size_t count)
{
    assert(count <= LIMIT_ROUTE_BACKENDS);
    return sizeof(struct route_table) + count * sizeof(struct route_backend);
}

size_t route_report_size(size_t count)
{
    assert(count <= LIMIT_ROUTE_BACKENDS);
    return sizeof(struct route_report) + count * sizeof(struct route_count);
}

enum route_kind route_message_kind(const void *message, size_t size)
{
    struct route_head head;
    if (size < sizeof(head))
        return 0;
    memcpy(&head, message, sizeof(head));
    if (head.version != ROUTE_VERSION || head.kind > ROUTE_REPORT)
        return 0;
    return (enum route_kind)head.kind;
}

// So that the sum of it and of a moment is a moment.
static bool is_duration(int64_t value)
{
    return value >= 0 && value <= NSEC_NEVER / 2;
}

static const char *fault_of_settings(const struct route_settings *settings)
{
    if (!is_duration(settings->hold))
        return "connections wait for a time that cannot be";
    if (!is_duration(settings->linger))
        return "connections go on for a time that cannot be";
    if (!is_duration(settings->report_after))
        return "reports come after a time that cannot be";
    if (settings->most_waiting == 0 || settings->most_waiting > LIMIT_ROUTE_WAITING)
        return "a number of waiting connections that cannot be";
    if (settings->preface > ROUTE_PREFACE_BINARY)
        return "an unknown version of the PROXY protocol";
    return NULL;
}

static const char *fault_of_backend(const struct route_backend *backend)
{
    const char *path = backend->address.path;
    if (backend->state != ROUTE_ACCEPTING && backend->state != ROUTE_DRAINING)
        return "an unknown state of a backend";
    switch (backend->family) {
    case ROUTE_IPV4:
    case ROUTE_IPV6:
        return backend->port == 0 ? "a backend at port 0" : NULL;
    case ROUTE_UNIX:
        if (path[0] == '\0' || !memchr(path, '\0', ROUTE_PATH_BYTES))
            return "a path of a backend that is empty or has no end";
        return NULL;
    default:
        return "an unknown kind of address of a backend";
    }
}

static const char *fault_of_table(const struct route_table *table, size_t size)
{
    if (size < sizeof(*table) || table->count > LIMIT_ROUTE_BACKENDS ||
        size != route_table_size(table->count))
        return "a table of the wrong size";
    if (table->head.number == 0)
        return "a table without a number";
    const char *fault = fault_of_settings(&table->settings);
    uint64_t last_key = 0;
    for (size_t i = 0; i < table->count && !fault; i++) {
        fault = fault_of_backend(&table->backends[i]);
        if (table->backends[i].key <= last_key)
            fault = "a table whose keys do not ascend";
        last_key = table->backends[i].key;
    }
    return fault;
}

const struct route_table *route_message_table(const void *message, size_t size, const char **why)
{
    const struct route_table *table = message;
    assert((uintptr_t)message % _Alignof(struct route_table) == 0);
    *why =
        route_message_kind(message, size) == ROUTE_TABLE ? fault_of_table(table, size) : "no table";
    return *why ? NULL : table;
}

const struct route_report *route_message_report(const void *message, size_t size)
{
    const struct route_report *report = message;
    assert((uintptr_t)message % _Alignof(struct route_report) == 0);
    bool is_whole = route_message_kind(message, size) == ROUTE_REPORT && size >= sizeof(*report) &&
                    report->count <= LIMIT_ROUTE_BACKENDS &&
                    size == route_report_size(report->count);
    return is_whole ? report : NULL;
}
