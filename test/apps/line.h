// SPDX-License-Identifier: MIT
// The lines that chatty writes and checker expects: each is a function of the writer's name and
// the line's number, so that no line has to be stored to be checked.
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { LINE_LONGEST = 2 * 1024 * 1024 };

// splitmix64.
static inline uint64_t line_hash(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static inline uint64_t line_seed(const char *writer, uint64_t number)
{
    uint64_t seed = number;
    for (const char *c = writer; *c; c++)
        seed = line_hash(seed ^ (unsigned char)*c);
    return line_hash(seed);
}

// Most lines are short as those of real programs are, few are long, very few are 2 MB. Lines 3, 7
// and 11 are one byte, the longest and just over 64 KiB, so that short runs see the extremes too.
static inline size_t line_length(uint64_t seed, uint64_t number)
{
    if (number == 3)
        return 1;
    if (number == 7)
        return LINE_LONGEST;
    if (number == 11)
        return 64 * 1024 + 1;
    uint64_t kind = seed % 200000, pick = line_hash(seed);
    if (kind == 0)
        return 1 + pick % LINE_LONGEST;
    if (kind < 10)
        return 1 + pick % (256 * 1024);
    if (kind < 100)
        return 1 + pick % (16 * 1024);
    return 1 + pick % 160;
}

// Fills `out` (LINE_LONGEST bytes) and returns the length, newline not included. The text begins
// with "<writer number length> ", cut if the line is shorter; "<" tells it from the lines of the
// formation itself. Not shorter than `least`, nor longer than `most`.
static inline size_t line_make_within(const char *writer, uint64_t number, size_t least,
                                      size_t most, char *out)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    uint64_t seed = line_seed(writer, number);
    size_t length = line_length(seed, number);
    length = length < least ? least : length > most ? most : length;

    char head[256];
    int head_size =
        snprintf(head, sizeof head, "<%s %llu %zu> ", writer, (unsigned long long)number, length);
    size_t filled = (size_t)head_size < length ? (size_t)head_size : length;
    memcpy(out, head, filled);
    while (filled < length) {
        seed = line_hash(seed);
        uint64_t bits = seed;
        for (int i = 0; i < 10 && filled < length; i++, bits >>= 6)
            out[filled++] = letters[bits & 63];
    }
    return length;
}

static inline size_t line_make(const char *writer, uint64_t number, size_t least, char *out)
{
    return line_make_within(writer, number, least, LINE_LONGEST, out);
}
