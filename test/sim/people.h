// SPDX-License-Identifier: MIT
// What people ask of a formation, as a manager passes it on to the supervisor.
#pragma once

#include "sim/history.h"

// Some request, now. What it consists of is fed until it is whole or the manager is dead.
void people_ask(struct simulation *simulation);
