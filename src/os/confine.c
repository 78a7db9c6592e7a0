// SPDX-License-Identifier: MIT
// Raw system calls for users and groups: those of the C library would have all threads of the
// process follow, by signals to them (nptl(7)), and take locks for it.
//
// What needs a privilege comes before that is given up: mounts and groups first, the bounding set
// while we may still change it, then the user, who takes all capabilities along but those that we
// hold fast; last what nobody can undo.
#include "os/confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CAPABILITIES = 64 };

int confine_take(const char *bytes, size_t size, struct confine *out)
{
    size_t head = offsetof(struct confine, groups);
    if (size < head)
        return -EPROTO;
    memcpy(out, bytes, head);
    if (out->version != CONFINE_VERSION || out->group_count > LIMIT_USER_GROUPS ||
        out->size != CONFINE_BYTES(out->group_count) || out->size > size)
        return -EPROTO;
    memcpy(out->groups, bytes + head, out->size - head);
    return (int)out->size;
}

static int set_limits(const struct confine *confine)
{
    for (unsigned resource = 0; resource < CONFINE_LIMITS; resource++) {
        uint64_t value = confine->limits[resource];
        const struct {
            uint64_t soft;
            uint64_t hard;
        } limit = {value, value};
        if (confine->limits_set & (1U << resource) &&
            syscall(SYS_prlimit64, 0, resource, &limit, NULL) < 0)
            return -1;
    }
    return 0;
}

// A machine without the folder has nothing there that would have to be hidden.
static int mount_tmp(const char *folder)
{
    if (mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") == 0)
        return 0;
    return errno == ENOENT ? 0 : -1;
}

// The kernel takes it away with the last process that sees it, whoever ends that and how.
static int make_private_tmp(int mount_namespace)
{
    if (mount_namespace >= 0)
        return setns(mount_namespace, CLONE_NEWNS);
    if (unshare(CLONE_NEWNS) < 0)
        return -1;
    // What is mounted outside later is seen inside, but not the other way round.
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
        return -1;
    return mount_tmp("/tmp") < 0 || mount_tmp("/var/tmp") < 0 ? -1 : 0;
}

// Of those that this kernel knows.
static int shrink_bounding_set(uint64_t kept)
{
    for (int number = 0; number < CAPABILITIES; number++) {
        int is_there = prctl(PR_CAPBSET_READ, number, 0, 0, 0);
        if (is_there < 0)
            return 0;
        if (is_there && !(kept & (UINT64_C(1) << number)) &&
            prctl(PR_CAPBSET_DROP, number, 0, 0, 0) < 0)
            return -1;
    }
    return 0;
}

struct capability_sets {
    uint64_t effective;
    uint64_t permitted;
    uint64_t inheritable;
};

static int get_capabilities(struct capability_sets *out)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data) < 0)
        return -1;
    out->effective = data[0].effective | (uint64_t)data[1].effective << 32;
    out->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
    out->inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
    return 0;
}

static int set_capabilities(const struct capability_sets *sets)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct data[2] = {
        {(uint32_t)sets->effective, (uint32_t)sets->permitted, (uint32_t)sets->inheritable},
        {(uint32_t)(sets->effective >> 32), (uint32_t)(sets->permitted >> 32),
         (uint32_t)(sets->inheritable >> 32)},
    };
    return (int)syscall(SYS_capset, &header, data);
}

uint64_t confine_capabilities(void)
{
    struct capability_sets sets;
    return get_capabilities(&sets) == 0 ? sets.effective : 0;
}

// Root has by execve(2) all that the bounding set leaves. Another user has what is ambient, which
// has to be permitted and inheritable first.
static int keep_capabilities(const struct confine *confine)
{
    struct capability_sets sets;
    if (get_capabilities(&sets) < 0)
        return -1;
    bool is_root = geteuid() == 0;
    uint64_t kept = is_root ? sets.permitted & confine->capabilities : confine->capabilities_given;
    sets = (struct capability_sets){kept, kept, is_root ? 0 : kept};
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 || set_capabilities(&sets) < 0)
        return -1;
    for (int number = 0; number < CAPABILITIES && !is_root; number++)
        if (kept & (UINT64_C(1) << number) &&
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) < 0)
            return -1;
    return 0;
}

static int become_user(const struct confine *confine)
{
    if (confine->flags & CONFINE_CAPABILITIES && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
        return -1;
    return (int)syscall(SYS_setresuid, confine->uid, confine->uid, confine->uid);
}

static int take_steps(const struct confine *confine, int mount_namespace,
                      volatile enum spawn_stage *stage)
{
    uint32_t flags = confine->flags;
    *stage = SPAWN_STAGE_NICE;
    if (flags & CONFINE_NICE && setpriority(PRIO_PROCESS, 0, confine->nice) < 0)
        return -1;
    *stage = SPAWN_STAGE_LIMITS;
    if (set_limits(confine) < 0)
        return -1;
    *stage = SPAWN_STAGE_TMP;
    if (flags & CONFINE_PRIVATE_TMP && make_private_tmp(mount_namespace) < 0)
        return -1;
    *stage = SPAWN_STAGE_GROUPS;
    if (flags & CONFINE_USER &&
        syscall(SYS_setgroups, (size_t)confine->group_count, confine->groups) < 0)
        return -1;
    *stage = SPAWN_STAGE_GROUP;
    if (flags & (CONFINE_USER | CONFINE_GROUP) &&
        syscall(SYS_setresgid, confine->gid, confine->gid, confine->gid) < 0)
        return -1;
    *stage = SPAWN_STAGE_CAPABILITIES;
    if (flags & CONFINE_CAPABILITIES && shrink_bounding_set(confine->capabilities) < 0)
        return -1;
    *stage = SPAWN_STAGE_USER;
    if (flags & CONFINE_USER && become_user(confine) < 0)
        return -1;
    *stage = SPAWN_STAGE_CAPABILITIES;
    if (flags & CONFINE_CAPABILITIES && keep_capabilities(confine) < 0)
        return -1;
    *stage = SPAWN_STAGE_PRIVILEGES;
    if (flags & CONFINE_NO_NEW_PRIVS && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -1;
    if (flags & CONFINE_UMASK)
        (void)umask((mode_t)confine->umask); // never fails
    return 0;
}

int confine_become(const struct confine *confine, int mount_namespace,
                   volatile enum spawn_stage *stage)
{
    return take_steps(confine, mount_namespace, stage) < 0 ? -errno : 0;
}
