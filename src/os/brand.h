// SPDX-License-Identifier: MIT
// A mark that is inherited and cannot be washed off by clearing the environment: a value of
// RLIMIT_LOCKS. Linux has obeyed that limit until 2.4.24 and keeps it since for nothing; it goes on
// by fork(2) and execve(2) to whoever descends from a process, into new sessions, other users and
// other cgroups, and everybody may read it in /proc. Who sets it himself loses the mark.
//
// The hard limit names the guard and so the formation, the soft one the process. Where a limit has
// less than 64 bits, or in the ninth formation within another, there is no brand.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

// The brand of the formation of this guard; the same to all who inherit its limits. 0: none.
uint64_t brand_of_guard(pid_t guard, uint64_t start_ticks);

// What a process of that formation, called `name`, is to be given as RLIMIT_LOCKS.
struct rlimit brand_limits(uint64_t brand, const char *name);

// Whether `pid` has the brand; of the process `name`, NULL: of any.
bool brand_is_on(pid_t pid, uint64_t brand, const char *name);

// Whether it has one of a formation whose guard is gone: of our pid namespace, since pids mean
// something within it only, and not the one that we were started in ourselves.
bool brand_is_abandoned(pid_t pid);
