// SPDX-License-Identifier: MIT
// Each value has a least one, below which nothing could run and which is a mistake of the unit:
// `memory: 512` are bytes.
#include "config/declaration_limits.h"

#include "base/decimal.h"
#include "base/limits.h"

#include <stdio.h>

// The kernel takes no quota of less than a millisecond of each tenth of a second.
enum { LEAST_THOUSANDTHS = 10 };

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

static bool parse_processors(struct str text, uint64_t *out)
{
    return decimal_parse(text, LIMIT_PROCESSORS, out) && *out >= LEAST_THOUSANDTHS;
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
