// SPDX-License-Identifier: MIT
// `logs:` of formation.yaml: where lines go besides standard output.
#pragma once

#include "base/arena.h"
#include "config/yaml.h"
#include "plan/sink.h"

#include <stddef.h>

struct declared_name {
    struct str name;
    struct origin origin;
};

struct declared_sink {
    struct plan_sink sink;       // without its patterns; the target is not NUL-terminated
    struct origin target_origin; // of the path or address
    const struct declared_name *patterns;
    size_t pattern_count;
};

struct declared_logs {
    struct declared_sink *sinks;
    size_t count;
};

// Reads a list into a struct declared_logs. Whether patterns name something, and files are not the
// same, is known once the types are (config/sinks.h).
yaml_read declaration_read_logs;

// One text or a list of them that are not empty, `most` at most, in the reader's arena. Returns
// false when there is no memory or there are more, which has been reported as of `things`.
bool declaration_read_names(struct yaml_reader *reader, const struct yaml_node *node, size_t most,
                            const char *things, const struct declared_name **out,
                            size_t *out_count);
