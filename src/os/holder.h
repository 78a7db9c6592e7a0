// SPDX-License-Identifier: MIT
// Who has a port that somebody else would like to have.
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct holder {
    pid_t pid;
    uid_t uid;
    char name[16]; // as in ps
};

enum holder_outcome {
    HOLDER_FOUND,
    HOLDER_HIDDEN,  // only `uid` is known: we may not look at that user's processes
    HOLDER_UNKNOWN, // nobody listens there, or the kernel does not tell
};

// Who listens at a port of TCP; `family` is AF_INET, AF_INET6 or AF_UNSPEC for both. Of several
// that share it, one. Reads the descriptors of all processes: for sentences, not for every moment.
enum holder_outcome holder_find(int family, uint16_t port, struct holder *out);

// Fills the name of the process `pid`, which may be gone: "?".
void holder_name(struct holder *holder);
