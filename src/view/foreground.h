// SPDX-License-Identifier: MIT
// How programs that like to become daemons are told to stay in the foreground.
#pragma once

#include "base/str.h"

// Of the program that calls itself `name` in /proc/PID/comm: what is to be written in the Procfile,
// as "redis-server … --daemonize no"; empty for one that is not known.
struct str foreground_command(struct str name);
