// SPDX-License-Identifier: MIT
// What a manager asks for and waits for: descriptors that the guard holds.
#pragma once

#include "guard/hold.h"

// GUARD_FETCH and GUARD_FETCH_LISTENER, each answered by one message on the manager's channel, if
// need be without a descriptor.
void answer_fetch(const struct holds *holds, int channel, const struct guard_request *request);
void answer_fetch_listener(const struct holds *holds, int channel,
                           const struct guard_request *request);
