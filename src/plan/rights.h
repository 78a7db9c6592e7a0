// SPDX-License-Identifier: MIT
// Who a process is and what it may do: its user, its limits of its own, its capabilities. What all
// that descends from it may use together is in plan/confinement.h.
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Limits of each single process: setrlimit(2).
enum rights_limit {
    RIGHTS_CORE,
    RIGHTS_FILE_SIZE,
    RIGHTS_FILES,
    RIGHTS_LOCKED_MEMORY,
    RIGHTS_STACK,
    RIGHTS_LIMITS,
};

#define RIGHTS_UNLIMITED UINT64_MAX

struct rights_limit_value {
    bool is_set; // else as the formation was started with
    uint64_t value;
};

// A user as this machine knows it.
struct account {
    struct str name;
    struct str home;
    struct str shell;
    uint32_t uid;
    uint32_t gid;
    const uint32_t *groups; // the supplementary ones, in rising order
    size_t group_count;
};

struct rights {
    struct str user;  // as declared, name or number; empty: the formation's own
    struct str group; // likewise; empty: the user's
    bool has_account; // one of both is declared; `account` is what they are here
    struct account account;
    bool has_umask;
    unsigned umask;
    bool has_nice;
    int nice;
    struct rights_limit_value limits[RIGHTS_LIMITS];
    bool no_new_privs;
    bool has_capabilities;       // else those that come with the user
    uint64_t capabilities;       // that it and its descendants can have at most, by number
    uint64_t capabilities_given; // and those of them that it has although its user is not root
    bool private_tmp;
};

// Whether a process would be started in another way.
bool rights_differ(const struct rights *a, const struct rights *b);

// Whether there is anything in which the process differs from the formation itself.
bool rights_are_special(const struct rights *rights);

// As in formation.yaml: "files"; NULL behind the last one.
const char *rights_limit_name(unsigned limit);

// "net_bind_service", by the kernel's number; NULL behind the last one that is known.
enum { RIGHTS_CAPABILITIES = 41 };
#define RIGHTS_ALL_CAPABILITIES ((UINT64_C(1) << RIGHTS_CAPABILITIES) - 1)
const char *rights_capability_name(unsigned number);

// Of a name with or without CAP_ in front, in capitals or not; -1: there is none.
int rights_capability_number(struct str name);
