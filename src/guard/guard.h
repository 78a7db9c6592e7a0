// SPDX-License-Identifier: MIT
// The parent of every process: spawns, reaps, holds descriptors, and starts the manager again
// whenever that is gone. It parses nothing, decides nothing, and allocates nothing once it runs.
#pragma once

#include "base/error.h"

#include <stddef.h>

// To be raised with every change of what a guard does: an upgrade then puts the new one in its
// place, too.
#ifndef GUARD_REVISION
#define GUARD_REVISION 5
#endif

// Guards from these revisions on take GUARD_SPAWN_CONFINED, and GUARD_SPAWN_GROUPS. (An earlier one
// would say that it lacks descriptors.)
enum { GUARD_CONFINES_SINCE = 3, GUARD_LIMITS_SINCE = 3 };

// To be raised with every change of what a guard hands over to the program that takes its place.
#ifndef GUARD_FORMAT
#define GUARD_FORMAT 7
#endif

// Becomes the guard of a new formation and returns when that is over, with the exit status of the
// program. The manager is this same program, started as `argv[0] manager argv[1] …`, and finds
// `memory_bytes` of zeroed memory behind the board. -errno and a sentence when nothing could be
// started.
int guard_run(int argc, char **argv, size_t memory_bytes, struct error *error);
