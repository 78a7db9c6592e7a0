// SPDX-License-Identifier: MIT
// formation.yaml: what a Procfile cannot say, each key known and each value checked.
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "config/declaration_confine.h"
#include "config/declaration_listen.h"
#include "config/declaration_logs.h"
#include "config/declaration_scale.h"
#include "config/diagnostic.h"
#include "config/probe.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stddef.h>

// One entry of `processes:`. What is not said has its default; empty texts are not said.
struct declared_type {
    struct str name;
    struct origin origin; // of the name
    struct str command;   // empty: the Procfile has it
    struct origin command_origin;
    bool has_quantity;
    unsigned quantity;
    struct plan_scale scale;
    struct process_policy policy;
    bool has_roll; // said, and not the default
    struct tree_limits tree;
    struct origin boot_origin; // line 0: `boot` is not there
    struct declared_probe ready;
    struct declared_probe alive;
    const struct declared_name *after;
    size_t after_count;
    bool tty;
    bool has_all_sockets;
    const struct declared_name *sockets; // names of some
    size_t socket_count;
    struct origin sockets_origin;
    struct declared_listening listening;
    struct str directory; // as written, relative to the root
    struct environment environment;
    struct declared_rights rights;
};

struct declaration {
    struct str app;
    bool has_port;
    unsigned port;
    struct origin port_origin;
    bool has_env_files;          // `env:` is there, maybe with an empty list
    const struct str *env_files; // as written, relative to the file's folder; NUL-terminated
    size_t env_file_count;
    struct declared_type *types;
    size_t type_count;
    struct declared_logs logs;
};

// Reads `text`; `file` is its name for messages. Everything in `out` is in `arena`. Returns 0 or
// -ENOMEM: what is wrong with the text is in `diagnostics`, and `out` holds what could be read.
int declaration_parse(struct str text, const char *file, struct arena *arena,
                      struct declaration *out, struct diagnostics *diagnostics);
