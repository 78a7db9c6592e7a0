// SPDX-License-Identifier: MIT
// What an engine has to do to be one; engine.c does the rest.
#pragma once

#include "base/arena.h"
#include "engine/engine.h"

enum engine_way {
    ENGINE_ONE,     // one reply is wanted
    ENGINE_MORE,    // several are
    ENGINE_UPGRADE, // one, and after it the connection itself
};

struct engine_class {
    const char *name;

    // Sends the request and gives each reply to `take`. Errors are those of engine.h; a refusal is
    // told by engine_refuse.
    int (*call)(struct engine *engine, const struct engine_request *request, enum engine_way way,
                engine_take *take, void *context, struct error *error);

    // Gives up the connection after a call of ENGINE_UPGRADE, as engine_call_upgrade() does. NULL:
    // there is none.
    int (*give_up)(struct engine *engine, struct buffer *early);

    // Ends the connection and frees the engine, which begins with a struct engine.
    void (*close)(struct engine *engine);
};

struct engine {
    const struct engine_class *class;
    struct refusal refusal; // of the last call
    struct arena arena;     // its texts
};

// Remembers the refusal, whose texts it copies, and tells it. Returns the -errno for it.
int engine_refuse(struct engine *engine, const struct refusal *refusal, struct error *error);

// The formation of this machine, by its control socket (local.c). As engine_open.
int local_open(const struct engine_address *address, nsec_t patience, struct engine **out,
               struct error *error);
