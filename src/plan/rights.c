// SPDX-License-Identifier: MIT
// Names are the kernel's, as capabilities(7) has them, without the CAP_.
#include "plan/rights.h"

#include <string.h>

static const char *const capability_names[RIGHTS_CAPABILITIES + 1] = {
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
    NULL,
};

static const char *const limit_names[RIGHTS_LIMITS + 1] = {
    [RIGHTS_CORE] = "core",   [RIGHTS_FILE_SIZE] = "file_size",
    [RIGHTS_FILES] = "files", [RIGHTS_LOCKED_MEMORY] = "locked_memory",
    [RIGHTS_STACK] = "stack",
};

const char *rights_limit_name(unsigned limit)
{
    return limit_names[limit];
}

const char *rights_capability_name(unsigned number)
{
    return capability_names[number];
}

static char lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

int rights_capability_number(struct str name)
{
    enum { LONGEST = 32 };
    char text[LONGEST + 1];
    if (name.size > LONGEST)
        return -1;
    for (size_t i = 0; i < name.size; i++)
        text[i] = lower(name.bytes[i]);
    struct str wanted = str_from(text, name.size);
    if (str_starts_with(wanted, "cap_"))
        wanted = str_slice(wanted, sizeof("cap_") - 1, wanted.size);
    for (int number = 0; capability_names[number]; number++)
        if (str_is(wanted, capability_names[number]))
            return number;
    return -1;
}

static bool accounts_differ(const struct account *a, const struct account *b)
{
    return a->uid != b->uid || a->gid != b->gid || a->group_count != b->group_count ||
           (a->group_count > 0 &&
            memcmp(a->groups, b->groups, a->group_count * sizeof(*a->groups)) != 0) ||
           !str_equal(a->name, b->name) || !str_equal(a->home, b->home) ||
           !str_equal(a->shell, b->shell);
}

static bool limits_differ(const struct rights *a, const struct rights *b)
{
    for (int i = 0; i < RIGHTS_LIMITS; i++)
        if (a->limits[i].is_set != b->limits[i].is_set ||
            (a->limits[i].is_set && a->limits[i].value != b->limits[i].value))
            return true;
    return false;
}

static bool capabilities_differ(const struct rights *a, const struct rights *b)
{
    return a->has_capabilities != b->has_capabilities || a->capabilities != b->capabilities ||
           a->capabilities_given != b->capabilities_given;
}

bool rights_differ(const struct rights *a, const struct rights *b)
{
    return a->has_account != b->has_account ||
           (a->has_account && accounts_differ(&a->account, &b->account)) ||
           // Who is named gets variables, who only has a group gets none.
           (a->user.size > 0) != (b->user.size > 0) || a->has_umask != b->has_umask ||
           (a->has_umask && a->umask != b->umask) || a->has_nice != b->has_nice ||
           (a->has_nice && a->nice != b->nice) || limits_differ(a, b) ||
           a->no_new_privs != b->no_new_privs || capabilities_differ(a, b) ||
           a->private_tmp != b->private_tmp;
}

bool rights_are_special(const struct rights *rights)
{
    static const struct rights none;
    return rights_differ(rights, &none);
}
