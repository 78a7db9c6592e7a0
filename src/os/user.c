// SPDX-License-Identifier: MIT
// The reentrant functions tell "there is none" from "it cannot be asked"; getpwnam(3) lists the
// many errnos by which systems say the former.
#include "os/user.h"

#include "base/limits.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BYTES = 4096, MOST_BYTES = 16 * 1024 * 1024 };

bool user_is_number(struct str text, uint32_t *out)
{
    unsigned long number;
    if (!str_to_unsigned(text, &number) || number >= UINT32_MAX)
        return false;
    *out = (uint32_t)number;
    return true;
}

static bool means_none(int error)
{
    return error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM;
}

// One question to a database, which fills `bytes` and sets *out; returns as getpwnam_r(3).
typedef int ask(struct str text, char *bytes, size_t size, void *entry, bool *is_found);

// Asks with more and more room. The caller frees *bytes.
static int ask_with_room(ask *question, struct str text, void *entry, char **bytes)
{
    bool is_found = false;
    *bytes = NULL;
    for (size_t size = FIRST_BYTES; size <= MOST_BYTES; size *= 4) {
        free(*bytes);
        *bytes = malloc(size);
        if (!*bytes)
            return -ENOMEM;
        int error = question(text, *bytes, size, entry, &is_found);
        if (is_found)
            return 0;
        if (error != ERANGE)
            return means_none(error) ? -ENOENT : -error;
    }
    return -ERANGE;
}

static int ask_user(struct str text, char *bytes, size_t size, void *entry, bool *is_found)
{
    uint32_t uid;
    struct passwd *found = NULL;
    int error = user_is_number(text, &uid) ? getpwuid_r(uid, entry, bytes, size, &found)
                                           : getpwnam_r(text.bytes, entry, bytes, size, &found);
    *is_found = found != NULL;
    return error;
}

static int ask_group(struct str text, char *bytes, size_t size, void *entry, bool *is_found)
{
    uint32_t gid;
    struct group *found = NULL;
    int error = user_is_number(text, &gid) ? getgrgid_r(gid, entry, bytes, size, &found)
                                           : getgrnam_r(text.bytes, entry, bytes, size, &found);
    *is_found = found != NULL;
    return error;
}

int user_find(struct str text, struct arena *arena, struct user *out)
{
    struct passwd entry;
    char *bytes;
    int result = ask_with_room(ask_user, text, &entry, &bytes);
    if (result == 0) {
        *out = (struct user){.uid = entry.pw_uid, .gid = entry.pw_gid};
        if (arena_str(arena, str_of(entry.pw_name), &out->name) != 0 ||
            arena_str(arena, str_of(entry.pw_dir), &out->home) != 0 ||
            arena_str(arena, str_of(entry.pw_shell), &out->shell) != 0)
            result = -ENOMEM;
    }
    free(bytes);
    return result;
}

int user_find_group(struct str text, uint32_t *out_gid)
{
    struct group entry;
    char *bytes;
    int result = ask_with_room(ask_group, text, &entry, &bytes);
    if (result == 0)
        *out_gid = entry.gr_gid;
    free(bytes);
    return result;
}

static int compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

int user_groups(struct str name, uint32_t gid, struct arena *arena, const uint32_t **out,
                size_t *out_count)
{
    _Static_assert(sizeof(gid_t) == sizeof(uint32_t), "groups are numbers of 32 bits");
    int count = LIMIT_USER_GROUPS;
    uint32_t *groups = arena_alloc(arena, LIMIT_USER_GROUPS * sizeof(*groups));
    size_t used = 0;
    if (!groups)
        return -ENOMEM;
    if (getgrouplist(name.bytes, gid, groups, &count) < 0)
        return -E2BIG;
    qsort(groups, (size_t)count, sizeof(*groups), compare);
    for (int i = 0; i < count; i++)
        if (used == 0 || groups[used - 1] != groups[i])
            groups[used++] = groups[i];
    *out = groups;
    *out_count = used;
    return 0;
}
