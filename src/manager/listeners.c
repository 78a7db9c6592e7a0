// SPDX-License-Identifier: MIT
// An address is noted in memory that outlives us before its socket goes to the guard, and forgotten
// after that has let go of it: so the next manager asks the guard for each that was noted, and what
// is not there is opened anew.
#include "manager/listeners.h"

#include "config/diagnostic.h"
#include "manager/listening.h"
#include "manager/state.h"
#include "os/listener.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char *text_of(const struct manager *manager, int number)
{
    return manager->memory->listeners[number];
}

// Types for which somebody listens though none of their processes runs would have their place here.
static const struct listening *wanted_of(const struct process_type *type)
{
    static const struct listening none;
    bool is_wanted = !type->is_gone && type->quantity > 0;
    return is_wanted ? &type->listening : &none;
}

// -1: there is none.
static int find_number(const struct manager *manager, const char *text)
{
    for (int i = 0; i < LIMIT_LISTENERS; i++)
        if (strcmp(text_of(manager, i), text) == 0)
            return i;
    return -1;
}

static int find_vacant(const struct manager *manager)
{
    for (int i = 0; i < LIMIT_LISTENERS; i++)
        if (!text_of(manager, i)[0])
            return i;
    return -1;
}

int listeners_find(const struct manager *manager, const struct listener *listener)
{
    char text[LISTENER_TEXT_BYTES];
    int number = find_number(manager, listener_text(listener, text));
    return number < 0 ? -1 : manager->listeners.fds[number];
}

// --- opening

static void give_to_guard(struct manager *manager, int number)
{
    act_send(manager, (struct guard_request){.kind = GUARD_LISTEN, .value = number},
             &manager->listeners.fds[number], 1);
}

// One that runs has an address that the new one would be a part of, or the other way round.
static bool is_in_our_way(const struct manager *manager, const struct listener *wanted, char *out)
{
    for (int i = 0; i < LIMIT_LISTENERS; i++) {
        struct listener ours = {.path = str_of("")};
        if (!text_of(manager, i)[0] || listener_parse(str_of(text_of(manager, i)), &ours) != NULL ||
            !listeners_collide(&ours, wanted))
            continue;
        (void)listener_text(&ours, out);
        return true;
    }
    return false;
}

static int open_one(struct manager *manager, const struct listener *listener, struct error *error)
{
    char text[LISTENER_TEXT_BYTES];
    char other[LISTENER_TEXT_BYTES];
    struct listener_spec spec = listening_spec(listener);
    int number = find_number(manager, listener_text(listener, text));
    if (number >= 0)
        return manager->listeners.fds[number] < 0
                   ? 0
                   : listener_tune(manager->listeners.fds[number], &spec, error);
    number = find_vacant(manager);
    if (number < 0)
        return error_set(error, EMFILE,
                         "%s cannot be opened: there are %d sockets already, those "
                         "included that are no longer in the files",
                         text, LIMIT_LISTENERS);
    if (is_in_our_way(manager, listener, other))
        return error_set(error, EADDRINUSE,
                         "%s cannot be opened while processes of the formation have %s: change it "
                         "with a new start, or in two reloads with neither of them between",
                         text, other);
    int result = listener_open(&spec, &manager->listeners.fds[number], error);
    if (result < 0)
        return result;
    (void)snprintf(text_of(manager, number), LISTENER_TEXT_BYTES, "%s", text);
    give_to_guard(manager, number);
    return 0;
}

// Whether processes may have the port already: they would be in the way of a look at it, if they
// are another user's.
static bool is_shared_already(const struct manager *manager, const struct plan *plan,
                              const struct listener *listener)
{
    const struct plan *now = manager->plan;
    char ours[LISTENER_TEXT_BYTES];
    char wanted[LISTENER_TEXT_BYTES];
    for (size_t i = 0; now != plan && i < now->type_count; i++) {
        const struct listening *listening = wanted_of(&now->types[i]);
        if (listening->count > 0 && listening->share == LISTENER_REUSEPORT &&
            strcmp(listener_text(&listening->items[0], ours), listener_text(listener, wanted)) == 0)
            return true;
    }
    return false;
}

static int need(struct manager *manager, const struct plan *plan, const struct listening *listening,
                const struct listener *listener, struct error *error)
{
    struct listener_spec spec;
    switch (listening->share) {
    case LISTENER_PASS:
        return open_one(manager, listener, error);
    case LISTENER_REUSEPORT:
        spec = listening_spec(listener);
        return is_shared_already(manager, plan, listener) ? 0 : listener_check_shared(&spec, error);
    case LISTENER_ROUTE: // the router's: config/declaration_listen.c takes none yet
    case LISTENER_SHARES:
        break;
    }
    return 0;
}

