// SPDX-License-Identifier: MIT
// Both sockets are watched once, edge-triggered, for all that there is: a request and its answer
// take four calls besides epoll_wait. What an event says is remembered until it has been dealt with
// to its end: until there is nothing more to read, or no room to write.
//
// An end is passed on as what it was: an orderly one of one direction by shutdown(2), while the
// other one goes on; a reset by a reset. What was sent before that has been moved by then.
#include "route/carry.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

// Memory of the kernel's comes back as others end, or never: so often it is tried.
#define STARVING_PAUSE (10 * NSEC_PER_MSEC)

// Each byte that is taken from a unix socket is an event "it has room"; of TCP there are few.
int carry_watch(struct router *router, struct connection *connection, unsigned side)
{
    struct connection_side *of = &connection->sides[side];
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLRDHUP | EPOLLET,
        .data.u64 = connection_mark(&router->connections, connection, side),
    };
    of->watches_room = !of->is_unix;
    if (of->watches_room)
        event.events |= EPOLLOUT;
    if (epoll_ctl(router->epoll, EPOLL_CTL_ADD, of->fd, &event) < 0)
        return -errno;
    of->is_watched = true;
    return 0;
}

// If there is room by now, that is an event at once.
static int watch_room(struct router *router, struct connection *connection, unsigned side)
{
    struct connection_side *of = &connection->sides[side];
    if (of->watches_room)
        return 0;
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
        .data.u64 = connection_mark(&router->connections, connection, side),
    };
    if (epoll_ctl(router->epoll, EPOLL_CTL_MOD, of->fd, &event) < 0)
        return -errno;
    of->watches_room = true;
    return 0;
}

