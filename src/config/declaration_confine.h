// SPDX-License-Identifier: MIT
// The keys of a process type that say who a process is and what it may do (plan/rights.h).
#pragma once

#include "base/arena.h"
#include "config/yaml.h"
#include "plan/rights.h"

// What is declared, and where, since only the machine knows whether it can be had.
struct declared_rights {
    struct rights rights; // `account` is filled in by whoever asks the machine (manager/load.h)
    struct origin user_origin;
    struct origin group_origin;
    struct origin nice_origin;
    struct origin limit_origins[RIGHTS_LIMITS];
    struct origin capabilities_origin;
    struct origin private_tmp_origin;
    bool says_no_new_privs; // else true with a user, false without
};

void declared_rights_init(struct declared_rights *rights);

// Each reads the value of its key into a struct declared_rights.
yaml_read confine_read_user;
yaml_read confine_read_group;
yaml_read confine_read_umask;
yaml_read confine_read_nice;
yaml_read confine_read_no_new_privs;
yaml_read confine_read_capabilities;
yaml_read confine_read_private_tmp;

// A key of `limits:` that is one of rights_limit_name().
yaml_read confine_read_limit;

// As the plan has them, with every text and table in `arena`. 0 or -ENOMEM.
int declared_rights_copy(const struct declared_rights *declared, struct arena *arena,
                         struct rights *out);
