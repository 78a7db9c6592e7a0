// SPDX-License-Identifier: MIT
// Users and groups as this machine's databases have them (nsswitch.conf(5)). They may be asked over
// a network, so nobody does who has to answer at once.
#pragma once

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct user {
    struct str name;
    struct str home;
    struct str shell;
    uint32_t uid;
    uint32_t gid;
};

// By name or, of digits only, by number. 0; -ENOENT: there is none; -ENOMEM; or why the database
// cannot be asked. Texts are in `arena`.
int user_find(struct str text, struct arena *arena, struct user *out);
int user_find_group(struct str text, uint32_t *out_gid);

// "33": its number, whether there is such a user or group or not.
bool user_is_number(struct str text, uint32_t *out);

// All groups of the user with `gid` among them, in rising order, each once. 0; -E2BIG: more than
// LIMIT_USER_GROUPS; or -ENOMEM.
int user_groups(struct str name, uint32_t gid, struct arena *arena, const uint32_t **out,
                size_t *out_count);
