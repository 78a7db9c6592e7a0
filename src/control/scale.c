// SPDX-License-Identifier: MIT
// The new quantities are made in a copy, which only a list without any mistake leaves.
#include "control/scale.h"

#include "base/limits.h"

#include <assert.h>
#include <string.h>

struct scaling {
    const struct plan *plan;
    struct scaled types[LIMIT_TYPES];
    bool is_named[LIMIT_TYPES];
    struct refusal *refusal;
};

// One element of the list.
struct change {
    struct str text;
    struct str name;
    char operation;    // '=', '+', '-'; 0: only a name
    struct str amount; // behind it
};

static int refuse_unknown(struct scaling *scaling, struct str name)
{
    struct str names[LIMIT_TYPES];
    size_t count = 0;
    for (size_t i = 0; i < scaling->plan->type_count; i++)
        if (!scaling->plan->types[i].is_gone)
            names[count++] = scaling->plan->types[i].name;
    struct str nearest = str_nearest(name, names, count);
    return refusal_set(scaling->refusal, REFUSAL_UNKNOWN_PROCESS, name, "%.*s", STR_ARGS(nearest));
}

// A name may have '-' in it, but neither '=' nor '+': "web-1-2" takes two from web-1.
static struct change cut(struct str text)
{
    size_t at = str_find_char(text, '=');
    if (at == text.size)
        at = str_find_char(text, '+');
    if (at == text.size)
        while (at > 0 && text.bytes[at - 1] != '-')
            at--;
    else
        at++;
    struct change change = {.text = text, .name = text, .amount = str_of("")};
    if (at > 0) {
        change.name = str_slice(text, 0, at - 1);
        change.operation = text.bytes[at - 1];
        change.amount = str_slice(text, at, text.size);
    }
    return change;
}

static bool find_type(const struct scaling *scaling, struct str name, size_t *out)
{
    const struct process_type *type = plan_find(scaling->plan, name);
    if (!type || type->is_gone)
        return false;
    *out = (size_t)(type - scaling->plan->types);
    return true;
}

// The type of a change. "web-1" may also be a type's whole name, then without a number.
static int resolve(struct scaling *scaling, struct change *change, size_t *out)
{
    if (change->operation == '-' && !find_type(scaling, change->name, out) &&
        find_type(scaling, change->text, out)) {
        change->name = change->text;
        change->operation = '\0';
    }
    struct str excerpt = str_excerpt(change->name);
    struct str before_dot = str_slice(change->name, 0, str_find_char(change->name, '.'));
    if (!find_type(scaling, change->name, out) && find_type(scaling, before_dot, out))
        return refusal_set(scaling->refusal, REFUSAL_INVALID_CHANGE, change->text,
                           "'%.*s' is one process: how many there are is said of '%.*s'",
                           STR_ARGS(excerpt), STR_ARGS(before_dot));
    if (!find_type(scaling, change->name, out))
        return refuse_unknown(scaling, change->name);
    if (scaling->is_named[*out])
        return refusal_set(scaling->refusal, REFUSAL_INVALID_CHANGE, change->text,
                           "'%.*s' is changed twice", STR_ARGS(change->name));
    scaling->is_named[*out] = true;
    return 0;
}

static int read_amount(const struct scaling *scaling, const struct change *change, unsigned *out)
{
    unsigned long amount;
    struct str excerpt = str_excerpt(change->amount);
    if (change->operation == '\0' || change->amount.size == 0)
        return refusal_set(scaling->refusal, REFUSAL_INVALID_CHANGE, change->text,
                           "how many? Write %.*s=1", STR_ARGS(change->name));
    if (change->amount.bytes[0] == '-')
        return refusal_set(scaling->refusal, REFUSAL_INVALID_CHANGE, change->text,
                           "there cannot be fewer than 0 processes");
    for (size_t i = 0; i < change->amount.size; i++)
        if (change->amount.bytes[i] < '0' || change->amount.bytes[i] > '9')
            return refusal_set(scaling->refusal, REFUSAL_INVALID_CHANGE, change->text,
                               "'%.*s' is no number", STR_ARGS(excerpt));
    if (!str_to_unsigned(change->amount, &amount) || amount > LIMIT_PROCESSES)
        return refusal_set(scaling->refusal, REFUSAL_INVALID_CHANGE, change->text,
                           "there can be at most %d processes", LIMIT_PROCESSES);
    *out = (unsigned)amount;
    return 0;
}