int listeners_need(struct manager *manager, const struct plan *plan,
                   struct diagnostics *diagnostics)
{
    int result = 0;
    for (size_t i = 0; i < plan->type_count; i++) {
        const struct listening *listening = wanted_of(&plan->types[i]);
        for (size_t j = 0; j < listening->count; j++) {
            struct error error;
            if (need(manager, plan, listening, &listening->items[j], &error) == 0)
                continue;
            diagnostics_error(diagnostics, listening->items[j].origin, "%.*s: %s",
                              STR_ARGS(plan->types[i].name), error.text);
            result = -EINVAL;
        }
    }
    if (result < 0 && plan != manager->plan)
        listeners_drop(manager);
    return result;
}

// --- closing

static bool is_wanted(const struct plan *plan, const char *text)
{
    char other[LISTENER_TEXT_BYTES];
    for (size_t i = 0; i < plan->type_count; i++) {
        const struct listening *listening = wanted_of(&plan->types[i]);
        for (size_t j = 0; j < listening->count && listening->share == LISTENER_PASS; j++)
            if (strcmp(listener_text(&listening->items[j], other), text) == 0)
                return true;
    }
    return false;
}

static void remove_file(struct manager *manager, int number)
{
    if (text_of(manager, number)[0] == '/' && manager->listeners.fds[number] >= 0)
        listener_remove_file(manager->listeners.fds[number], text_of(manager, number));
}

void listeners_drop(struct manager *manager)
{
    for (int i = 0; i < LIMIT_LISTENERS; i++) {
        if (!text_of(manager, i)[0] || is_wanted(manager->plan, text_of(manager, i)))
            continue;
        remove_file(manager, i);
        act_send(manager, (struct guard_request){.kind = GUARD_CLOSE_LISTENER, .value = i}, NULL,
                 0);
        if (manager->listeners.fds[i] >= 0)
            (void)close(manager->listeners.fds[i]);
        manager->listeners.fds[i] = -1;
        text_of(manager, i)[0] = '\0';
    }
}

void listeners_remove_files(struct manager *manager)
{
    for (int i = 0; i < LIMIT_LISTENERS; i++)
        remove_file(manager, i);
}

void listeners_free(struct manager *manager)
{
    for (int i = 0; i < LIMIT_LISTENERS; i++)
        if (manager->listeners.fds[i] >= 0)
            (void)close(manager->listeners.fds[i]);
}

// --- a later manager

void listeners_init(struct manager *manager)
{
    for (int i = 0; i < LIMIT_LISTENERS; i++)
        manager->listeners.fds[i] = -1;
}

// What the guard has and we have no room for goes on to be given to processes by its number.
void listeners_open(struct manager *manager)
{
    for (int i = 0; i < LIMIT_LISTENERS; i++) {
        const struct guard_request request = {.kind = GUARD_FETCH_LISTENER, .value = i};
        struct guard_request answer = {.flags = 0};
        int fds[CHANNEL_DESCRIPTORS];
        size_t count = 0;
        if (!text_of(manager, i)[0])
            continue;
        if (act_fetch(manager, request, &answer, fds, &count) == 0)
            manager->listeners.fds[i] = fds[0];
        else if (!(answer.flags & GUARD_SPAWN_LISTENERS))
            text_of(manager, i)[0] = '\0';
    }
}

void listeners_restore(struct manager *manager)
{
    struct diagnostics diagnostics = {0};
    char text[DIAGNOSTIC_TEXT_BYTES];
    (void)listeners_need(manager, manager->plan, &diagnostics);
    listeners_drop(manager);
    for (size_t i = 0; i < diagnostics.count; i++)
        show_system(&manager->show,
                    str_of(diagnostic_format(&diagnostics.items[i], text, sizeof(text))));
    diagnostics_fini(&diagnostics);
}

// --- starting with them

int listeners_of(struct process *process, struct guard_listeners *out)
{
    struct manager *manager = process->manager;
    const struct process_record *record = supervisor_process(manager->supervisor, process->slot);
    const struct listening *listening = &manager->plan->types[record->id.type].listening;
    // A spawn may have failed since the guard had no room for the descriptor when we gave it one.
    bool gives_again = process->failed_stage == SPAWN_STAGE_DESCRIPTORS;
    out->count = 0;
    for (size_t i = 0; i < listening->count && listening->share == LISTENER_PASS; i++) {
        char text[LISTENER_TEXT_BYTES];
        struct error error;
        int result = 0;
        int number = find_number(manager, listener_text(&listening->items[i], text));
        if (number < 0)
            result = open_one(manager, &listening->items[i], &error);
        else if (gives_again && manager->listeners.fds[number] >= 0)
            give_to_guard(manager, number);
        if (result < 0)
            return result;
        number = number < 0 ? find_number(manager, text) : number;
        out->numbers[out->count++] = (uint32_t)number;
    }
    return 0;
}
