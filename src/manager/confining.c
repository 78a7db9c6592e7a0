// SPDX-License-Identifier: MIT
// Who may not become another user, and is not asked to (load_rights.c), leaves its groups alone,
// since it may not set those either.
#include "manager/confining.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>

static const int resources[RIGHTS_LIMITS] = {
    [RIGHTS_CORE] = RLIMIT_CORE,    [RIGHTS_FILE_SIZE] = RLIMIT_FSIZE,
    [RIGHTS_FILES] = RLIMIT_NOFILE, [RIGHTS_LOCKED_MEMORY] = RLIMIT_MEMLOCK,
    [RIGHTS_STACK] = RLIMIT_STACK,
};

int confining_resource(enum rights_limit limit)
{
    return resources[limit];
}

bool confining_is_free(void)
{
    uint64_t needed = UINT64_C(1) << CAP_SETUID | UINT64_C(1) << CAP_SETGID;
    return (confine_capabilities() & needed) == needed;
}

static void put_account(const struct rights *rights, struct confine *out)
{
    const struct account *account = &rights->account;
    if (!rights->has_account || !confining_is_free())
        return;
    out->uid = account->uid;
    out->gid = account->gid;
    if (rights->user.size == 0) {
        out->flags |= CONFINE_GROUP;
        return;
    }
    out->flags |= CONFINE_USER;
    out->group_count = (uint32_t)account->group_count;
    memcpy(out->groups, account->groups, account->group_count * sizeof(*account->groups));
}

uint32_t confining_make(const struct rights *rights, struct confine *out)
{
    memset(out, 0, offsetof(struct confine, groups));
    put_account(rights, out);
    out->flags |= (rights->has_umask ? CONFINE_UMASK : 0) | (rights->has_nice ? CONFINE_NICE : 0) |
                  (rights->has_capabilities ? CONFINE_CAPABILITIES : 0) |
                  (rights->no_new_privs ? CONFINE_NO_NEW_PRIVS : 0) |
                  (rights->private_tmp ? CONFINE_PRIVATE_TMP : 0);
    out->umask = rights->umask;
    out->nice = rights->nice;
    out->capabilities = rights->capabilities;
    out->capabilities_given = rights->capabilities_given;
    for (int i = 0; i < RIGHTS_LIMITS; i++) {
        if (!rights->limits[i].is_set)
            continue;
        out->limits_set |= 1U << resources[i];
        out->limits[resources[i]] = rights->limits[i].value;
    }
    out->version = CONFINE_VERSION;
    out->size = (uint32_t)CONFINE_BYTES(out->group_count);
    return out->flags || out->limits_set ? out->size : 0;
}