static int let_demand_decide(struct scaling *scaling, const struct change *change, size_t type)
{
    if (!scaling->plan->types[type].scale.is_set)
        return refusal_set(scaling->refusal, REFUSAL_INVALID_CHANGE, change->text,
                           "'%.*s' has no 'scale' in formation.yaml, so nothing says how many",
                           STR_ARGS(change->name));
    scaling->types[type].is_fixed = false;
    return 0;
}

static int apply_change(struct scaling *scaling, struct str text)
{
    struct change change = cut(text);
    size_t type = 0;
    unsigned amount = 0;
    int result = resolve(scaling, &change, &type);
    if (result == 0 && change.operation == '=' && str_is(change.amount, "auto"))
        return let_demand_decide(scaling, &change, type);
    if (result == 0)
        result = read_amount(scaling, &change, &amount);
    if (result != 0)
        return result;
    unsigned *quantity = &scaling->types[type].quantity;
    if (change.operation == '-' && amount > *quantity)
        return refusal_set(scaling->refusal, REFUSAL_INVALID_CHANGE, text,
                           "there cannot be fewer than 0 processes; '%.*s' has %u",
                           STR_ARGS(change.name), *quantity);
    if (change.operation == '=')
        *quantity = amount;
    else if (change.operation == '+')
        *quantity += amount;
    else
        *quantity -= amount;
    scaling->types[type].is_fixed = scaling->plan->types[type].scale.is_set;
    return 0;
}

// Where the demand decides there are as many as before, for the time being.
static struct scaled reset_of(const struct process_type *type)
{
    bool is_auto = type->scale.is_set && !type->declared_is_fixed;
    return (struct scaled){is_auto ? type->quantity : type->declared, type->declared_is_fixed};
}

static int reset_type(struct scaling *scaling, struct str name)
{
    size_t type;
    if (!find_type(scaling, name, &type)) {
        struct change change = cut(name);
        if (change.operation && find_type(scaling, change.name, &type))
            return refusal_set(scaling->refusal, REFUSAL_INVALID_CHANGE, name,
                               "a reset takes names only, their numbers stand in the files");
        return refuse_unknown(scaling, name);
    }
    scaling->types[type] = reset_of(&scaling->plan->types[type]);
    return 0;
}

static int check_port(const struct scaling *scaling, size_t type)
{
    const struct process_type *of = &scaling->plan->types[type];
    unsigned quantity = scaling->types[type].quantity;
    if (!scaling->plan->has_port || quantity <= of->quantity || quantity > LIMIT_PROCESSES)
        return 0;
    unsigned port = plan_port(
        scaling->plan, (struct process_id){.type = (uint16_t)type, .number = (uint16_t)quantity});
    if (port <= 65535)
        return 0;
    return refusal_set(scaling->refusal, REFUSAL_INVALID_CHANGE, of->name,
                       "with %u processes '%.*s' would reach port %u; the highest is 65535",
                       quantity, STR_ARGS(of->name), port);
}

static int check(const struct scaling *scaling)
{
    unsigned long sum = 0;
    for (size_t i = 0; i < scaling->plan->type_count; i++)
        sum += scaling->types[i].quantity;
    if (sum > LIMIT_PROCESSES)
        return refusal_set_limit(scaling->refusal, "processes", LIMIT_PROCESSES);
    for (size_t i = 0; i < scaling->plan->type_count; i++) {
        int result = check_port(scaling, i);
        if (result != 0)
            return result;
    }
    return 0;
}

int scale_apply(const struct plan *plan, const struct scale *scale, struct scaled *out,
                struct refusal *refusal)
{
    struct scaling scaling = {.plan = plan, .refusal = refusal};
    assert(plan->type_count <= LIMIT_TYPES);
    for (size_t i = 0; i < plan->type_count; i++) {
        const struct process_type *type = &plan->types[i];
        scaling.types[i] = scale->reset && scale->changes.count == 0
                               ? reset_of(type)
                               : (struct scaled){type->quantity, type->is_fixed};
    }
    for (size_t i = 0; i < scale->changes.count; i++) {
        struct str change = scale->changes.items[i];
        int result = scale->reset ? reset_type(&scaling, change) : apply_change(&scaling, change);
        if (result != 0)
            return result;
    }
    int result = check(&scaling);
    if (result == 0)
        memcpy(out, scaling.types, plan->type_count * sizeof(*out));
    return result;
}
