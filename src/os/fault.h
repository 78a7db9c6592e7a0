// SPDX-License-Identifier: MIT
// Only for a build with -Dfaults=true: system calls and allocations fail at the command of the
// environment variable FORMATION_FAULTS (fault.c). In any other build this is nothing at all.
#pragma once

#ifdef WITH_FAULTS

// From here on this process has another role: it was forked from one that had its own.
void fault_become(const char *role);

// What clone3 is to return in place of a process: 0 for none, or -errno.
long fault_of_clone(void);

#else

static inline void fault_become(const char *role)
{
    (void)role;
}

static inline long fault_of_clone(void)
{
    return 0;
}

#endif
