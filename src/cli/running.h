// SPDX-License-Identifier: MIT
// What a formation that runs has, for whoever must not wait for it: the Tab key.
#pragma once

#include "cli/command.h"

#include <jansson.h>

struct running {
    json_t *types;     // of GetStatus; NULL: none runs, or it does not answer at once
    json_t *processes; // of List; NULL likewise
};

// Asks the formation that the options mean. Tells nothing.
void running_ask(const struct options *options, const char *app, struct running *out);
void running_fini(struct running *running);
