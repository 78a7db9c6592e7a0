// SPDX-License-Identifier: MIT
// When a manager that has died is followed by the next one.
#pragma once

#include "guard/state.h"

// Sets when the next manager is due, after one that had come up or not.
void revive_manager(struct guard *guard, bool was_up);

// Whether so many have died before they had come up, one after the other, that there is little hope
// of the next one.
bool revive_is_in_vain(const struct guard *guard);

// Asks all processes to end and waits for that, for a while. What is left is to be killed.
void revive_give_up(struct guard *guard);

// Ends a manager that was stopped, or hangs: so it must not keep the formation from its end, and it
// must give the signs of life that it has promised (herald.h).
void revive_look_after(struct guard *guard);

// How long only news is waited for, as epoll_wait(2) wants it. `due_at`: when the guard itself
// has something else to do.
int revive_wait_milliseconds(const struct guard *guard, nsec_t due_at);
