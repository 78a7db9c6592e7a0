// SPDX-License-Identifier: MIT
// What a formation that runs has, for whoever must not wait for it: the Tab key.
#pragma once

#include "base/str.h"
#include "cli/command.h"

#include <jansson.h>
#include <sys/types.h>

struct running {
    json_t *types;     // of GetStatus; NULL: none runs, or it does not answer at once
    json_t *processes; // of List; NULL likewise
};

// Asks the formation that the options mean. Tells nothing.
void running_ask(const struct options *options, const char *app, struct running *out);
void running_fini(struct running *running);

// The user's formations that run and can be found by name; one of a name that several have comes
// several times. `pid` is 0 when it cannot be known.
typedef void running_take_app(void *context, struct str app, pid_t pid);
void running_each_app(running_take_app *take, void *context);
