// SPDX-License-Identifier: MIT
// What an engine has to do to be one; engine.c does the rest.
#pragma once

#include "engine/engine.h"

struct engine_class {
    const char *name;

    // Sends the request, with `more` as one that wants several replies, and gives each reply to
    // `take`. Errors are those of engine.h; a refusal is left in engine->refusal.
    int (*call)(struct engine *engine, const struct engine_request *request, bool more,
                engine_take *take, void *context, struct error *error);

    // Ends the connection and frees the engine, of which this is the first member.
    void (*close)(struct engine *engine);
};

struct engine {
    const struct engine_class *class;
    json_t *refusal; // owned; NULL: none
};

// The formation of this machine, by its control socket (local.c). As engine_open.
int local_open(const struct engine_address *address, nsec_t patience, struct engine **out,
               struct error *error);
