// SPDX-License-Identifier: MIT
#include "manager/limiting.h"

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

static int fail(struct error *error, int result, const char *name)
{
    return error_set(error, -result, "%s: cannot be limited: %s", name, strerrordesc_np(-result));
}

int limiting_open(struct limiting *limiting, const struct process_type *type, const char *name,
                  struct error *error)
{
    struct controller_amounts amounts = limiting_amounts(type);
    *limiting = (struct limiting){.type = type, .name = name};
    for (int which = 0; which < CONTROLLERS; which++)
        limiting->is_needed |= amounts.of[which] > 0;
    if (!limiting->is_needed)
        return 0;
    controllers_init(&limiting->controllers);
    int result = tree_open(&limiting->tree, getpid());
    if (result < 0) {
        limiting->is_needed = false;
        return fail(error, result, name);
    }
    result = need(&limiting->controllers, &limiting->tree, type, error);
    if (result < 0)
        limiting_close(limiting, true);
    return result;
}

int limiting_join(const struct limiting *limiting, struct error *error)
{
    if (!limiting->is_needed)
        return 0;
    int result = join(&limiting->controllers, &limiting->tree, limiting->type, limiting->name);
    return result < 0 ? fail(error, result, limiting->name) : 0;
}

void limiting_close(struct limiting *limiting, bool is_over)
{
    if (!limiting->is_needed)
        return;
    limiting->is_needed = false;
    controllers_close(&limiting->controllers);
    if (is_over) {
        tree_close(&limiting->tree);
        return;
    }
    if (limiting->tree.fd >= 0)
        (void)close(limiting->tree.fd);
    if (limiting->tree.parent_fd >= 0)
        (void)close(limiting->tree.parent_fd);
}
