// SPDX-License-Identifier: MIT
// The place that became free last is used first: its memory is warm. An event may be of a
// connection that was closed by an earlier one of the same batch, so marks hold a generation.
#include "route/connections.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int connections_init(struct connections *connections, size_t capacity)
{
    assert(capacity < UINT32_MAX / SIDES);
    *connections = (struct connections){
        .items = calloc(capacity, sizeof(*connections->items)),
        .capacity = capacity,
    };
    return connections->items ? 0 : -ENOMEM;
}

void connections_fini(struct connections *connections)
{
    free(connections->items);
    *connections = (struct connections){0};
}

struct connection *connections_add(struct connections *connections)
{
    struct connection *connection = connections->free;
    if (connection)
        connections->free = connection->next;
    else if (connections->used < connections->capacity)
        connection = &connections->items[connections->used++];
    else
        return NULL;
    uint32_t generation = connection->generation + 1;
    *connection = (struct connection){
        .generation = generation == 0 ? 1 : generation,
        .state = CONNECTION_WAITING,
        .sides = {{.fd = -1}, {.fd = -1}},
    };
    connections->count++;
    return connection;
}

void connections_remove(struct connections *connections, struct connection *connection)
{
    assert(!connection->list && connection->state != CONNECTION_FREE);
    connection->state = CONNECTION_FREE;
    connection->next = connections->free;
    connections->free = connection;
    connections->count--;
}

static void insert(struct connection_list *list, struct connection *before,
                   struct connection *connection)
{
    assert(!connection->list);
    connection->list = list;
    connection->previous = before;
    connection->next = before ? before->next : list->first;
    *(before ? &before->next : &list->first) = connection;
    *(connection->next ? &connection->next->previous : &list->last) = connection;
    list->count++;
}

void connection_enlist(struct connection_list *list, struct connection *connection)
{
    insert(list, list->last, connection);
}

void connection_delist(struct connection *connection)
{
    struct connection_list *list = connection->list;
    if (!list)
        return;
    *(connection->previous ? &connection->previous->next : &list->first) = connection->next;
    *(connection->next ? &connection->next->previous : &list->last) = connection->previous;
    list->count--;
    connection->list = NULL;
    connection->next = connection->previous = NULL;
}

// One that comes back has its place near the first ones, a new one behind the last.
void connection_enlist_by_age(struct connection_list *list, struct connection *connection)
{
    struct connection *before = list->last;
    if (before && before->accepted_at > connection->accepted_at) {
        before = NULL;
        for (struct connection *at = list->first; at->accepted_at <= connection->accepted_at;
             at = at->next)
            before = at;
    }
    insert(list, before, connection);
}

uint64_t connection_mark(const struct connections *connections, const struct connection *of,
                         unsigned side)
{
    size_t index = (size_t)(of - connections->items);
    return (uint64_t)of->generation << 32 | (uint64_t)(index * SIDES + side);
}

struct connection *connection_of_mark(const struct connections *connections, uint64_t mark,
                                      unsigned *side)
{
    uint32_t low = (uint32_t)mark;
    size_t index = low / SIDES;
    if (index >= connections->used)
        return NULL;
    struct connection *connection = &connections->items[index];
    if (connection->state == CONNECTION_FREE || connection->generation != mark >> 32)
        return NULL;
    *side = low % SIDES;
    return connection;
}
