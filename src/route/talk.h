// SPDX-License-Identifier: MIT
// The router's end of the channel: it hears tables and questions and tells how things stand.
#pragma once

#include "route/state.h"

// Takes all messages that are there. Once the other end is closed, router->channel is -1.
void talk_hear(struct router *router);

// Reports, if it is time to.
void talk_rest(struct router *router);

// Reports, whether it is time or not, if the channel has room.
void talk_report(struct router *router);

// When talk_rest is to be called though nothing happens. NSEC_NEVER: need not be.
nsec_t talk_due_at(const struct router *router);
