// SPDX-License-Identifier: MIT
// By its cgroup, which may be one that the process has made in its own. Where there are no folders,
// its ancestors are followed: up to the main process, or to an orphan that the guard has adopted.
#include "os/member.h"

#include "os/brand.h"
#include "os/proc.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { MOST_ANCESTORS = 1024 }; // none is met twice but by pids that were used anew meanwhile

static bool names_branch(const char *line, const char *branch)
{
    size_t size = strlen(branch);
    for (const char *at = line; (at = strstr(at, branch)); at++)
        if (at[size] == '\n' || at[size] == '/')
            return true;
    return false;
}

static enum membership look_into_cgroup(const struct tree *tree, const char *name, pid_t pid)
{
    char path[64];
    char branch[2 * TREE_NAME_BYTES];
    char line[PATH_MAX + 64];
    (void)snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
    (void)snprintf(branch, sizeof(branch), "/%s/%s", tree->name, name);
    FILE *file = fopen(path, "re");
    if (!file)
        return errno == ENOENT || errno == ESRCH ? MEMBER_IS_GONE : MEMBER_IS_NOT;
    enum membership result = MEMBER_IS_GONE; // one that is being reaped has no lines any more
    while (fgets(line, sizeof(line), file)) {
        if (strncmp(line, "0::/", 4) != 0)
            continue;
        result = names_branch(line, branch) ? MEMBER_IS : MEMBER_IS_NOT;
        break;
    }
    (void)fclose(file);
    return result;
}

static bool has_marks(const struct tree *tree, const char *name, pid_t pid)
{
    char mark[TREE_MARK_BYTES + 16];
    char member[TREE_NAME_BYTES + 16];
    (void)snprintf(mark, sizeof(mark), "FORMATION_ID=%s", tree->mark);
    (void)snprintf(member, sizeof(member), "PS=%s", name);
    return brand_is_on(pid, tree->brand, name) ||
           (proc_has_variable(pid, mark) && proc_has_variable(pid, member));
}

static enum membership follow_ancestors(const struct tree *tree, const char *name, pid_t leader,
                                        pid_t pid)
{
    struct proc_status status;
    for (unsigned i = 0; i < MOST_ANCESTORS; i++) {
        if (proc_read_status(pid, &status) < 0)
            return MEMBER_IS_GONE;
        if (status.session == leader || status.group == leader || status.parent == leader)
            return MEMBER_IS;
        if (status.parent == tree->guard)
            return has_marks(tree, name, pid) ? MEMBER_IS : MEMBER_IS_NOT;
        if (status.parent <= 1)
            return MEMBER_IS_NOT;
        pid = status.parent;
    }
    return MEMBER_IS_NOT;
}

enum membership member_of_branch(const struct tree *tree, const char *name, pid_t leader, pid_t pid)
{
    if (pid <= 0)
        return MEMBER_IS_NOT; // of a pid namespace that is not below ours
    if (pid == leader)
        return MEMBER_IS;
    return tree->fd >= 0 ? look_into_cgroup(tree, name, pid)
                         : follow_ancestors(tree, name, leader, pid);
}