static void close_side(struct connection_side *side, bool is_reset)
{
    const struct linger none = {.l_onoff = 1, .l_linger = 0};
    if (side->fd < 0)
        return;
    if (is_reset)
        (void)setsockopt(side->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    (void)close(side->fd);
    side->fd = -1;
}

void carry_end(struct router *router, struct connection *connection, bool is_reset)
{
    connection_delist(connection);
    for (unsigned side = 0; side < SIDES; side++) {
        flow_fini(&connection->flows[side], &router->pool);
        close_side(&connection->sides[side], is_reset);
    }
    switch (connection->state) {
    case CONNECTION_CONNECTING:
        backends_note_nothing(&router->backends, connection->place);
        break;
    case CONNECTION_OPEN:
        backends_note_end(&router->backends, connection->place);
        break;
    case CONNECTION_WAITING:
    case CONNECTION_FREE:
        break;
    }
    connections_remove(&router->connections, connection);
    router->is_changed = true;
}

// There will be no event for what is left to do.
static void put_off(struct router *router, struct connection *connection, unsigned side,
                    struct connection_list *list)
{
    connection->sides[side].has_more = true;
    if (connection->list)
        return;
    if (list == &router->connections.starving && list->count == 0)
        router->starved_until = router->now + STARVING_PAUSE;
    connection_enlist(list, connection);
}

static void end_direction(struct connection *connection, unsigned side)
{
    connection->sides[side].is_over = true;
    if (!connection->sides[!side].is_over)
        (void)shutdown(connection->sides[!side].fd, SHUT_WR);
}

// What follows from `news` of what this side sends.
static void settle(struct router *router, struct connection *connection, unsigned side,
                   enum flow_news news)
{
    struct connection_side *from = &connection->sides[side];
    struct connection_side *to = &connection->sides[!side];
    switch (news) {
    case FLOW_GOES_ON:
    case FLOW_DRY:
        break;
    case FLOW_STUCK:
        from->is_stuck = true;
        if (watch_room(router, connection, !side) < 0)
            put_off(router, connection, side, &router->connections.starving);
        break;
    case FLOW_YIELDED:
        put_off(router, connection, side, &router->connections.ready);
        break;
    case FLOW_SHORT:
        put_off(router, connection, side, &router->connections.starving);
        break;
    case FLOW_ENDED:
        if (!connection->is_broken)
            end_direction(connection, side);
        from->is_over = true;
        break;
    case FLOW_SOURCE_LOST: // nobody is there any more for what the other one sends
        connection->is_broken = true;
        from->is_over = to->is_over = true;
        break;
    case FLOW_TARGET_LOST: // what that one has sent before is still to be moved
        connection->is_broken = true;
        from->is_over = true;
        to->has_end = to->has_more = true;
        break;
    }
}

static void move(struct router *router, struct connection *connection, unsigned side)
{
    struct connection_side *from = &connection->sides[side];
    uint64_t *moved = side == CLIENT ? &router->totals.bytes_in : &router->totals.bytes_out;
    from->has_more = false;
    from->is_stuck = false;
    settle(router, connection, side,
           flow_move(&connection->flows[side], &router->pool, from->fd, connection->sides[!side].fd,
                     from->has_end, moved));
    router->is_changed = true;
}

// Of those who had ended to write, one that does not read either is to get nothing more: it is
// gone, or its process is.
static void end_if_over(struct router *router, struct connection *connection)
{
    const struct connection_side *client = &connection->sides[CLIENT];
    const struct connection_side *backend = &connection->sides[BACKEND];
    bool is_process_gone = !backends_is_listed(&router->backends, connection->place);
    bool is_unheard = (client->is_over && client->is_gone) ||
                      (backend->is_over && (backend->is_gone || is_process_gone));
    if (is_unheard || (client->is_over && backend->is_over))
        carry_end(router, connection, connection->is_broken);
}

// Moves what both sides have, now that one may have more.
static void move_both(struct router *router, struct connection *connection)
{
    struct connection_side *sides = connection->sides;
    for (unsigned side = 0; side < SIDES; side++)
        if (sides[side].has_more && !sides[side].is_over)
            move(router, connection, side);
    // Only what has become of the second one can have more for the first: that it is lost.
    if (sides[CLIENT].has_more && !sides[CLIENT].is_over && !connection->list)
        move(router, connection, CLIENT);
    end_if_over(router, connection);
}

void carry_begin(struct router *router, struct connection *connection)
{
    move_both(router, connection);
}

void carry_note_end(struct connection *connection, unsigned side, uint32_t events)
{
    struct connection_side *of = &connection->sides[side];
    bool is_gone = (events & (EPOLLHUP | EPOLLERR)) != 0;
    of->is_gone |= is_gone;
    of->has_end |= is_gone || (events & EPOLLRDHUP);
    connection->is_broken |= of->is_over && (events & EPOLLERR);
}

void carry_on(struct router *router, struct connection *connection, unsigned side, uint32_t events)
{
    struct connection_side *sides = connection->sides;
    bool is_gone = (events & (EPOLLHUP | EPOLLERR)) != 0;
    carry_note_end(connection, side, events);
    if (!sides[side].is_over && !sides[side].is_stuck && (events & ~(uint32_t)EPOLLOUT))
        sides[side].has_more = true;
    if (sides[!side].is_stuck && (is_gone || (events & EPOLLOUT)))
        sides[!side].has_more = true;
    if (!connection->list) // else it has its turn soon
        move_both(router, connection);
}

void carry_rest(struct router *router)
{
    struct connections *all = &router->connections;
    if (all->starving.first && router->now >= router->starved_until)
        while (all->starving.first) {
            struct connection *connection = all->starving.first;
            connection_delist(connection);
            connection_enlist(&all->ready, connection);
        }
    for (size_t left = all->ready.count; left > 0 && all->ready.first; left--) {
        struct connection *connection = all->ready.first;
        connection_delist(connection);
        move_both(router, connection);
    }
}

void carry_end_orphans(struct router *router)
{
    for (size_t i = 0; i < router->connections.used; i++) {
        struct connection *connection = &router->connections.items[i];
        if (connection->state == CONNECTION_OPEN)
            end_if_over(router, connection);
    }
}
