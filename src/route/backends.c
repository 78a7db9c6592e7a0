// SPDX-License-Identifier: MIT
// Connections refer to places, so nothing moves: a place is used again when nobody refers to it.
// There are never more of them than a table has backends and than there are connections, so all of
// the memory is had from the start; the kernel gives a page once it is written.
#include "route/backends.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int backends_init(struct backends *backends, size_t connections)
{
    size_t capacity = LIMIT_ROUTE_BACKENDS + connections;
    *backends = (struct backends){
        .seats = calloc(capacity, sizeof(*backends->seats)),
        .items = calloc(capacity, sizeof(*backends->items)),
        .listed = calloc(LIMIT_ROUTE_BACKENDS, sizeof(*backends->listed)),
        .capacity = capacity,
        .last_chosen = BALANCE_NONE,
    };
    if (backends->seats && backends->items && backends->listed)
        return 0;
    backends_fini(backends);
    return -ENOMEM;
}

void backends_fini(struct backends *backends)
{
    free(backends->seats);
    free(backends->items);
    free(backends->listed);
    *backends = (struct backends){0};
}

static void set_address(struct backend *backend, const struct route_backend *from)
{
    struct sockaddr_in *four = (struct sockaddr_in *)&backend->address.local;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&backend->address.local;
    struct sockaddr_un *local = &backend->address.local;
    memset(local, 0, sizeof(*local));
    switch ((enum route_family)from->family) {
    case ROUTE_IPV4:
        four->sin_family = AF_INET;
        four->sin_port = htons(from->port);
        memcpy(&four->sin_addr, from->address.ip, sizeof(four->sin_addr));
        backend->address_size = sizeof(*four);
        break;
    case ROUTE_IPV6:
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(from->port);
        memcpy(&six->sin6_addr, from->address.ip, sizeof(six->sin6_addr));
        backend->address_size = sizeof(*six);
        break;
    case ROUTE_UNIX:
        local->sun_family = AF_UNIX;
        memcpy(local->sun_path, from->address.path, sizeof(local->sun_path));
        backend->address_size =
            (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(local->sun_path) + 1);
        break;
    }
}

static size_t find_free(const struct backends *backends, size_t from)
{
    while (from < backends->count && backends->items[from].key != 0)
        from++;
    return from;
}

static void release_if_unused(struct backends *backends, size_t place)
{
    struct backend *backend = &backends->items[place];
    if (backend->is_listed || backends->seats[place].in_flight > 0)
        return;
    backend->key = 0;
    while (backends->count > 0 && backends->items[backends->count - 1].key == 0)
        backends->count--;
}

// A process that is ready again after it was not is a new chance.
static void update(struct backends *backends, size_t place, const struct route_backend *from)
{
    struct backend *backend = &backends->items[place];
    struct balance_seat *seat = &backends->seats[place];
    bool is_accepting = from->state == ROUTE_ACCEPTING;
    if (!seat->is_accepting || !is_accepting)
        balance_note_success(seat);
    seat->is_accepting = is_accepting;
    backend->is_draining = !is_accepting;
    set_address(backend, from);
}

static size_t add(struct backends *backends, size_t *hint, const struct route_backend *from)
{
    size_t place = find_free(backends, *hint);
    *hint = place + 1;
    if (place == backends->count)
        backends->count++;
    assert(backends->count <= backends->capacity);
    backends->seats[place] = (struct balance_seat){0};
    backends->items[place] = (struct backend){.key = from->key, .is_listed = true};
    update(backends, place, from);
    return place;
}

static void unlist(struct backends *backends, size_t place)
{
    backends->items[place].is_listed = false;
    backends->seats[place].is_accepting = false;
    backends->lingering += backends->seats[place].in_flight;
}

// Both lists ascend. What is in the old one only goes, what is in the new one only comes; `old` is
// the list itself, and is written behind what was read of it.
void backends_take(struct backends *backends, const struct route_table *table)
{
    uint32_t places[LIMIT_ROUTE_BACKENDS] = {0};
    size_t hint = 0;
    size_t at = 0;
    for (size_t i = 0; i < table->count; i++) {
        const struct route_backend *from = &table->backends[i];
        while (at < backends->listed_count && backends->items[backends->listed[at]].key < from->key)
            unlist(backends, backends->listed[at++]);
        bool is_known =
            at < backends->listed_count && backends->items[backends->listed[at]].key == from->key;
        if (is_known) {
            places[i] = backends->listed[at++];
            update(backends, places[i], from);
        } else {
            places[i] = (uint32_t)add(backends, &hint, from);
        }
    }
    while (at < backends->listed_count)
        unlist(backends, backends->listed[at++]);
    backends->listed_count = table->count;
    memcpy(backends->listed, places, table->count * sizeof(places[0]));
    for (size_t i = backends->count; i-- > 0;)
        if (i < backends->count && backends->items[i].key != 0)
            release_if_unused(backends, i);
}

size_t backends_choose(struct backends *backends, nsec_t now)
{
    size_t place = balance_choose(backends->seats, backends->count, backends->last_chosen, now);
    if (place == BALANCE_NONE)
        return place;
    backends->last_chosen = place;
    backends->seats[place].in_flight++;
    backends->seats[place].connecting++;
    return place;
}

static void note_gone(struct backends *backends, size_t place)
{
    assert(backends->seats[place].in_flight > 0);
    backends->seats[place].in_flight--;
    backends->has_drained |=
        backends->items[place].is_draining && backends->seats[place].in_flight == 0;
    if (!backends->items[place].is_listed)
        backends->lingering--;
    release_if_unused(backends, place);
}

void backends_note_success(struct backends *backends, size_t place)
{
    assert(backends->seats[place].connecting > 0);
    backends->seats[place].connecting--;
    balance_note_success(&backends->seats[place]);
    backends->items[place].routed++;
}

void backends_note_nothing(struct backends *backends, size_t place)
{
    assert(backends->seats[place].connecting > 0);
    backends->seats[place].connecting--;
    note_gone(backends, place);
}

void backends_note_failure(struct backends *backends, size_t place, nsec_t now)
{
    backends->items[place].failed++;
    balance_note_failure(&backends->seats[place], now);
    backends_note_nothing(backends, place);
}

void backends_note_busy(struct backends *backends, size_t place, nsec_t now)
{
    backends->items[place].failed++;
    balance_note_busy(&backends->seats[place], now);
    backends_note_nothing(backends, place);
}

void backends_note_end(struct backends *backends, size_t place)
{
    note_gone(backends, place);
}

nsec_t backends_due_at(const struct backends *backends)
{
    return balance_due_at(backends->seats, backends->count);
}

bool backends_is_listed(const struct backends *backends, size_t place)
{
    return backends->items[place].is_listed;
}
