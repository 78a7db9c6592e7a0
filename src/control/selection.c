// SPDX-License-Identifier: MIT
// A name has a side for the type and, behind a dot, one for the number; neither has a dot in it. So
// a pattern is compared with the few types once, and not with each of thousands of processes; and
// names without wildcards, which may be many, are found by binary search.
#include "control/selection.h"

#include "base/wildcard.h"

#include <errno.h>
#include <stdlib.h>

struct selection_part {
    struct selection_types types;
    unsigned number;    // the one that is meant; 0: see `numbers`
    struct str numbers; // a pattern
};

// What is looked up, and where.
struct lookup {
    const struct plan *plan;
    struct selection_types known; // types of the plan, or with a process that exists
    bool knows_processes;
    const uint32_t *processes; // those that exist, in ascending order
    size_t process_count;
    struct refusal *refusal;
};

// What becomes of the names, with room for all of them.
struct collection {
    struct selection_types whole;
    uint32_t *exact;
    size_t exact_count;
    struct selection_part *parts;
    size_t part_count;
    size_t wildcard_count;
};

// Processes as numbers in the order of types and numbers.
static uint32_t key_of(size_t type, unsigned number)
{
    return (uint32_t)type << 16 | number;
}

static int compare_keys(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static bool has_key(const uint32_t *keys, size_t count, uint32_t key)
{
    return count > 0 && bsearch(&key, keys, count, sizeof(*keys), compare_keys);
}

static bool types_have(const struct selection_types *types, size_t type)
{
    return types->bits[type / 64] >> (type % 64) & 1;
}

static void types_add(struct selection_types *types, size_t type)
{
    types->bits[type / 64] |= UINT64_C(1) << (type % 64);
}

static bool find_type(const struct lookup *lookup, struct str name, size_t *out)
{
    for (size_t i = 0; i < lookup->plan->type_count; i++) {
        if (types_have(&lookup->known, i) && str_equal(lookup->plan->types[i].name, name)) {
            *out = i;
            return true;
        }
    }
    return false;
}

// A pattern whose letters alone are more than a name has cannot fit, however long it is.
static bool find_types(const struct lookup *lookup, struct str pattern, struct selection_types *out)
{
    struct selection_types types = {0};
    bool found = false;
    size_t letter_count = 0;
    for (size_t i = 0; i < pattern.size; i++)
        letter_count += pattern.bytes[i] != '*';
    for (size_t i = 0; i < lookup->plan->type_count; i++) {
        struct str name = lookup->plan->types[i].name;
        if (types_have(&lookup->known, i) && letter_count <= name.size &&
            wildcard_fits(pattern, name)) {
            types_add(&types, i);
            found = true;
        }
    }
    *out = types;
    return found;
}

static bool number_fits(const struct selection_part *part, unsigned number)
{
    char digits[5]; // uint16_t
    size_t from = sizeof(digits);
    if (part->number > 0)
        return part->number == number;
    for (unsigned rest = number; rest > 0 && from > 0; rest /= 10)
        digits[--from] = (char)('0' + rest % 10);
    return wildcard_fits(part->numbers, str_from(digits + from, sizeof(digits) - from));
}

static bool part_has(const struct selection_part *part, struct process_id id)
{
    return types_have(&part->types, id.type) && number_fits(part, id.number);
}

// Reads the side behind the dot, as it is written in names: 1 to 65535.
static bool read_number(struct str text, unsigned *out)
{
    unsigned long number;
    if (str_starts_with(text, "0") || !str_to_unsigned(text, &number) || number > UINT16_MAX)
        return false;
    *out = (unsigned)number;
    return true;
}

static bool exists(const struct lookup *lookup, size_t type, unsigned number)
{
    return !lookup->knows_processes ||
           has_key(lookup->processes, lookup->process_count, key_of(type, number));
}

static int refuse(const struct lookup *lookup, struct str name)
{
    struct str names[LIMIT_TYPES];
    size_t count = 0;
    size_t type;
    unsigned number;
    size_t dot = str_find_char(name, '.');
    for (size_t i = 0; i < lookup->plan->type_count; i++)
        if (types_have(&lookup->known, i))
            names[count++] = lookup->plan->types[i].name;
    if (wildcard_is_in(name) || find_type(lookup, str_slice(name, 0, dot), &type))
        return refusal_set(lookup->refusal, REFUSAL_UNKNOWN_PROCESS, name, NULL);
    struct str nearest = str_nearest(str_slice(name, 0, dot), names, count);
    bool has_number = find_type(lookup, nearest, &type) &&
                      read_number(str_slice(name, dot + 1, name.size), &number) &&
                      exists(lookup, type, number);
    struct str rest = has_number ? str_slice(name, dot, name.size) : str_of("");
    return refusal_set(lookup->refusal, REFUSAL_UNKNOWN_PROCESS, name, "%.*s%.*s",
                       STR_ARGS(nearest), STR_ARGS(rest));
}

static int add_name(const struct lookup *lookup, struct str name, struct collection *collection)
{
    size_t type;
    unsigned number;
    size_t dot = str_find_char(name, '.');
    if (!find_type(lookup, str_slice(name, 0, dot), &type))
        return refuse(lookup, name);
    if (dot == name.size) {
        types_add(&collection->whole, type);
        return 0;
    }
    if (!read_number(str_slice(name, dot + 1, name.size), &number) || !exists(lookup, type, number))
        return refuse(lookup, name);
    collection->exact[collection->exact_count++] = key_of(type, number);
    return 0;
}

static bool part_exists(const struct lookup *lookup, const struct selection_part *part)
{
    for (size_t i = 0; i < lookup->process_count; i++)
        if (part_has(part, (struct process_id){(uint16_t)(lookup->processes[i] >> 16),
                                               (uint16_t)lookup->processes[i]}))
            return true;
    return !lookup->knows_processes;
}

// Reads a pattern's side behind the dot, which may also be a number.
static bool read_numbers(struct str text, struct selection_part *out)
{
    if (!wildcard_is_in(text))
        return read_number(text, &out->number);
    out->numbers = text;
    for (size_t i = 0; i < text.size; i++)
        if ((text.bytes[i] < '0' || text.bytes[i] > '9') && text.bytes[i] != '*' &&
            text.bytes[i] != '?')
            return false;
    return true;
}

static int add_pattern(const struct lookup *lookup, struct str pattern,
                       struct collection *collection)
{
    size_t dot = str_find_char(pattern, '.');
    struct selection_part part = {0};
    if (++collection->wildcard_count > LIMIT_WILDCARDS)
        return refusal_set_limit(lookup->refusal, "patterns", LIMIT_WILDCARDS);
    if (!find_types(lookup, str_slice(pattern, 0, dot), &part.types))
        return refuse(lookup, pattern);
    if (dot == pattern.size) {
        for (size_t i = 0; i < LIMIT_TYPES / 64; i++)
            collection->whole.bits[i] |= part.types.bits[i];
        return 0;
    }
    if (!read_numbers(str_slice(pattern, dot + 1, pattern.size), &part) ||
        (part.number > 0 && !part_exists(lookup, &part)))
        return refuse(lookup, pattern);
    collection->parts[collection->part_count++] = part;
    return 0;
}

static int make_lookup(struct lookup *lookup, const struct process_id *processes, size_t count,
                       struct arena *arena)
{
    uint32_t *keys = arena_alloc(arena, count * sizeof(*keys));
    if (!keys)
        return refusal_set_errno(lookup->refusal, ENOMEM);
    for (size_t i = 0; i < lookup->plan->type_count; i++)
        if (!lookup->plan->types[i].is_gone)
            types_add(&lookup->known, i);
    for (size_t i = 0; i < count; i++) {
        keys[i] = key_of(processes[i].type, processes[i].number);
        types_add(&lookup->known, processes[i].type);
    }
    qsort(keys, count, sizeof(*keys), compare_keys);
    lookup->processes = keys;
    lookup->process_count = count;
    lookup->knows_processes = processes;
    return 0;
}

int selection_parse(const struct plan *plan, struct str_list patterns,
                    const struct process_id *processes, size_t process_count, struct arena *arena,
                    struct selection *out, struct refusal *refusal)
{
    struct lookup lookup = {.plan = plan, .refusal = refusal};
    struct collection all = {
        .exact = arena_alloc(arena, patterns.count * sizeof(*all.exact)),
        .parts = arena_alloc(arena, LIMIT_WILDCARDS * sizeof(*all.parts)),
    };
    if (!all.exact || !all.parts)
        return refusal_set_errno(refusal, ENOMEM);
    int result = patterns.count == 0 ? 0 : make_lookup(&lookup, processes, process_count, arena);
    for (size_t i = 0; i < patterns.count && result == 0; i++)
        result = wildcard_is_in(patterns.items[i]) ? add_pattern(&lookup, patterns.items[i], &all)
                                                   : add_name(&lookup, patterns.items[i], &all);
    if (result != 0)
        return result;
    qsort(all.exact, all.exact_count, sizeof(*all.exact), compare_keys);
    *out = (struct selection){
        .is_all = patterns.count == 0,
        .whole = all.whole,
        .exact = all.exact,
        .exact_count = all.exact_count,
        .parts = all.parts,
        .part_count = all.part_count,
    };
    return 0;
}

bool selection_has(const struct selection *selection, struct process_id id)
{
    if (selection->is_all || types_have(&selection->whole, id.type) ||
        has_key(selection->exact, selection->exact_count, key_of(id.type, id.number)))
        return true;
    for (size_t i = 0; i < selection->part_count; i++)
        if (part_has(&selection->parts[i], id))
            return true;
    return false;
}
