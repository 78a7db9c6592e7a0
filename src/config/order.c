// SPDX-License-Identifier: MIT
// Names become indices; then a walk along them, depth first, meets a type that it is still inside
// of exactly where types wait for each other.
#include "config/order.h"

#include "base/buffer.h"
#include "base/limits.h"

#include <errno.h>

enum visit { UNSEEN, INSIDE, DONE };

struct ordering {
    const struct declaration *declaration;
    struct plan *plan;
    struct diagnostics *diagnostics;
    enum visit visits[LIMIT_TYPES];
    uint16_t path[LIMIT_TYPES]; // those that are INSIDE, each waits for the next
    size_t depth;
};

static const struct declared_type *declared_of(const struct ordering *ordering, struct str name)
{
    for (size_t i = 0; i < ordering->declaration->type_count; i++)
        if (str_equal(ordering->declaration->types[i].name, name))
            return &ordering->declaration->types[i];
    return NULL;
}

static void report_unknown(const struct ordering *ordering, const struct declared_name *wanted)
{
    const struct plan *plan = ordering->plan;
    struct str names[LIMIT_TYPES];
    struct str nearest = str_of("");
    for (size_t i = 0; i < plan->type_count; i++)
        names[i] = plan->types[i].name;
    // Nobody reads more, and looking for it takes longer than all the rest.
    if (ordering->diagnostics->error_count < LIMIT_DIAGNOSTICS)
        nearest = str_nearest(wanted->name, names, plan->type_count);
    if (nearest.size)
        diagnostics_error(ordering->diagnostics, wanted->origin,
                          "there is no process type '%.*s': did you mean '%.*s'?",
                          STR_ARGS(str_excerpt(wanted->name)), STR_ARGS(nearest));
    else
        diagnostics_error(ordering->diagnostics, wanted->origin, "there is no process type '%.*s'",
                          STR_ARGS(str_excerpt(wanted->name)));
}

// Adds the types of that name to `after`: more than one in a Procfile that Foreman would take.
static void add_wanted(struct ordering *ordering, const struct process_type *type,
                       const struct declared_name *wanted, uint16_t *after, size_t *count)
{
    const struct plan *plan = ordering->plan;
    bool is_known = false;
    if (str_equal(wanted->name, type->name)) {
        diagnostics_error(ordering->diagnostics, wanted->origin, "'%.*s' cannot wait for itself",
                          STR_ARGS(type->name));
        return;
    }
    for (size_t i = 0; i < plan->type_count; i++) {
        if (!str_equal(plan->types[i].name, wanted->name))
            continue;
        bool is_there = false;
        for (size_t j = 0; j < *count; j++)
            is_there |= after[j] == i;
        if (!is_there)
            after[(*count)++] = (uint16_t)i;
        if (!is_known && type->quantity > 0 && plan->types[i].quantity == 0)
            diagnostics_warn(ordering->diagnostics, wanted->origin,
                             "'%.*s' waits for nothing here: the quantity of '%.*s' is 0",
                             STR_ARGS(type->name), STR_ARGS(wanted->name));
        is_known = true;
    }
    if (!is_known)
        report_unknown(ordering, wanted);
}

static int resolve_type(struct ordering *ordering, struct process_type *type)
{
    const struct declared_type *declared = declared_of(ordering, type->name);
    if (!declared || declared->after_count == 0)
        return 0;
    struct plan *plan = ordering->plan;
    uint16_t *after = arena_alloc(&plan->arena, plan->type_count * sizeof(*after));
    if (!after)
        return -ENOMEM;
    size_t count = 0;
    for (size_t i = 0; i < declared->after_count; i++)
        add_wanted(ordering, type, &declared->after[i], after, &count);
    type->after = after;
    type->after_count = count;
    return 0;
}

// Where it stands that `waiting` waits for `wanted`.
static struct origin origin_of(const struct ordering *ordering, const struct process_type *waiting,
                               const struct process_type *wanted)
{
    const struct declared_type *declared = declared_of(ordering, waiting->name);
    for (size_t i = 0; declared && i < declared->after_count; i++)
        if (str_equal(declared->after[i].name, wanted->name))
            return declared->after[i].origin;
    return waiting->origin;
}

// "web waits for db, db for web", from `start` of the path, whose last type waits for its first.
static int report_cycle(const struct ordering *ordering, size_t start)
{
    enum { MOST_TEXT = 600 }; // bytes before the rest is left out: a finding has room for 1000
    const struct process_type *types = ordering->plan->types;
    const struct process_type *last = &types[ordering->path[ordering->depth - 1]];
    const struct process_type *first = &types[ordering->path[start]];
    struct buffer text = {0};
    bool is_cut = false;
    for (size_t i = start; i < ordering->depth; i++) {
        bool is_last = i + 1 == ordering->depth;
        if (!is_last && text.size > MOST_TEXT) {
            buffer_append_text(&text, is_cut ? "" : ", and so on");
            is_cut = true;
            continue;
        }
        buffer_append_text(&text, i > start ? ", " : "");
        buffer_append_str(&text, types[ordering->path[i]].name);
        buffer_append_text(&text, i > start ? " for " : " waits for ");
        buffer_append_str(&text, is_last ? first->name : types[ordering->path[i + 1]].name);
    }
    int result = text.failed ? -ENOMEM : 0;
    if (result == 0)
        diagnostics_error(ordering->diagnostics, origin_of(ordering, last, first),
                          "none of these would ever start: %.*s", STR_ARGS(buffer_str(&text)));
    buffer_fini(&text);
    return result;
}

// How deep this goes is bounded by the number of types.
static int visit(struct ordering *ordering, uint16_t index)
{
    const struct process_type *type = &ordering->plan->types[index];
    int result = 0;
    ordering->visits[index] = INSIDE;
    ordering->path[ordering->depth++] = index;
    for (size_t i = 0; result == 0 && i < type->after_count; i++) {
        uint16_t wanted = type->after[i];
        size_t start = 0;
        switch (ordering->visits[wanted]) {
        case UNSEEN:
            result = visit(ordering, wanted);
            break;
        case INSIDE:
            while (ordering->path[start] != wanted)
                start++;
            result = report_cycle(ordering, start);
            break;
        case DONE:
            break;
        }
    }
    ordering->depth--;
    ordering->visits[index] = DONE;
    return result;
}

int order_resolve(const struct declaration *declaration, struct plan *plan,
                  struct diagnostics *diagnostics)
{
    struct ordering ordering = {
        .declaration = declaration, .plan = plan, .diagnostics = diagnostics};
    int result = 0;
    for (size_t i = 0; result == 0 && i < plan->type_count; i++)
        result = resolve_type(&ordering, &plan->types[i]);
    for (size_t i = 0; result == 0 && i < plan->type_count; i++)
        if (ordering.visits[i] == UNSEEN)
            result = visit(&ordering, (uint16_t)i);
    return result;
}
