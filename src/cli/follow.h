// SPDX-License-Identifier: MIT
// Lines and events over the lives of several managers.
#pragma once

#include "cli/client.h"

// Calls Logs or Events, as client_stream. A manager that dies is followed by the next one, where it
// left off: with events by their number, with lines, which have none, by their time. Of those, what
// was written while there was no manager comes as it would have; what the next one does not keep
// any more is missing. `parameters` is taken.
int follow(struct client *client, const char *method, json_t *parameters, nsec_t patience,
           engine_take *take, void *context);
