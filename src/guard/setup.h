// SPDX-License-Identifier: MIT
// What a process sets right about itself before it becomes a guard.
#pragma once

#include <stdbool.h>
#include <sys/resource.h>

// Whether what a guard cannot do without is mounted: /proc of its own pid namespace, /dev/null.
// 0, or -errno and a sentence.
int setup_look_at_system(const char **lack);

// 0, 1 and 2 exist afterwards, or the board would get one of these numbers and be written to by
// printf. 0 or -errno.
int setup_standard_descriptors(void);

// Raises RLIMIT_NOFILE as far as that is allowed; `before` is what the processes shall have.
void setup_descriptor_limit(struct rlimit *before);

// What a signal is to the supervisor. Managers of containers and virtual machines ask their first
// process for its end by SIGPWR (LXC) or SIGRTMIN+3 (systemd's, podman's).
int setup_meaning_of(int signal);

// Blocks every signal that asks for something, as a shell would send it, and returns the signalfd
// that tells of them, or -1. `ignores_hangup`: we were started by nohup.
int setup_signals(bool *ignores_hangup);
