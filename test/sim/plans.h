// SPDX-License-Identifier: MIT
// What people want of a formation, and how they change their minds.
#pragma once

#include "sim/history.h"

// A first plan, with policies, an order of the types and quantities.
void plans_draw(struct simulation *simulation);

// Other quantities.
void plans_scale(struct simulation *simulation);

// As after other files: types come, go, are treated otherwise, and have a later revision if their
// processes are to be started anew.
void plans_reload(struct simulation *simulation);
