// SPDX-License-Identifier: MIT
// What every command does that asks a formation that runs: find it, ask it, tell what went wrong.
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "cli/command.h"
#include "engine/engine.h"

#include <jansson.h>

enum {
    STATUS_REFUSED = 1, // the formation does not do it, or does not answer
    STATUS_USAGE = 2,
    STATUS_NONE_RUNS = 3,
};

struct client {
    const struct invocation *invocation;
    struct engine_address address;
    struct engine *engine; // NULL: not open
    struct arena arena;    // of the address
};

// All functions that return a status return 0, or the exit status after the reason was told.

// Finds the formation of --app, or of the folder that -d and .foreman say.
int client_open(struct client *client, struct invocation *invocation);
void client_close(struct client *client);

// The same without telling: 0, or as engine_open. The client is to be closed in any case.
int client_try(struct client *client, struct invocation *invocation, nsec_t patience,
               struct error *error);

// A manager that dies takes the connection with it; the next one is there at once, and is asked for
// so long, lest it dies as well.
#define CLIENT_ASKS_AGAIN_FOR (2 * NSEC_PER_SEC)

// Asks for something that changes nothing; a manager that was started again meanwhile is asked
// again. `parameters` is taken. json_decref the reply.
int client_ask(struct client *client, const char *method, json_t *parameters, json_t **out);

// Asks once, for what must not be done twice.
int client_call(struct client *client, const char *method, json_t *parameters, json_t **out);

// Asks once for a connection of bytes, of which some may have come already. The caller closes it.
int client_upgrade(struct client *client, const char *method, json_t *parameters, int *connection,
                   struct buffer *early);

// Asks for a change, and waits for its effect as long as it takes, unless --no-wait: that is added
// to `parameters` as `wait`.
int client_change(struct client *client, const char *method, json_t *parameters, json_t **out);

// The same, but if the manager was replaced before it had answered, so that the effect is unknown,
// that is not told: *is_cut, and the next one can be asked.
int client_change_or_cut(struct client *client, const char *method, json_t *parameters,
                         json_t **out, bool *is_cut);

// Connects to the next manager after the last one has died.
int client_open_again(struct client *client);

// Tells how a call has failed, other than by 0 or a positive status; returns a status.
int client_tell(const struct client *client, int result, const struct error *error);

// As engine_call_more, for a change; `take` may return a status (positive) to end the call.
int client_stream(struct client *client, const char *method, json_t *parameters, nsec_t patience,
                  engine_take *take, void *context);

// {"select": …}: the operands from the one with that index on.
json_t *client_select(const struct client *client, size_t first);

// Ends with one sentence for a person: "formation: …", and STATUS_REFUSED.
int client_refuse(const struct client *client, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Prints a reply as JSON, indented, or on one line and at once. Returns 0, or a status when
// standard output does not take it.
int client_print_json(const struct client *client, const json_t *value);
int client_print_json_line(const struct client *client, const json_t *value);

// Prints what was made for people and empties it. Control sequences of what processes wrote do not
// reach a terminal if `out` was made with client_append.
int client_print(const struct client *client, struct buffer *out);
void client_append(struct buffer *out, struct str text);

// Columns of the terminal that standard output is; 0: it is none.
unsigned client_columns(void);
