// SPDX-License-Identifier: MIT
// Each value has a least one, below which nothing could run and which is a mistake of the unit:
// `memory: 512` are bytes.
#include "config/declaration_limits.h"

#include "base/limits.h"

#include <stdio.h>

// The kernel takes no quota of less than a millisecond of each tenth of a second.
enum { THOUSAND = 1000, LEAST_THOUSANDTHS = 10 };

void limits_read_memory(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    uint64_t bytes = UINT64_MAX; // stays so when the value was no size, which has been told
    yaml_read_bytes(reader, node, &bytes);
    if (bytes < LIMIT_LEAST_MEMORY_BYTES)
        diagnostics_error(reader->diagnostics, node->origin,
                          "'memory' takes at least 1M, not '%.*s': a number without K, M or G "
                          "counts bytes",
                          STR_ARGS(str_excerpt(node->text)));
    else if (bytes != UINT64_MAX)
        *(uint64_t *)out = bytes;
}

// "1.5" in thousandths; digits behind the third are for nobody.
static bool parse_processors(struct str text, uint64_t *out)
{
    unsigned long whole = 0;
    uint64_t thousandths = 0;
    struct str before = str_slice(text, 0, str_find_char(text, '.'));
    bool has_point = before.size < text.size;
    struct str behind = has_point ? str_slice(text, before.size + 1, text.size) : str_of("");
    if ((before.size == 0 && behind.size == 0) || (has_point && behind.size == 0))
        return false;
    if (before.size > 0 && (!str_to_unsigned(before, &whole) || whole > LIMIT_PROCESSORS))
        return false;
    uint64_t worth = THOUSAND / 10;
    for (size_t i = 0; i < behind.size; i++, worth /= 10) {
        if (behind.bytes[i] < '0' || behind.bytes[i] > '9')
            return false;
        thousandths += (uint64_t)(behind.bytes[i] - '0') * worth;
    }
    *out = whole * THOUSAND + thousandths;
    return *out >= LEAST_THOUSANDTHS && *out <= (uint64_t)LIMIT_PROCESSORS * THOUSAND;
}

void limits_read_cpu(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    uint64_t thousandths;
    if (!yaml_expect(reader, node, YAML_TEXT))
        return;
    if (parse_processors(node->text, &thousandths))
        *(uint64_t *)out = thousandths;
    else
        diagnostics_error(reader->diagnostics, node->origin,
                          "'cpu' takes a number of processors from 0.01 to %d, as 1.5, not '%.*s'",
                          LIMIT_PROCESSORS, STR_ARGS(str_excerpt(node->text)));
}

void limits_read_processes(struct yaml_reader *reader, const struct yaml_node *node, void *out)
{
    unsigned number;
    if (yaml_read_number(reader, node, 1, LIMIT_TREE_PROCESSES, &number))
        *(uint64_t *)out = number;
}
