// SPDX-License-Identifier: MIT
// The merged plan is put together from borrowed parts, then written and read as an archive: that
// copies every text and table of it.
#include "plan/merge.h"

#include "base/limits.h"
#include "base/name_index.h"
#include "plan/archive.h"

#include <errno.h>

struct merging {
    const struct plan *old;
    const struct plan *fresh;
    struct process_type *types; // of the merged plan
    size_t count;
    uint16_t place_of[LIMIT_TYPES]; // in `types`, of each type of `fresh`
    bool is_placed[LIMIT_TYPES];
    struct arena arena;
};

// The index of the first type of that name that has no place yet, or type_count. Foreman's
// Procfile may have a name twice.
static size_t find_fresh(const struct merging *merging, struct str name)
{
    const struct plan *fresh = merging->fresh;
    for (size_t i = 0; i < fresh->type_count; i++)
        if (!merging->is_placed[i] && str_equal(fresh->types[i].name, name))
            return i;
    return fresh->type_count;
}

static void place(struct merging *merging, size_t index)
{
    merging->is_placed[index] = true;
    merging->place_of[index] = (uint16_t)merging->count;
    merging->types[merging->count++] = merging->fresh->types[index];
}

static void place_types(struct merging *merging)
{
    const struct plan *old = merging->old;
    const struct plan *fresh = merging->fresh;
    for (size_t i = 0; i < old->type_count; i++) {
        size_t found = find_fresh(merging, old->types[i].name);
        if (found < fresh->type_count) {
            place(merging, found);
            continue;
        }
        struct process_type gone = old->types[i];
        gone.is_gone = true;
        gone.quantity = gone.declared = 0;
        gone.after = NULL;
        gone.after_count = 0;
        merging->types[merging->count++] = gone;
    }
    for (size_t i = 0; i < fresh->type_count; i++)
        if (!merging->is_placed[i])
            place(merging, i);
}

// What `fresh` waits for has other indices now.
static int place_after(struct merging *merging)
{
    const struct plan *fresh = merging->fresh;
    for (size_t i = 0; i < fresh->type_count; i++) {
        const struct process_type *from = &fresh->types[i];
        uint16_t *after = arena_alloc(&merging->arena, from->after_count * sizeof(*after));
        if (!after)
            return -ENOMEM;
        for (size_t j = 0; j < from->after_count; j++)
            after[j] = merging->place_of[from->after[j]];
        merging->types[merging->place_of[i]].after = after;
    }
    return 0;
}

static int merge(struct merging *merging, struct plan **out)
{
    size_t most = merging->old->type_count + merging->fresh->type_count;
    merging->types = arena_alloc(&merging->arena, most * sizeof(*merging->types));
    if (!merging->types)
        return -ENOMEM;
    place_types(merging);
    if (merging->count > LIMIT_TYPES)
        return -E2BIG;
    if (place_after(merging) != 0)
        return -ENOMEM;
    struct plan merged = *merging->fresh;
    merged.types = merging->types;
    merged.type_count = merging->count;
    return archive_copy(&merged, out);
}

// The variables of a process of one type, each name once: what launch_make() puts above those that
// are inherited.
struct effective {
    struct variable *variables; // their texts are borrowed
    size_t count;
    struct name_index index;
};

static void add_variables(struct effective *effective, const struct plan *plan,
                          const struct environment *environment)
{
    for (size_t i = 0; i < environment->count; i++) {
        struct variable variable = environment->variables[i];
        size_t at = effective->count;
        // The formation's own values beat these.
        if (str_is(variable.name, "PS") || (plan->has_port && str_is(variable.name, "PORT")))
            continue;
        if (!name_index_find(&effective->index, variable.name, &at))
            name_index_put(&effective->index, variable.name, effective->count++);
        effective->variables[at] = variable;
    }
}

static int effective_init(struct effective *effective, const struct plan *plan,
                          const struct process_type *type, struct arena *arena)
{
    size_t most = plan->environment.count + type->environment.count;
    *effective = (struct effective){
        .variables = arena_alloc(arena, most * sizeof(*effective->variables)),
    };
    if (!effective->variables || name_index_init(&effective->index, most, arena) != 0)
        return -ENOMEM;
    add_variables(effective, plan, &plan->environment);
    add_variables(effective, plan, &type->environment);
    return 0;
}

static bool effective_differs(const struct effective *a, const struct effective *b)
{
    size_t at;
    if (a->count != b->count)
        return true;
    for (size_t i = 0; i < a->count; i++)
        if (!name_index_find(&b->index, a->variables[i].name, &at) ||
            !str_equal(a->variables[i].value, b->variables[at].value))
            return true;
    return false;
}

static bool environment_differs(const struct plan *old, const struct plan *merged, uint16_t index)
{
    const struct process_type *before = &old->types[index];
    const struct process_type *now = &merged->types[index];
    struct arena arena = {0};
    struct effective a;
    struct effective b;
    // NOTIFY_SOCKET and WATCHDOG_USEC are variables, too.
    if (plan_type_notifies(before) != plan_type_notifies(now) ||
        before->policy.watchdog != now->policy.watchdog)
        return true;
    bool differs = effective_init(&a, old, before, &arena) != 0 ||
                   effective_init(&b, merged, now, &arena) != 0 || effective_differs(&a, &b);
    arena_fini(&arena);
    return differs;
}

static bool limits_differ(const struct tree_limits *before, const struct tree_limits *now)
{
    return before->memory_bytes != now->memory_bytes ||
           before->cpu_thousandths != now->cpu_thousandths || before->processes != now->processes;
}

static bool sockets_differ(const struct wanted_sockets *a, const struct wanted_sockets *b)
{
    bool differ = a->are_all != b->are_all || a->name_count != b->name_count;
    for (size_t i = 0; !differ && i < a->name_count; i++)
        differ = !str_equal(a->names[i], b->names[i]);
    return differ;
}

// Whether a process that runs by `old` would be started in another way by `merged`.
static bool type_differs(const struct plan *old, const struct plan *merged, uint16_t index)
{
    struct process_id first = {index, 1};
    if (merged->types[index].is_gone)
        return false;
    const struct process_type *before = &old->types[index];
    const struct process_type *now = &merged->types[index];
    return !str_equal(before->command, now->command) ||
           !str_equal(before->directory, now->directory) || before->tty != now->tty ||
           plan_port(old, first) != plan_port(merged, first) ||
           old->expands_like_foreman != merged->expands_like_foreman ||
           rights_differ(&before->confinement.rights, &now->confinement.rights) ||
           limits_differ(&before->confinement.tree, &now->confinement.tree) ||
           listening_differs(&before->listening, &now->listening) ||
           sockets_differ(&before->sockets, &now->sockets) ||
           environment_differs(old, merged, index);
}

int plan_merge(const struct plan *old, const struct plan *fresh, struct plan **out)
{
    struct merging merging = {.old = old, .fresh = fresh};
    int result = merge(&merging, out);
    arena_fini(&merging.arena);
    for (uint16_t i = 0; result == 0 && i < old->type_count; i++)
        (*out)->types[i].revision = old->types[i].revision + type_differs(old, *out, i);
    return result;
}
