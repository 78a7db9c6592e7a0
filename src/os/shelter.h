// SPDX-License-Identifier: MIT
// Whom the kernel kills last when memory is short: oom_score_adj of proc(5).
#pragma once

#include <stdbool.h>

enum { SHELTER_SCORE_BYTES = 12 };

struct shelter {
    char before[SHELTER_SCORE_BYTES]; // what our children are to have; "": we are not sheltered
    char within[SHELTER_SCORE_BYTES];
};

// Lowers our own score, if that is permitted (CAP_SYS_RESOURCE). `before`, if it is not 0, is what
// shelter_before() has said of an earlier one of this process.
void shelter_open(struct shelter *shelter, int before);

// The score that it had before, as a number that is not 0; 0: it is as it was.
int shelter_before(const struct shelter *shelter);

// Takes this process out of it, or into it again; only system calls are made. NULL: does nothing.
void shelter_leave(const struct shelter *shelter);
void shelter_enter(const struct shelter *shelter);
