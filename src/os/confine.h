// SPDX-License-Identifier: MIT
// A process gives up, before it executes its program, what that is not to have: its user, its
// capabilities, its view of /tmp. Only system calls, since the process may borrow its parent's
// memory.
#pragma once

#include "base/limits.h"
#include "os/spawn.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// To be raised with every change of struct confine.
enum { CONFINE_VERSION = 1 };

enum confine_flag {
    CONFINE_USER = 1 << 0,  // groups, gid and uid
    CONFINE_GROUP = 1 << 1, // gid alone
    CONFINE_UMASK = 1 << 2,
    CONFINE_NICE = 1 << 3,
    CONFINE_CAPABILITIES = 1 << 4,
    CONFINE_NO_NEW_PRIVS = 1 << 5,
    CONFINE_PRIVATE_TMP = 1 << 6, // a mount namespace of its own, with empty /tmp and /var/tmp
};

enum { CONFINE_LIMITS = 16 }; // RLIM_NLIMITS, of every kernel so far

// The same in the memory of whoever asks and of whoever does it, so its bytes can be sent.
struct confine {
    uint32_t version;
    uint32_t size; // bytes of it that count: up to the last group
    uint32_t flags;
    uint32_t uid;
    uint32_t gid;
    int32_t nice;
    uint32_t umask;
    uint32_t limits_set;             // bit n: limits[n] is for the resource n of setrlimit(2)
    uint64_t limits[CONFINE_LIMITS]; // soft and hard; UINT64_MAX: none
    uint64_t capabilities;           // the most that it can ever have
    uint64_t capabilities_given;     // those that it has also as a user who is not root
    uint32_t reserved;
    uint32_t group_count;
    uint32_t groups[LIMIT_USER_GROUPS];
};

// Of one with so many groups.
#define CONFINE_BYTES(group_count) (offsetof(struct confine, groups) + (group_count)*4)

// Takes it from the front of `bytes`. Returns how many it has, or -EPROTO: it is of another version
// or does not fit itself.
int confine_take(const char *bytes, size_t size, struct confine *out);

// Becomes what it says, for ever. `mount_namespace` is joined where /tmp is private; -1: a new one.
// 0, or -errno and the stage.
int confine_become(const struct confine *confine, int mount_namespace,
                   volatile enum spawn_stage *stage);

// Our own effective capabilities, by number.
uint64_t confine_capabilities(void);
