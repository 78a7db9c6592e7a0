// SPDX-License-Identifier: MIT
// A program is run once to find out whether it can go on with this formation.
#pragma once

#include "manager/state.h"
#include "os/check.h"

enum { TRIAL_REASON_BYTES = 512 };

struct trial;
typedef void trial_news(struct trial *trial);

struct trial {
    struct manager *manager;
    struct check check;
    int output; // what it prints is read from here
    nsec_t due_at;
    trial_news *news;
};

// What the trial of a program that is fit prints, and no other program.
#define TRIAL_FIT "formation: fit to go on"

// Runs `program`, an open file, as `formation trial FORMAT` with the board and the plan in the
// places where a manager has them; `news` is called when it has ended. 0 or -errno.
int trial_begin(struct trial *trial, struct manager *manager, int program, int format,
                trial_news *news);

// Once it has ended: whether the program is fit; else why not.
bool trial_is_fit(const struct trial *trial, char reason[TRIAL_REASON_BYTES]);

// Ends what is left of it, itself included.
void trial_end(struct trial *trial);
