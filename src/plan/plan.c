// SPDX-License-Identifier: MIT
// A plan is one arena: whoever holds the plan holds every name in it, and frees all at once.
#include "plan/plan.h"

#include "base/limits.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

_Static_assert(LIMIT_NAME_BYTES + sizeof(".8192") <= PROCESS_NAME_BYTES, "a name fits its buffer");

void plan_free(struct plan *plan)
{
    if (!plan)
        return;
    arena_fini(&plan->arena);
    free(plan);
}

struct process_policy plan_default_policy(void)
{
    return (struct process_policy){
        .restart = RESTART_ALWAYS,
        .backoff_base = 50 * NSEC_PER_MSEC,
        .backoff_max = 30 * NSEC_PER_SEC,
        .backoff_reset = 10 * NSEC_PER_SEC,
        .stop_signal = SIGTERM,
        .stop_grace = 5 * NSEC_PER_SEC, // Foreman's --timeout
        .boot_limit = 60 * NSEC_PER_SEC,
        .watchdog = 0,
        .roll_surge = 0, // a second process would need a second port
        .roll_max_unavailable = 1,
    };
}

unsigned plan_port(const struct plan *plan, struct process_id id)
{
    if (!plan->has_port)
        return 0;
    unsigned shared = listening_port(&plan->types[id.type].listening);
    if (shared > 0)
        return shared;
    return plan->port_base + 100 * plan->types[id.type].port_index + id.number - 1;
}

const struct process_type *plan_find(const struct plan *plan, struct str name)
{
    for (size_t i = 0; i < plan->type_count; i++)
        if (str_equal(plan->types[i].name, name))
            return &plan->types[i];
    return NULL;
}

bool plan_type_notifies(const struct process_type *type)
{
    return type->ready.kind == PROBE_NOTIFY || type->policy.watchdog > 0;
}

bool plan_type_wants_sockets(const struct process_type *type)
{
    bool has_own = type->listening.count > 0 && type->listening.share == LISTENER_PASS;
    return type->sockets.are_all || type->sockets.name_count > 0 || has_own;
}

bool plan_type_is_auto(const struct process_type *type)
{
    return type->scale.is_set && !type->is_fixed && !type->is_gone;
}

unsigned plan_type_most(const struct process_type *type)
{
    bool may_grow = plan_type_is_auto(type) && type->scale.max > type->quantity;
    return may_grow ? type->scale.max : type->quantity;
}

unsigned plan_most_processes(const struct plan *plan)
{
    unsigned most = 0;
    for (size_t i = 0; i < plan->type_count; i++)
        most += plan_type_most(&plan->types[i]);
    return most;
}

unsigned plan_process_count(const struct plan *plan)
{
    unsigned count = 0;
    for (size_t i = 0; i < plan->type_count; i++)
        count += plan->types[i].quantity;
    return count;
}

const char *plan_process_name(const struct plan *plan, struct process_id id,
                              char out[PROCESS_NAME_BYTES])
{
    (void)snprintf(out, PROCESS_NAME_BYTES, "%.*s.%u", STR_ARGS(plan->types[id.type].name),
                   id.number);
    return out;
}
