// SPDX-License-Identifier: MIT
// When a manager that has died is followed by the next one, and when there is no point in it.
#pragma once

#include "guard/state.h"

// Sets when the next manager is due, after one that had come up or not. False: no other try.
bool revive_manager(struct guard *guard, bool was_up);

// Asks all processes to end and waits for that, for a while. What is left is to be killed.
void revive_give_up(struct guard *guard);

// A manager that was stopped, or hangs, must not keep the formation from its end.
void revive_look_after(struct guard *guard);
