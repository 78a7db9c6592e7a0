// SPDX-License-Identifier: MIT
// The one way in which commands and views talk to what makes a plan true, whatever that is.
#pragma once

#include "base/buffer.h"
#include "base/duration.h"
#include "base/error.h"
#include "control/refusal.h"

#include <jansson.h>
#include <stdbool.h>

struct engine;

// Which formation is meant.
struct engine_address {
    const char *folder; // of the app; NULL: the current one
    const char *app;    // --app NAME, which beats the folder; NULL: by folder
};

// How long an answer may take when a request does not say otherwise. A manager that is started
// again meanwhile answers within a second.
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
    json_t *parameters; // an object, borrowed; NULL is what jansson makes of text that is no UTF-8
    nsec_t patience;    // for each reply; 0: ENGINE_PATIENCE; NSEC_NEVER: as long as it takes
};

// One request, one reply: its parameters, an object that the caller releases with json_decref. 0,
// or -errno and a sentence. When the formation refused (engine_refusal tells more): -ENOENT
// UnknownProcess; -EINVAL InvalidChange, InvalidParameter; -E2BIG TooMany; -ESHUTDOWN Ending;
// -ECANCELED RollHalted; -EBADF InvalidFiles; -ENOSYS: it does not know the method; -EPERM;
// -EREMOTEIO Failed and others. When the parameters are NULL: -EILSEQ. Else the connection is of no
// more use: -ECONNRESET: closed before the answer; -ETIMEDOUT; -EPROTO: the answer makes no sense;
// -EMSGSIZE: it has more than LIMIT_REPLY_BYTES; -ENOMEM; -ENOTCONN: it was of no use before.
int engine_call(struct engine *engine, const struct engine_request *request, json_t **out,
                struct error *error);

// Gets the parameters of a reply, borrowed. Anything but 0 ends the call.
typedef int engine_take(void *context, json_t *reply, bool is_last);

// One request, any number of replies. As engine_call, or what `take` returned if that is not 0: the
// engine can then only be closed, unless that was the last reply.
int engine_call_more(struct engine *engine, const struct engine_request *request, engine_take *take,
                     void *context, struct error *error);

// One request and its reply, behind which come bytes, no messages. As engine_call; 0: `connection`
// is the caller's, and what has come of it already is in `early`. The engine can then only be
// closed.
int engine_call_upgrade(struct engine *engine, const struct engine_request *request,
                        int *connection, struct buffer *early, struct error *error);

// What the last call was refused for; NULL: it was not refused. Borrowed until the next call. The
// findings of InvalidFiles are longer than a sentence: refusal_sentence writes all of them.
const struct refusal *engine_refusal(const struct engine *engine);
