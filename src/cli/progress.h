// SPDX-License-Identifier: MIT
// Changes to processes that are done one after the other: a line for each as it is done.
#pragma once

#include "cli/client.h"

struct progress_words {
    const char *method;
    const char *done;  // "restarted"
    const char *begun; // "restarting", for --no-wait
    const char *none;  // when nothing was to be done: a sentence for a person
};

// Asks for it for the operands (none: all processes), and prints what is done. Returns a status.
int progress_show(struct client *client, const struct progress_words *words);
