// SPDX-License-Identifier: MIT
#include "manager/limiting.h"

#include "os/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct controller_amounts limiting_amounts(const struct process_type *type)
{
    const struct tree_limits *limits = &type->confinement.tree;
    return (struct controller_amounts){{
        [CONTROLLER_MEMORY] = limits->memory_bytes,
        [CONTROLLER_CPU] = limits->cpu_thousandths,
        [CONTROLLER_PIDS] = limits->processes,
    }};
}

const char *limiting_subject(enum controller which)
{
    static const char *const subjects[CONTROLLERS] = {
        [CONTROLLER_MEMORY] = "memory",
        [CONTROLLER_CPU] = "processor time",
        [CONTROLLER_PIDS] = "processes",
    };
    return subjects[which];
}

static int need(struct controllers *controllers, const struct tree *tree,
                const struct process_type *type, struct error *error)
{
    const pid_t self = getpid();
    struct controller_amounts amounts = limiting_amounts(type);
    for (int which = 0; which < CONTROLLERS; which++) {
        struct error why;
        if (amounts.of[which] == 0 ||
            controllers_need(controllers, tree, (enum controller)which, &self, 1, &why) == 0)
            continue;
        return error_set(error, why.code, "the %s of '%.*s' cannot be limited: %s",
                         limiting_subject((enum controller)which), STR_ARGS(type->name), why.text);
    }
    return 0;
}

static int join_by(int fd)
{
    return write(fd, "0", 1) == 1 ? 0 : -errno; // ourselves
}

// Puts this process into its folders: of version 2, and of those of version 1 that have a limit.
static int join(const struct controllers *controllers, const struct tree *tree,
                const struct process_type *type, const char *name)
{
    struct controller_amounts amounts = limiting_amounts(type);
    int fds[CONTROLLERS];
    int branch = tree_branch_open(tree, name);
    if (branch < -1)
        return branch;
    int count = controllers_limit(controllers, tree, name, &amounts, fds);
    int result = count < 0 ? count : 0;
    for (int i = 0; i < count; i++) {
        if (result == 0)
            result = join_by(fds[i]);
        (void)close(fds[i]);
    }
    int procs = branch >= 0 ? openat(branch, "cgroup.procs", O_WRONLY | O_CLOEXEC) : -1;
    if (result == 0 && branch >= 0)
        result = procs < 0 ? -errno : join_by(procs);
    if (procs >= 0)
        (void)close(procs);
    if (branch >= 0)
        (void)close(branch);
    return result;
}

int limiting_become(const struct process_type *type, const char *name, struct error *error)
{
    struct controller_amounts amounts = limiting_amounts(type);
    struct controllers controllers;
    struct tree tree;
    if (amounts.of[CONTROLLER_MEMORY] == 0 && amounts.of[CONTROLLER_CPU] == 0 &&
        amounts.of[CONTROLLER_PIDS] == 0)
        return 0;
    int result = tree_open(&tree, getpid());
    if (result < 0)
        return error_set(error, -result, "%s: cannot be limited: %s", name,
                         strerrordesc_np(-result));
    controllers_init(&controllers);
    result = need(&controllers, &tree, type, error);
    if (result == 0) {
        result = join(&controllers, &tree, type, name);
        if (result < 0)
            (void)error_set(error, -result, "%s: cannot be limited: %s", name,
                            strerrordesc_np(-result));
    }
    controllers_close(&controllers);
    if (tree.fd >= 0)
        (void)close(tree.fd);
    if (tree.parent_fd >= 0)
        (void)close(tree.parent_fd);
    return result;
}
