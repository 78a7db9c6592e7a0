// SPDX-License-Identifier: MIT
// Version 2 has "no internal processes" (cgroups(7)): a folder with processes gives no controller
// to those below it, unless it is the root. So we leave it for a leaf. Whoever else is in it is
// none of our business, and keeps the controllers from us.
#include "os/controller.h"

#include "os/clock.h"
#include "os/hierarchy.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER = O_RDONLY | O_DIRECTORY | O_CLOEXEC, PERIOD_USEC = 100000 };

static const char *const names[CONTROLLERS] = {"memory", "cpu", "pids"};

const char *controller_name(enum controller which)
{
    return names[which];
}

void controllers_init(struct controllers *controllers)
{
    *controllers = (struct controllers){.groups = {-1, -1, -1}};
}

void controllers_close(struct controllers *controllers)
{
    for (int i = 0; i < CONTROLLERS; i++)
        if (controllers->groups[i] >= 0)
            (void)close(controllers->groups[i]);
    controllers_init(controllers);
}

// Writes to a file of the kernel in `folder`. 0 or -errno.
static int write_file(int folder, const char *path, const char *text)
{
    int fd = openat(folder, path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t written = write(fd, text, strlen(text));
    int result = written < 0 ? -errno : 0;
    (void)close(fd);
    return result;
}

static bool lists(int folder, const char *file_name, const char *word)
{
    char text[512] = " "; // of words with a space between them, and a newline
    char wanted[32];
    int fd = openat(folder, file_name, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text + 1, sizeof(text) - 3);
    if (fd >= 0)
        (void)close(fd);
    if (size <= 0)
        return false;
    text[size + 1] = '\0';
    text[strcspn(text, "\n")] = ' ';
    (void)snprintf(wanted, sizeof(wanted), " %s ", word);
    return strstr(text, wanted);
}

static int give(int folder, enum controller which)
{
    char text[16];
    (void)snprintf(text, sizeof(text), "+%s", names[which]);
    return write_file(folder, "cgroup.subtree_control", text);
}

// --- version 2 -----------------------------------------------------------------------------------

static bool is_one_of(pid_t pid, const pid_t *supervisors, size_t count)
{
    struct proc_status status;
    for (size_t i = 0; i < count; i++)
        if (supervisors[i] == pid)
            return true;
    // A child of ours for some moments, as one who compresses a file.
    return proc_read_status(pid, &status) < 0 || status.parent == getpid() || status.state == 'Z';
}

// A process in our folder that is not of the supervisor, or 0.
static pid_t find_stranger(int folder, const pid_t *supervisors, size_t count)
{
    pid_t stranger = 0;
    int fd = openat(folder, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "re");
    for (int pid; file && stranger == 0 && fscanf(file, "%d", &pid) == 1;)
        if (pid != 0 && !is_one_of(pid, supervisors, count))
            stranger = pid;
    if (file)
        (void)fclose(file);
    return stranger;
}

static void read_command_name(pid_t pid, char out[32])
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/comm", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, out, 31);
    out[size > 0 ? size : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    if (fd >= 0)
        (void)close(fd);
}

// 0: one that cannot be seen from here.
static int refuse_stranger(pid_t stranger, struct error *error)
{
    char name[32] = "of another pid namespace";
    if (stranger)
        read_command_name(stranger, name);
    return error_set(error, EBUSY,
                     "process %d (%s) is in the supervisor's cgroup folder, too, so the kernel "
                     "gives no controller to those below it: start formation alone in one, as by "
                     "systemd-run --scope -p Delegate=yes",
                     stranger, name);
}

static int move_to_leaf(int folder, const struct tree *tree, const pid_t *supervisors, size_t count)
{
    char leaf[TREE_NAME_BYTES + 8];
    char path[sizeof(leaf) + 16];
    (void)snprintf(leaf, sizeof(leaf), "%s.own", tree->name);
    (void)snprintf(path, sizeof(path), "%s/cgroup.procs", leaf);
    if (mkdirat(folder, leaf, 0755) < 0 && errno != EEXIST)
        return -errno;
    int list = openat(folder, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    FILE *file = list < 0 ? NULL : fdopen(list, "re");
    int result = 0;
    for (int pid; file && result == 0 && fscanf(file, "%d", &pid) == 1;) {
        char text[16];
        if (pid == 0 || !is_one_of(pid, supervisors, count))
            continue;
        (void)snprintf(text, sizeof(text), "%d", pid);
        result = write_file(folder, path, text);
        result = result == -ESRCH ? 0 : result; // it has ended
    }
    if (file)
        (void)fclose(file);
    return result;
}

static int refuse_writing(int code, struct error *error)
{
    const char *how = code == EROFS ? "a container needs its cgroup folder writable"
                                    : "run it as root, or as a systemd unit with Delegate=yes";
    return error_set(error, code, "its cgroup folder cannot be changed: %s: %s",
                     strerrordesc_np(code), how);
}

static bool is_root(int folder)
{
    return faccessat(folder, "cgroup.type", F_OK, 0) < 0;
}

// For those who stay, the kernel would give some controllers all the same, by making a "threaded"
// folder of ours, below which nothing could be limited: so nobody stays.
static int leave_folder(int folder, const struct tree *tree, const pid_t *supervisors, size_t count,
                        struct error *error)
{
    if (is_root(folder))
        return 0;
    pid_t stranger = find_stranger(folder, supervisors, count);
    if (stranger)
        return refuse_stranger(stranger, error);
    int result = move_to_leaf(folder, tree, supervisors, count);
    return result == 0 ? 0 : refuse_writing(-result, error);
}

static int need_v2(const struct tree *tree, enum controller which, const pid_t *supervisors,
                   size_t count, struct error *error)
{
    if (lists(tree->fd, "cgroup.subtree_control", names[which]))
        return 0;
    int folder = openat(tree->fd, "..", FOLDER);
    if (folder < 0)
        return refuse_writing(errno, error);
    int result = leave_folder(folder, tree, supervisors, count, error);
    if (result == 0) {
        result = give(folder, which);
        if (result == 0)
            result = give(tree->fd, which);
        if (result < 0)
            result = result == -EBUSY ? refuse_stranger(0, error) : refuse_writing(-result, error);
    }
    (void)close(folder);
    return result;
}

// --- both ----------------------------------------------------------------------------------------

// Why neither version gives it; `code` is that of version 1. There may be one in our folder, in
// which no other can be made.
static int lack(enum controller which, int code, struct error *error)
{
    int folder = tree_open_own_folder();
    bool is_there = folder >= 0 && lists(folder, "cgroup.controllers", names[which]);
    int refused = is_there && faccessat(folder, ".", W_OK, 0) < 0 ? errno : 0;
    if (folder >= 0)
        (void)close(folder);
    if (refused)
        return refuse_writing(refused, error);
    return error_set(error, code,
                     "the supervisor's cgroup folder has no %s controller: ask for it by "
                     "Delegate=yes in its systemd unit, or let its container have one",
                     names[which]);
}

static int need_v1(struct controllers *controllers, const struct tree *tree, enum controller which,
                   struct error *error)
{
    int own = hierarchy_open(names[which]);
    if (own < 0)
        return lack(which, -own, error);
    int result = mkdirat(own, tree->name, 0755) < 0 && errno != EEXIST ? -errno : 0;
    int group = result == 0 ? openat(own, tree->name, FOLDER) : -1;
    result = result == 0 && group < 0 ? -errno : result;
    (void)close(own);
    if (result < 0)
        return refuse_writing(-result, error);
    controllers->groups[which] = group;
    return 0;
}

int controllers_need(struct controllers *controllers, const struct tree *tree,
                     enum controller which, const pid_t *supervisors, size_t supervisor_count,
                     struct error *error)
{
    if (controllers->ways[which] != CONTROLLER_UNUSED)
        return 0;
    bool is_v2 = tree->fd >= 0 && (lists(tree->fd, "../cgroup.controllers", names[which]));
    int result = is_v2 ? need_v2(tree, which, supervisors, supervisor_count, error)
                       : need_v1(controllers, tree, which, error);
    if (result == 0)
        controllers->ways[which] = is_v2 ? CONTROLLER_V2 : CONTROLLER_V1;
    return result;
}

static bool say(struct error *out, const char *text)
{
    *out = (struct error){0};
    (void)snprintf(out->text, sizeof(out->text), "%s", text);
    return true;
}

static bool describe_v2(int folder, struct error *out)
{
    const pid_t self = getpid();
    if (faccessat(folder, "cgroup.subtree_control", W_OK, 0) < 0)
        return refuse_writing(errno, out) == 0;
    pid_t stranger = is_root(folder) ? 0 : find_stranger(folder, &self, 1);
    if (stranger)
        return refuse_stranger(stranger, out) == 0;
    return say(out, "cgroup v2");
}

bool controller_describe(enum controller which, struct error *out)
{
    int folder = tree_open_own_folder();
    bool is_v2 = folder >= 0 && lists(folder, "cgroup.controllers", names[which]);
    int own = is_v2 ? -1 : hierarchy_open(names[which]);
    bool is;
    if (is_v2)
        is = describe_v2(folder, out);
    else if (own < 0)
        is = lack(which, -own, out) == 0;
    else if (faccessat(own, ".", W_OK, 0) < 0)
        is = refuse_writing(errno, out) == 0;
    else
        is = say(out, "cgroup v1");
    if (folder >= 0)
        (void)close(folder);
    if (own >= 0)
        (void)close(own);
    return is;
}

// --- limits --------------------------------------------------------------------------------------

struct setting {
    const char *file;
    bool may_lack; // not every kernel, or not every machine, has it
    char text[48];
};

enum { SETTINGS_MOST = 3 };

static size_t settings_v2(enum controller which, uint64_t amount, struct setting *out)
{
    char number[24] = "max";
    if (amount > 0 && which != CONTROLLER_CPU)
        (void)snprintf(number, sizeof(number), "%" PRIu64, amount);
    switch (which) {
    case CONTROLLER_MEMORY:
        out[0] = (struct setting){.file = "memory.max"};
        out[1] = (struct setting){.file = "memory.swap.max", .may_lack = true};
        out[2] = (struct setting){.file = "memory.oom.group", .may_lack = true};
        (void)snprintf(out[0].text, sizeof(out[0].text), "%s", number);
        (void)snprintf(out[1].text, sizeof(out[1].text), "%s", amount ? "0" : "max");
        (void)snprintf(out[2].text, sizeof(out[2].text), "%d", amount > 0);
        return 3;
    case CONTROLLER_CPU:
        out[0] = (struct setting){.file = "cpu.max", .text = "max"};
        if (amount > 0)
            (void)snprintf(out[0].text, sizeof(out[0].text), "%" PRIu64 " %d",
                           amount * (PERIOD_USEC / 1000), PERIOD_USEC);
        return 1;
    case CONTROLLER_PIDS:
    case CONTROLLERS:
        break;
    }
    out[0] = (struct setting){.file = "pids.max"};
    (void)snprintf(out[0].text, sizeof(out[0].text), "%s", number);
    return 1;
}

// Memory and swap together may never be less than memory alone, so they are first unlimited.
static size_t settings_v1(enum controller which, uint64_t amount, struct setting *out)
{
    char number[24];
    (void)snprintf(number, sizeof(number), "%" PRIu64, amount);
    switch (which) {
    case CONTROLLER_MEMORY:
        out[0] = (struct setting){.file = "memory.memsw.limit_in_bytes", .may_lack = true};
        out[1] = (struct setting){.file = "memory.limit_in_bytes"};
        (void)snprintf(out[0].text, sizeof(out[0].text), "-1");
        (void)snprintf(out[1].text, sizeof(out[1].text), "%s", number);
        out[2] = out[0];
        (void)snprintf(out[2].text, sizeof(out[2].text), "%s", number);
        return 3;
    case CONTROLLER_CPU:
        out[0] = (struct setting){.file = "cpu.cfs_period_us"};
        out[1] = (struct setting){.file = "cpu.cfs_quota_us"};
        (void)snprintf(out[0].text, sizeof(out[0].text), "%d", PERIOD_USEC);
        (void)snprintf(out[1].text, sizeof(out[1].text), "%" PRIu64, amount * (PERIOD_USEC / 1000));
        return 2;
    case CONTROLLER_PIDS:
    case CONTROLLERS:
        break;
    }
    out[0] = (struct setting){.file = "pids.max"};
    (void)snprintf(out[0].text, sizeof(out[0].text), "%s", number);
    return 1;
}

static int write_settings(int folder, const char *branch, const struct setting *settings,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char path[TREE_NAME_BYTES + 64];
        (void)snprintf(path, sizeof(path), "%s/%s", branch, settings[i].file);
        int result = write_file(folder, path, settings[i].text);
        if (result < 0 && !(settings[i].may_lack && (result == -ENOENT || result == -EACCES)))
            return result;
    }
    return 0;
}

// Returns a file to move oneself by, or -errno.
static int limit_v1(int group, const char *branch, enum controller which, uint64_t amount)
{
    struct setting settings[SETTINGS_MOST];
    char path[TREE_NAME_BYTES + 32];
    if (mkdirat(group, branch, 0755) < 0 && errno != EEXIST)
        return -errno;
    int result = write_settings(group, branch, settings, settings_v1(which, amount, settings));
    if (result < 0)
        return result;
    (void)snprintf(path, sizeof(path), "%s/cgroup.procs", branch);
    int fd = openat(group, path, O_WRONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int controllers_limit(const struct controllers *controllers, const struct tree *tree,
                      const char *branch, const struct controller_amounts *amounts,
                      int fds[CONTROLLERS])
{
    struct setting settings[SETTINGS_MOST];
    int count = 0;
    int result = 0;
    for (int i = 0; i < CONTROLLERS && result >= 0; i++) {
        enum controller which = (enum controller)i;
        uint64_t amount = amounts->of[i];
        if (controllers->ways[i] == CONTROLLER_V2) // one of an earlier life may stand there
            result =
                write_settings(tree->fd, branch, settings, settings_v2(which, amount, settings));
        else if (controllers->ways[i] == CONTROLLER_V1 && amount > 0)
            result = limit_v1(controllers->groups[i], branch, which, amount);
        else
            result = amount > 0 ? -EOPNOTSUPP : 0;
        if (result >= 0 && controllers->ways[i] == CONTROLLER_V1 && amount > 0)
            fds[count++] = result;
    }
    for (int i = 0; i < count && result < 0; i++)
        (void)close(fds[i]);
    return result < 0 ? result : count;
}

// --- the end -------------------------------------------------------------------------------------

void controllers_leave(int parent_fd, const char *name)
{
    enum { PATIENCE_MS = 1000, ROUND_MS = 2 };
    char leaf[TREE_NAME_BYTES + 8];
    (void)snprintf(leaf, sizeof(leaf), "%s.own", name);
    if (faccessat(parent_fd, leaf, F_OK, 0) < 0)
        return;
    for (int i = 0; i < CONTROLLERS; i++) {
        char text[16];
        (void)snprintf(text, sizeof(text), "-%s", names[i]);
        (void)write_file(parent_fd, "cgroup.subtree_control", text);
    }
    (void)write_file(parent_fd, "cgroup.procs", "0");
    nsec_t until = clock_now() + PATIENCE_MS * NSEC_PER_MSEC; // the others are about to be gone
    while (unlinkat(parent_fd, leaf, AT_REMOVEDIR) < 0 && errno == EBUSY && clock_now() < until)
        (void)poll(NULL, 0, ROUND_MS);
}
