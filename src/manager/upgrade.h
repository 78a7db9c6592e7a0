// SPDX-License-Identifier: MIT
// Another program in the place of this one, without a process or a client that notices.
#pragma once

#include "manager/serve.h"

struct handover;

// Tries the program of the request and, if it can go on with this formation, becomes it. Takes the
// request over.
void upgrade_serve(struct manager *manager, struct client *client, struct request *request);

// By SIGUSR2: the program that is installed now.
void upgrade_by_signal(struct manager *manager);

// When the trial that runs, if one does, has taken too long; NSEC_NEVER.
nsec_t upgrade_due_at(const struct manager *manager);
void upgrade_work(struct manager *manager); // at that time
void upgrade_forget(struct manager *manager, struct subscription *subscription);

void upgrade_close(struct manager *manager); // ends a trial that is under way

// Finds out whether we have been put in another one's place, or what was to take it did not come
// up; then, after our first round: tells the guard, which becomes this program too if its part of
// it has changed, and whoever asked.
void upgrade_arrive(struct manager *manager, const struct handover *handover);
void upgrade_complete(struct manager *manager);

// The trial itself: whether this program can go on with the formation whose descriptors it was
// given. Prints why it cannot. Returns the exit status.
int upgrade_trial(int handover_format);
