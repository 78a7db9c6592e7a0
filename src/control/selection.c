// SPDX-License-Identifier: MIT
// A pattern has a side for the type and, behind a dot, one for the number; neither name has a dot
// in it. So each pattern is compared with the few types once, and not with each of thousands of
// processes.
#include "control/selection.h"

#include <errno.h>
#include <string.h>

struct selection_part {
    struct selection_types types;
    unsigned number;    // the one that is meant; 0: see `numbers`
    struct str numbers; // a pattern
};

// What is looked up, and where.
struct lookup {
    const struct plan *plan;
    const struct process_id *processes;
    size_t process_count;
    struct selection_types known; // of the plan, or with a process that exists
    struct refusal *refusal;
};

static bool types_have(const struct selection_types *types, size_t type)
{
    return types->bits[type / 64] >> (type % 64) & 1;
}

static void types_add(struct selection_types *types, size_t type)
{
    types->bits[type / 64] |= UINT64_C(1) << (type % 64);
}

// On a mismatch only the last `*` takes one byte more: what earlier ones took can stay, since
// whatever would fit behind them after a longer run fits after the shorter one as well.
bool selection_fits(struct str pattern, struct str text)
{
    size_t at = 0;
    size_t star = SIZE_MAX; // place of the last one
    size_t resume = 0;      // behind what it has taken so far
    for (size_t i = 0; i < text.size;) {
        if (at < pattern.size && pattern.bytes[at] == '*') {
            star = at++;
            resume = i;
        } else if (at < pattern.size &&
                   (pattern.bytes[at] == '?' || pattern.bytes[at] == text.bytes[i])) {
            at++;
            i++;
        } else if (star != SIZE_MAX) {
            at = star + 1;
            i = ++resume;
        } else {
            return false;
        }
    }
    while (at < pattern.size && pattern.bytes[at] == '*')
        at++;
    return at == pattern.size;
}

static bool is_pattern(struct str text)
{
    return str_find_char(text, '*') < text.size || str_find_char(text, '?') < text.size;
}

// A pattern whose letters alone are more than the name has cannot fit, however long it is.
static bool type_fits(struct str pattern, struct str name, size_t letter_count)
{
    return letter_count <= name.size && selection_fits(pattern, name);
}

static bool find_types(const struct lookup *lookup, struct str pattern, struct selection_types *out)
{
    struct selection_types types = {0};
    bool found = false;
    size_t letter_count = 0;
    for (size_t i = 0; i < pattern.size; i++)
        letter_count += pattern.bytes[i] != '*';
    for (size_t i = 0; i < lookup->plan->type_count; i++) {
        if (types_have(&lookup->known, i) &&
            type_fits(pattern, lookup->plan->types[i].name, letter_count)) {
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
    return selection_fits(part->numbers, str_from(digits + from, sizeof(digits) - from));
}

static bool part_has(const struct selection_part *part, struct process_id id)
{
    return types_have(&part->types, id.type) && number_fits(part, id.number);
}

static bool exists(const struct lookup *lookup, const struct selection_part *part)
{
    for (size_t i = 0; i < lookup->process_count; i++)
        if (part_has(part, lookup->processes[i]))
            return true;
    return !lookup->processes;
}

// Reads the side behind the dot: a number as it is written in names, or a pattern of one.
static bool read_number(struct str text, struct selection_part *out)
{
    unsigned long number;
    for (size_t i = 0; i < text.size; i++)
        if ((text.bytes[i] < '0' || text.bytes[i] > '9') && text.bytes[i] != '*' &&
            text.bytes[i] != '?')
            return false;
    if (is_pattern(text)) {
        out->numbers = text;
        return true;
    }
    if (str_starts_with(text, "0") || !str_to_unsigned(text, &number) || number > UINT16_MAX)
        return false;
    out->number = (unsigned)number;
    return true;
}

static int refuse(const struct lookup *lookup, struct str pattern)
{
    struct str names[LIMIT_TYPES];
    size_t count = 0;
    struct selection_types types;
    size_t dot = str_find_char(pattern, '.');
    struct str name = str_slice(pattern, 0, dot);
    for (size_t i = 0; i < lookup->plan->type_count; i++)
        if (types_have(&lookup->known, i))
            names[count++] = lookup->plan->types[i].name;
    if (is_pattern(pattern) || find_types(lookup, name, &types))
        return refusal_set(lookup->refusal, REFUSAL_UNKNOWN_PROCESS, pattern, NULL);
    struct str nearest = str_nearest(name, names, count);
    struct selection_part part = {0};
    bool has_number = nearest.size > 0 && find_types(lookup, nearest, &part.types) &&
                      read_number(str_slice(pattern, dot + 1, pattern.size), &part) &&
                      exists(lookup, &part);
    struct str number = has_number ? str_slice(pattern, dot, pattern.size) : str_of("");
    return refusal_set(lookup->refusal, REFUSAL_UNKNOWN_PROCESS, pattern, "%.*s%.*s",
                       STR_ARGS(nearest), STR_ARGS(number));
}

static int read_pattern(const struct lookup *lookup, struct str pattern,
                        struct selection_types *whole, struct selection_part *parts, size_t *used)
{
    size_t dot = str_find_char(pattern, '.');
    struct selection_part part = {0};
    if (!find_types(lookup, str_slice(pattern, 0, dot), &part.types))
        return refuse(lookup, pattern);
    if (dot == pattern.size) {
        for (size_t i = 0; i < LIMIT_TYPES / 64; i++)
            whole->bits[i] |= part.types.bits[i];
        return 0;
    }
    if (!read_number(str_slice(pattern, dot + 1, pattern.size), &part) ||
        (part.number > 0 && !exists(lookup, &part)))
        return refuse(lookup, pattern);
    parts[(*used)++] = part;
    return 0;
}

int selection_parse(const struct plan *plan, struct str_list patterns,
                    const struct process_id *processes, size_t process_count, struct arena *arena,
                    struct selection *out, struct refusal *refusal)
{
    struct lookup lookup = {plan, processes, process_count, {{0}}, refusal};
    struct selection selection = {.is_all = patterns.count == 0};
    struct selection_part *parts = arena_alloc(arena, patterns.count * sizeof(*parts));
    if (!parts)
        return refusal_set_errno(refusal, ENOMEM);
    for (size_t i = 0; i < plan->type_count; i++)
        if (!plan->types[i].is_gone)
            types_add(&lookup.known, i);
    for (size_t i = 0; i < process_count; i++)
        types_add(&lookup.known, processes[i].type);
    for (size_t i = 0; i < patterns.count; i++) {
        int result = read_pattern(&lookup, patterns.items[i], &selection.whole, parts,
                                  &selection.part_count);
        if (result != 0)
            return result;
    }
    selection.parts = parts;
    *out = selection;
    return 0;
}

bool selection_has(const struct selection *selection, struct process_id id)
{
    if (selection->is_all || types_have(&selection->whole, id.type))
        return true;
    for (size_t i = 0; i < selection->part_count; i++)
        if (part_has(&selection->parts[i], id))
            return true;
    return false;
}
