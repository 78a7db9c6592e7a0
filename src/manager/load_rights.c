// SPDX-License-Identifier: MIT
// What a file asks for and only this machine knows: who a user is, and whether we may do what is
// asked. So it is an error at the start, with its place in the file, and not one of each spawn.
#include "manager/load.h"

#include "base/limits.h"
#include "manager/confining.h"
#include "os/file.h"
#include "os/user.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static bool may(int capability)
{
    return confine_capabilities() & (UINT64_C(1) << capability);
}

// --- who a user is

// Returns 0; -EINVAL, which has been told; or -ENOMEM.
static int report(struct diagnostics *diagnostics, struct origin origin, const char *kind,
                  struct str name, int result)
{
    if (result == -ENOENT)
        diagnostics_error(diagnostics, origin, "there is no %s '%.*s' on this machine", kind,
                          STR_ARGS(str_excerpt(name)));
    else if (result < 0 && result != -ENOMEM)
        diagnostics_error(diagnostics, origin, "the %s '%.*s' cannot be looked up: %s", kind,
                          STR_ARGS(str_excerpt(name)), strerrordesc_np(-result));
    return result == 0 || result == -ENOMEM ? result : -EINVAL;
}

// Whose number no database has: it can be used with a group, and has no home.
static int find_stranger(const struct declared_rights *declared, struct diagnostics *diagnostics,
                         struct account *out)
{
    struct str text = declared->rights.user;
    if (declared->rights.group.size == 0) {
        diagnostics_error(diagnostics, declared->user_origin,
                          "there is no user %.*s on this machine: write 'group', too, to run as "
                          "that number all the same",
                          STR_ARGS(text));
        return -EINVAL;
    }
    *out = (struct account){.name = text, .home = str_of("/"), .shell = str_of("/bin/sh")};
    (void)user_is_number(text, &out->uid);
    return 0;
}

// What says "no" to whoever logs in is of no use to a program that wants to run a command.
static struct str usable_shell(struct str shell)
{
    bool is_usable =
        shell.size > 0 && !str_ends_with(shell, "/nologin") && !str_ends_with(shell, "/false");
    return is_usable ? shell : str_of("/bin/sh");
}

static int find_user(const struct declared_rights *declared, struct arena *arena,
                     struct diagnostics *diagnostics, struct account *out)
{
    struct user user;
    uint32_t number;
    struct str text = declared->rights.user;
    int result = user_find(text, arena, &user);
    if (result == -ENOENT && user_is_number(text, &number))
        return find_stranger(declared, diagnostics, out);
    if (result < 0)
        return report(diagnostics, declared->user_origin, "user", text, result);
    *out = (struct account){.name = user.name,
                            .home = user.home,
                            .shell = usable_shell(user.shell),
                            .uid = user.uid,
                            .gid = user.gid};
    return 0;
}

static int find_groups(const struct declared_rights *declared, struct arena *arena,
                       struct diagnostics *diagnostics, struct account *account)
{
    int result =
        user_groups(account->name, account->gid, arena, &account->groups, &account->group_count);
    if (result == -E2BIG)
        diagnostics_error(diagnostics, declared->user_origin,
                          "the user '%.*s' is in more than %d groups",
                          STR_ARGS(str_excerpt(account->name)), LIMIT_USER_GROUPS);
    return result == -E2BIG ? -EINVAL : result;
}

static int find_account(struct declared_rights *declared, struct arena *arena,
                        struct diagnostics *diagnostics)
{
    struct rights *rights = &declared->rights;
    struct account *account = &rights->account;
    uint32_t group = getegid();
    int result = 0;
    if (rights->user.size == 0 && rights->group.size == 0)
        return 0;
    if (rights->user.size > 0)
        result = find_user(declared, arena, diagnostics, account);
    if (rights->group.size > 0) {
        int found = user_is_number(rights->group, &group)
                        ? 0
                        : report(diagnostics, declared->group_origin, "group", rights->group,
                                 user_find_group(rights->group, &group));
        account->gid = group;
        result = result < 0 ? result : found;
    }
    if (result == 0 && rights->user.size > 0)
        result = find_groups(declared, arena, diagnostics, account);
    else if (rights->user.size == 0)
        account->uid = geteuid();
    rights->has_account = result == 0;
    return result;
}

// Whose a socket's file is.
static int find_owner(struct declared_listener *declared, struct arena *arena,
                      struct diagnostics *diagnostics)
{
    struct listener *listener = &declared->listener;
    struct user user = {0};
    int result = 0;
    listener->has_uid = declared->user.size > 0;
    listener->has_gid = declared->group.size > 0;
    if (listener->has_uid && !user_is_number(declared->user, &listener->uid)) {
        result = report(diagnostics, declared->user_origin, "user", declared->user,
                        user_find(declared->user, arena, &user));
        listener->uid = user.uid;
    }
    if (listener->has_gid && !user_is_number(declared->group, &listener->gid)) {
        int found = report(diagnostics, declared->group_origin, "group", declared->group,
                           user_find_group(declared->group, &listener->gid));
        result = result < 0 ? result : found;
    }
    return result;
}

static int find_owners(struct declared_listening *listening, struct arena *arena,
                       struct diagnostics *diagnostics)
{
    int result = 0;
    for (size_t i = 0; i < listening->count && result != -ENOMEM; i++) {
        int found = find_owner(&listening->items[i], arena, diagnostics);
        result = found < 0 ? found : result;
    }
    return result;
}

