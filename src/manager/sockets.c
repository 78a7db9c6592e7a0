// SPDX-License-Identifier: MIT
// What the sockets are called is in our own environment, which is the guard's. The guard has looked
// whether they are for it, and are sockets.
#include "manager/sockets.h"

#include "manager/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

// The name of the guard's socket `index`; systemd's word where there is none.
static struct str name_of(unsigned index)
{
    const char *names = getenv("LISTEN_FDNAMES");
    struct str rest = str_of(names);
    struct str name = str_of("");
    for (unsigned i = 0; i <= index; i++)
        if (!str_next(&rest, ':', &name))
            name = str_of("");
    return name.size > 0 ? name : str_of("unknown");
}

static unsigned given(const struct manager *manager)
{
    int count = manager->board->socket_count;
    return count > 0 ? (unsigned)count : 0;
}

static bool is_wanted(const struct wanted_sockets *wanted, struct str name)
{
    for (size_t i = 0; i < wanted->name_count; i++)
        if (str_equal(wanted->names[i], name))
            return true;
    return wanted->are_all;
}

uint32_t sockets_of(const struct manager *manager, const struct process_type *type)
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < given(manager); i++)
        if (is_wanted(&type->sockets, name_of(i)))
            bits |= 1U << i;
    return bits;
}

static void put_name(struct buffer *names, struct str name)
{
    if (names->size > 0)
        buffer_append_char(names, ':'); // no name is empty
    buffer_append_str(names, name);
}

// The type's own come first: their numbers stand in its file, in a way, and nobody knows how many
// there are of the others.
static int put_own(const struct process_type *type, struct arena *arena, struct buffer *names,
                   struct launch *launch)
{
    const struct listening *listening = &type->listening;
    char number[16];
    int result = 0;
    for (unsigned i = 0; i < listening->count && result == 0; i++) {
        put_name(names, listening->items[i].name);
        (void)snprintf(number, sizeof(number), "%u", SOCKETS_FIRST + i);
        if (listening->items[i].variable.size > 0)
            result = launch_put(launch, arena, listening->items[i].variable.bytes, number);
    }
    return result;
}

int sockets_announce(const struct process_type *type, unsigned others, struct str other_names,
                     const char *pid, struct arena *arena, struct launch *launch)
{
    struct buffer names = {0};
    char count[16];
    bool has_own = type->listening.share == LISTENER_PASS;
    unsigned all = others + (has_own ? (unsigned)type->listening.count : 0);
    if (all == 0)
        return 0;
    int result = has_own ? put_own(type, arena, &names, launch) : 0;
    if (other_names.size > 0)
        put_name(&names, other_names);
    buffer_append_char(&names, '\0');
    (void)snprintf(count, sizeof(count), "%u", all);
    if (result == 0 && names.failed)
        result = -ENOMEM;
    if (result == 0)
        result = launch_put(launch, arena, "LISTEN_FDS", count);
    if (result == 0)
        result = launch_put(launch, arena, "LISTEN_FDNAMES", names.bytes);
    if (result == 0)
        result = launch_put(launch, arena, "LISTEN_PID", pid);
    buffer_fini(&names);
    return result;
}

int sockets_prepare(const struct manager *manager, const struct process_type *type,
                    struct arena *arena, struct launch *launch)
{
    // The process itself writes its pid there: os/spawn.h.
    static const char pid[PID_TEXT_BYTES] = "00000000000";
    uint32_t bits = sockets_of(manager, type);
    struct buffer names = {0};
    for (unsigned i = 0; i < LIMIT_SOCKETS; i++)
        if (bits & 1U << i)
            put_name(&names, name_of(i));
    int result = names.failed ? -ENOMEM
                              : sockets_announce(type, (unsigned)__builtin_popcount(bits),
                                                 buffer_str(&names), pid, arena, launch);
    buffer_fini(&names);
    return result;
}

// Why there is none at all, behind "web asks for sockets, and ".
static int say_none(const struct manager *manager, const char *who, struct error *error)
{
    const char *count = getenv("LISTEN_FDS");
    const char *pid = getenv("LISTEN_PID");
    switch (manager->board->socket_count) {
    case BOARD_SOCKETS_BROKEN:
        return error_set(error, ENOTSOCK,
                         "%s, and LISTEN_FDS says that there are %s, but not all of the "
                         "descriptors from 3 on are sockets",
                         who, count ? count : "some");
    case BOARD_SOCKETS_TOO_MANY:
        return error_set(error, ENOTSOCK,
                         "%s, and LISTEN_FDS says that there are %s: at most %d "
                         "can be passed on",
                         who, count ? count : "more", LIMIT_SOCKETS);
    default:
        break;
    }
    if (count && pid)
        return error_set(error, ENOTSOCK,
                         "%s, and those that were passed are for pid %s, not for ours, %d: what "
                         "starts formation has to become it, by exec",
                         who, pid, manager->board->guard_pid);
    return error_set(error, ENOTSOCK,
                     "%s, and none were passed to formation: a socket unit does that, or, to try, "
                     "systemd-socket-activate -l 8080 formation start",
                     who);
}

static int say_missing(const struct manager *manager, const char *who, struct str name,
                       struct error *error)
{
    struct buffer names = {0};
    for (unsigned i = 0; i < given(manager); i++)
        buffer_append_format(&names, "%s'%.*s'", i ? ", " : "", STR_ARGS(str_excerpt(name_of(i))));
    int result = error_set(error, ENOTSOCK,
                           "%s, and none of that name was passed to formation: "
                           "'%.*s' (there is %.*s)",
                           who, STR_ARGS(str_excerpt(name)), STR_ARGS(buffer_str(&names)));
    buffer_fini(&names);
    return result;
}

static bool is_given(const struct manager *manager, struct str name)
{
    for (unsigned i = 0; i < given(manager); i++)
        if (str_equal(name_of(i), name))
            return true;
    return false;
}

int sockets_check(const struct manager *manager, const struct plan *plan, struct error *error)
{
    for (size_t i = 0; i < plan->type_count; i++) {
        const struct process_type *type = &plan->types[i];
        const struct wanted_sockets *wanted = &type->sockets;
        char who[PROCESS_NAME_BYTES + 64];
        if (type->quantity == 0 || (!wanted->are_all && wanted->name_count == 0))
            continue;
        (void)snprintf(who, sizeof(who), "%.*s asks for %s", STR_ARGS(type->name),
                       wanted->name_count == 1 ? "a socket" : "sockets");
        if (given(manager) == 0)
            return say_none(manager, who, error);
        size_t most =
            LIMIT_SOCKETS - (type->listening.share == LISTENER_PASS ? type->listening.count : 0);
        if ((unsigned)__builtin_popcount(sockets_of(manager, type)) > most)
            return error_set(error, E2BIG, "%s, of which it gets more than %zu", who, most);
        for (size_t j = 0; j < wanted->name_count; j++)
            if (!is_given(manager, wanted->names[j]))
                return say_missing(manager, who, wanted->names[j], error);
    }
    return 0;
}
