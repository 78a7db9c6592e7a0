// SPDX-License-Identifier: MIT
// The one way in which commands and views talk to what makes a plan true, whatever that is.
#pragma once

#include "base/duration.h"
#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>

struct engine;

// Which formation is meant.
struct engine_address {
    const char *folder; // of the app; NULL: the current one
    const char *app;    // --app NAME, which beats the folder; NULL: by folder
};

// How long an answer may take when a request does not say otherwise. A manager that is restarted
// answers within a second.
#define ENGINE_PATIENCE (10 * NSEC_PER_SEC)

// Connects to the formation that runs there. 0, or -errno and a sentence: -ENOENT: none runs;
// -EACCES: it is another user's; -EEXIST: several have that name (the sentence lists them);
// -ETIMEDOUT: it does not take the connection within `patience` (0: ENGINE_PATIENCE).
int engine_open(const struct engine_address *address, nsec_t patience, struct engine **out,
                struct error *error);

// Ends the connection and with it every stream. engine may be NULL.
void engine_close(struct engine *engine);

struct engine_request {
    const char *method; // "Scale" of org.formation.Manager, or a full name: "org.varlink.service.…"
    json_t *parameters; // an object, borrowed; NULL: none
    nsec_t patience;    // for each reply; 0: ENGINE_PATIENCE; NSEC_NEVER: as long as it takes
};

// One request, one reply: its parameters, an object that the caller releases with json_decref. 0,
// or -errno and a sentence. What the formation refused (engine_refusal): see engine/refusal.h for
// the codes. Else the connection is of no more use: -ECONNRESET: it was closed before the answer;
// -ETIMEDOUT; -EPROTO: the answer makes no sense; -EMSGSIZE: it is larger than LIMIT_REPLY_BYTES;
// -ENOTCONN: it failed before.
int engine_call(struct engine *engine, const struct engine_request *request, json_t **out,
                struct error *error);

// Gets the parameters of each reply, which are borrowed. Anything but 0 ends the call.
typedef int engine_take(void *context, json_t *reply, bool is_last);

// One request, any number of replies, the last one with `is_last`. As engine_call, or what `take`
// returned if not 0: the engine can then only be closed.
int engine_call_more(struct engine *engine, const struct engine_request *request, engine_take *take,
                     void *context, struct error *error);

// The error object of the last call, with "error" and "parameters", for those who want more than
// the sentence. Borrowed until the next call; NULL when the formation refused nothing.
json_t *engine_refusal(const struct engine *engine);