int load_accounts(struct loaded *loaded, struct diagnostics *diagnostics)
{
    int result = 0;
    for (size_t i = 0; i < loaded->declaration.type_count && result != -ENOMEM; i++) {
        struct declared_type *type = &loaded->declaration.types[i];
        int found = find_account(&type->rights, &loaded->arena, diagnostics);
        result = found < 0 ? found : result;
        found = find_owners(&type->listening, &loaded->arena, diagnostics);
        result = found < 0 ? found : result;
    }
    loaded->types_are_known = loaded->types_are_known && result == 0;
    return result;
}

// --- whether it can be had

static void check_account(const struct declared_rights *declared, struct diagnostics *diagnostics)
{
    const struct rights *rights = &declared->rights;
    bool is_ours = (rights->user.size == 0 || rights->account.uid == geteuid()) &&
                   rights->account.gid == getegid();
    if (!rights->has_account || is_ours || confining_is_free())
        return;
    if (rights->user.size > 0 && rights->account.uid != geteuid())
        diagnostics_error(diagnostics, declared->user_origin,
                          "only root can run processes as '%.*s': the formation is started by the "
                          "user %u",
                          STR_ARGS(str_excerpt(rights->user)), geteuid());
    else
        diagnostics_error(diagnostics,
                          rights->group.size > 0 ? declared->group_origin : declared->user_origin,
                          "only root can run processes of the group %u: the formation is started "
                          "with the group %u",
                          rights->account.gid, getegid());
}

static void check_nice(const struct declared_rights *declared, struct diagnostics *diagnostics)
{
    enum { NICE_TO_LIMIT = 20 }; // getrlimit(2), RLIMIT_NICE
    struct rlimit limit = {0};
    const struct rights *rights = &declared->rights;
    errno = 0;
    int own = getpriority(PRIO_PROCESS, 0);
    if (!rights->has_nice || errno != 0 || rights->nice >= own || may(CAP_SYS_NICE))
        return;
    (void)getrlimit(RLIMIT_NICE, &limit);
    if ((rlim_t)(NICE_TO_LIMIT - rights->nice) > limit.rlim_cur)
        diagnostics_error(diagnostics, declared->nice_origin,
                          "only root can give processes a 'nice' below the formation's own, %d",
                          own);
}

// No process may have more descriptors than that, whatever its limit.
static uint64_t most_files(void)
{
    struct buffer text = {0};
    struct error error;
    unsigned long number;
    bool is_known = file_read("/proc/sys/fs/nr_open", LIMIT_FILE_BYTES, &text, &error) == 0 &&
                    text.size > 0 &&
                    str_to_unsigned(str_slice(buffer_str(&text), 0, text.size - 1), &number);
    buffer_fini(&text);
    return is_known ? number : UINT64_MAX;
}

static void check_limits(const struct declared_rights *declared, struct diagnostics *diagnostics)
{
    for (unsigned i = 0; i < RIGHTS_LIMITS; i++) {
        const struct rights_limit_value *value = &declared->rights.limits[i];
        struct rlimit own;
        if (!value->is_set || getrlimit(confining_resource((enum rights_limit)i), &own) < 0)
            continue;
        uint64_t most = may(CAP_SYS_RESOURCE) ? UINT64_MAX : own.rlim_max;
        if (i == RIGHTS_FILES && most_files() < most)
            most = most_files();
        if (value->value > most)
            diagnostics_error(diagnostics, declared->limit_origins[i],
                              "'%s' is more than the formation itself may have: %llu at most",
                              rights_limit_name(i), (unsigned long long)most);
    }
}

static void check_capabilities(const struct declared_rights *declared,
                               struct diagnostics *diagnostics)
{
    const struct rights *rights = &declared->rights;
    uint64_t lacking = rights->capabilities_given & ~confine_capabilities();
    if (!rights->has_capabilities)
        return;
    if (!may(CAP_SETPCAP)) {
        diagnostics_error(diagnostics, declared->capabilities_origin,
                          "only root can say which capabilities processes have");
        return;
    }
    for (unsigned number = 0; rights_capability_name(number); number++)
        if (lacking & (UINT64_C(1) << number))
            diagnostics_error(diagnostics, declared->capabilities_origin,
                              "the formation itself does not have the capability '%s'",
                              rights_capability_name(number));
}

static bool is_below(struct str path, const char *folder)
{
    size_t size = strlen(folder);
    return str_starts_with(path, folder) && (path.size == size || path.bytes[size] == '/');
}

static void check_tmp(const struct declared_rights *declared, const struct process_type *type,
                      struct diagnostics *diagnostics)
{
    if (!declared->rights.private_tmp)
        return;
    if (!may(CAP_SYS_ADMIN))
        diagnostics_error(diagnostics, declared->private_tmp_origin,
                          "only root can give processes a /tmp of their own");
    else if (is_below(type->directory, "/tmp") || is_below(type->directory, "/var/tmp"))
        diagnostics_error(diagnostics, declared->private_tmp_origin,
                          "'private_tmp' would hide %.*s, where the processes run",
                          STR_ARGS(type->directory));
}

void load_check_rights(const struct loaded *loaded, const struct process_type *type,
                       struct diagnostics *diagnostics)
{
    for (size_t i = 0; i < loaded->declaration.type_count; i++) {
        const struct declared_type *declared = &loaded->declaration.types[i];
        if (!str_equal(declared->name, type->name))
            continue;
        check_account(&declared->rights, diagnostics);
        check_nice(&declared->rights, diagnostics);
        check_limits(&declared->rights, diagnostics);
        check_capabilities(&declared->rights, diagnostics);
        check_tmp(&declared->rights, type, diagnostics);
    }
}
