// SPDX-License-Identifier: MIT
// A scan that counts what the C library's compiler would copy: it writes x{1,9} out as nine times
// x, and x+ as xx*, so that each level of repetition multiplies what is below it.
#include "config/pattern.h"

#include "base/limits.h"

#include <stdbool.h>

enum { LIMIT_GROUPS = 32 }; // open at once

struct scan {
    struct str pattern;
    size_t at;
    size_t depth;
    size_t sums[LIMIT_GROUPS + 1]; // of each open group: parts up to the last atom
    size_t atom;                   // parts of the last atom, which a repetition multiplies
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool looking_at(const struct scan *scan, char wanted)
{
    return scan->at < scan->pattern.size && scan->pattern.bytes[scan->at] == wanted;
}

// Counts stop at the limit, so that no multiplication overflows.
static size_t bounded(size_t count)
{
    return count > LIMIT_PATTERN_PARTS ? LIMIT_PATTERN_PARTS + 1 : count;
}

static void add_atom(struct scan *scan, size_t parts)
{
    scan->sums[scan->depth] = bounded(scan->sums[scan->depth] + scan->atom);
    scan->atom = bounded(parts);
}

// A number at the front of the rest; as many as the limit stand for more.
static size_t read_number(struct scan *scan)
{
    size_t number = 0;
    for (; scan->at < scan->pattern.size && is_digit(scan->pattern.bytes[scan->at]); scan->at++)
        number = bounded(number * 10 + (size_t)(scan->pattern.bytes[scan->at] - '0'));
    return number;
}

// {3}, {3,}, {,5} or {3,5}; whatever else begins with '{' is left to regcomp.
static void repeat(struct scan *scan)
{
    size_t least = read_number(scan);
    size_t most = least;
    if (looking_at(scan, ',')) {
        scan->at++;
        most = read_number(scan);
    }
    if (looking_at(scan, '}'))
        scan->at++;
    size_t copies = (least > most ? least : most) + 1;
    scan->atom = bounded(scan->atom * copies);
}

// Behind the '[': to the end of the bracket expression, in which ']' may stand first or in
// [:alpha:].
static void skip_brackets(struct scan *scan)
{
    struct str pattern = scan->pattern;
    if (looking_at(scan, '^'))
        scan->at++;
    if (looking_at(scan, ']'))
        scan->at++;
    for (; scan->at < pattern.size && pattern.bytes[scan->at] != ']'; scan->at++) {
        if (pattern.bytes[scan->at] != '[' || scan->at + 1 >= pattern.size)
            continue;
        char kind = pattern.bytes[scan->at + 1];
        if (kind != ':' && kind != '.' && kind != '=')
            continue;
        for (scan->at += 2; scan->at + 1 < pattern.size; scan->at++)
            if (pattern.bytes[scan->at] == kind && pattern.bytes[scan->at + 1] == ']')
                break;
        scan->at++;
    }
    scan->at++;
}

static void close_group(struct scan *scan)
{
    size_t parts = scan->sums[scan->depth] + scan->atom + 1;
    if (scan->depth == 0) { // a ')' that closes nothing
        add_atom(scan, 1);
        return;
    }
    scan->depth--;
    scan->atom = bounded(parts);
}

// Takes one character and what belongs to it. Returns the fault, or NULL.
static const char *scan_next(struct scan *scan)
{
    char c = scan->pattern.bytes[scan->at++];
    switch (c) {
    case '\\':
        if (scan->at < scan->pattern.size && is_digit(scan->pattern.bytes[scan->at]))
            return "refers back to a group ('\\1'), which is not supported";
        scan->at++;
        add_atom(scan, 1);
        return NULL;
    case '[':
        skip_brackets(scan);
        add_atom(scan, 1);
        return NULL;
    case '(':
        if (scan->depth == LIMIT_GROUPS)
            return "has too many groups inside each other";
        add_atom(scan, 0);
        scan->sums[++scan->depth] = 0;
        return NULL;
    case ')':
        close_group(scan);
        return NULL;
    case '{':
        repeat(scan);
        return NULL;
    case '+':
        scan->atom = bounded(scan->atom * 2);
        return NULL;
    case '*':
    case '?':
        scan->atom = bounded(scan->atom + 1);
        return NULL;
    default:
        add_atom(scan, 1);
        return NULL;
    }
}

const char *pattern_fault(struct str pattern)
{
    struct scan scan = {.pattern = pattern};
    while (scan.at < pattern.size) {
        const char *fault = scan_next(&scan);
        if (fault)
            return fault;
    }
    size_t parts = scan.atom;
    for (size_t i = 0; i <= scan.depth; i++)
        parts = bounded(parts + scan.sums[i]);
    return parts > LIMIT_PATTERN_PARTS ? "repeats too much" : NULL;
}
