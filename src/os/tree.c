// SPDX-License-Identifier: MIT
// The folder's name holds the guard's pid namespace, pid and start time, so that it can be found by
// whoever knows the guard, and is never taken for another's after a pid was used again.
#include "os/tree.h"

#include "os/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

enum { FOLDER = O_RDONLY | O_DIRECTORY | O_CLOEXEC };

// The cgroup v2 folder that we are in, from /proc/self/mountinfo and /proc/self/cgroup (cgroups(7)).
static int open_own_folder(void)
{
    char line[PATH_MAX + 256];
    char mount[PATH_MAX] = "";
    char path[2 * PATH_MAX] = "";
    FILE *file = fopen("/proc/self/mountinfo", "re");
    while (file && fgets(line, sizeof(line), file))
        if (strstr(line, " - cgroup2 ") && sscanf(line, "%*s %*s %*s %*s %4095s", mount) == 1)
            break;
    if (file)
        (void)fclose(file);
    file = mount[0] ? fopen("/proc/self/cgroup", "re") : NULL;
    while (file && fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "0::/", 4) == 0)
            (void)snprintf(path, sizeof(path), "%s%s", mount, line + 3);
    }
    if (file)
        (void)fclose(file);
    struct statfs system;
    int fd = path[0] ? open(path, FOLDER) : -1;
    if (fd < 0 || (fstatfs(fd, &system) == 0 && system.f_type == CGROUP2_SUPER_MAGIC))
        return fd;
    (void)close(fd); // something else was mounted over it
    return -1;
}

static void name_tree(struct tree *tree, pid_t guard)
{
    struct proc_status status = {0};
    (void)proc_read_status(guard, &status);
    (void)snprintf(tree->mark, sizeof(tree->mark), "%llu.%d.%llu",
                   (unsigned long long)proc_namespace(), guard,
                   (unsigned long long)status.start_ticks);
    (void)snprintf(tree->name, sizeof(tree->name), "formation.%s", tree->mark);
}

// What a formation has left whose guard, manager and witness were killed in one blow: its folder
// names the guard, which is gone.
static void end_abandoned(int parent_fd, const char *name)
{
    struct tree tree = {.parent_fd = -1};
    struct proc_status status;
    unsigned long long namespace, start;
    pid_t guard;
    if (sscanf(name, "formation.%llu.%d.%llu", &namespace, &guard, &start) != 3 ||
        namespace != proc_namespace() ||
        (proc_read_status(guard, &status) == 0 && status.start_ticks == start))
        return;
    (void)snprintf(tree.name, sizeof(tree.name), "%s", name);
    tree.parent_fd = dup(parent_fd);
    tree.fd = openat(parent_fd, name, FOLDER);
    if (tree.fd >= 0)
        (void)tree_kill_all(&tree, 5000);
    tree_close(&tree);
}

static void end_all_abandoned(int parent_fd)
{
    int fd = openat(parent_fd, ".", FOLDER);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (strncmp(entry->d_name, "formation.", sizeof("formation.") - 1) == 0)
            end_abandoned(parent_fd, entry->d_name);
    if (folder)
        (void)closedir(folder);
}

void tree_open(struct tree *tree, pid_t guard)
{
    *tree = (struct tree){.fd = -1, .parent_fd = open_own_folder()};
    name_tree(tree, guard);
    if (tree->parent_fd < 0)
        return;
    end_all_abandoned(tree->parent_fd);
    if (mkdirat(tree->parent_fd, tree->name, 0755) == 0 || errno == EEXIST)
        tree->fd = openat(tree->parent_fd, tree->name, FOLDER);
}

void tree_adopt(struct tree *tree, pid_t guard, int fd)
{
    *tree = (struct tree){.fd = fd, .parent_fd = -1};
    name_tree(tree, guard);
}

static void remove_branches(const struct tree *tree)
{
    int fd = openat(tree->fd, ".", FOLDER);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            (void)unlinkat(tree->fd, entry->d_name, AT_REMOVEDIR);
    if (folder)
        (void)closedir(folder);
}

void tree_close(struct tree *tree)
{
    if (tree->fd >= 0) {
        remove_branches(tree);
        (void)close(tree->fd);
        (void)unlinkat(tree->parent_fd, tree->name, AT_REMOVEDIR);
    }
    if (tree->parent_fd >= 0)
        (void)close(tree->parent_fd);
    tree->fd = tree->parent_fd = -1;
}

int tree_branch_open(const struct tree *tree, const char *name)
{
    if (tree->fd < 0)
        return -1;
    if (mkdirat(tree->fd, name, 0755) < 0 && errno != EEXIST)
        return errno == EPERM ? -EACCES : -errno;
    int fd = openat(tree->fd, name, O_PATH | FOLDER);
    return fd >= 0 ? fd : errno == EPERM ? -EACCES : -errno;
}

void tree_branch_remove(const struct tree *tree, const char *name)
{
    if (tree->fd >= 0)
        (void)unlinkat(tree->fd, name, AT_REMOVEDIR);
}

static int open_file(const struct tree *tree, const char *name, const char *file, int flags)
{
    char path[TREE_NAME_BYTES + 32];
    (void)snprintf(path, sizeof(path), "%s%s%s", name, *name ? "/" : "", file);
    return openat(tree->fd, path, flags | O_CLOEXEC);
}

// A whole pass over the processes that are not in a folder.
struct search {
    const char *mark;   // "FORMATION_ID=…"
    const char *member; // "PS=web.1", or NULL for every process of the formation
    pid_t leader;       // its group counts too; 0: none
    int signal;         // 0: only count
    unsigned found;
};

static bool is_member(pid_t pid, void *context)
{
    const struct search *search = context;
    struct proc_status status;
    if (pid == getpid() || proc_read_status(pid, &status) < 0)
        return false;
    if (status.state == 'Z' || status.state == 'X')
        return false;
    if (search->leader && (status.group == search->leader || status.session == search->leader))
        return true;
    return proc_has_variable(pid, search->mark) &&
           (!search->member || proc_has_variable(pid, search->member));
}

static bool visit_member(pid_t pid, void *context)
{
    struct search *search = context;
    if (is_member(pid, search)) {
        search->found++;
        if (search->signal)
            proc_signal_if(pid, search->signal, is_member, search);
    }
    return true;
}

// `name` NULL: the whole formation.
static unsigned search_proc(const struct tree *tree, const char *name, pid_t leader, int signal)
{
    char mark[TREE_MARK_BYTES + 16];
    char member[TREE_NAME_BYTES + 16];
    (void)snprintf(mark, sizeof(mark), "FORMATION_ID=%s", tree->mark);
    (void)snprintf(member, sizeof(member), "PS=%s", name ? name : "");
    struct search search = {mark, name ? member : NULL, leader, signal, 0};
    proc_each(visit_member, &search);
    return search.found;
}

static bool says_populated(int events_fd)
{
    char text[256] = "";
    return pread(events_fd, text, sizeof(text) - 1, 0) > 0 && strstr(text, "populated 1");
}

static bool is_populated(const struct tree *tree, const char *name)
{
    int fd = open_file(tree, name, "cgroup.events", O_RDONLY);
    bool is = fd >= 0 && says_populated(fd);
    if (fd >= 0)
        (void)close(fd);
    return is;
}

// Zombies are listed in cgroup.procs, though they do not make it populated.
static unsigned each_in_folder(const struct tree *tree, const char *name, int signal)
{
    unsigned found = 0;
    int fd = open_file(tree, name, "cgroup.procs", O_RDONLY);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "re");
    for (int pid; file && fscanf(file, "%d", &pid) == 1;) {
        struct proc_status status;
        if (proc_read_status(pid, &status) < 0 || status.state == 'Z')
            continue;
        found++;
        if (signal)
            (void)kill(pid, signal);
    }
    if (file)
        (void)fclose(file);
    return found;
}

unsigned tree_branch_count(const struct tree *tree, const char *name, pid_t leader)
{
    return tree->fd >= 0 ? each_in_folder(tree, name, 0) : search_proc(tree, name, leader, 0);
}

bool tree_branch_is_empty(const struct tree *tree, const char *name, pid_t leader)
{
    return tree->fd >= 0 ? !is_populated(tree, name) : search_proc(tree, name, leader, 0) == 0;
}

static void signal_folder(const struct tree *tree, const char *name, int signal)
{
    int fd = signal == SIGKILL ? open_file(tree, name, "cgroup.kill", O_WRONLY) : -1;
    bool killed = fd >= 0 && write(fd, "1", 1) == 1;
    if (fd >= 0)
        (void)close(fd);
    if (!killed)
        (void)each_in_folder(tree, name, signal);
}

void tree_branch_signal(const struct tree *tree, const char *name, pid_t leader, int signal)
{
    if (tree->fd >= 0)
        signal_folder(tree, name, signal);
    else
        (void)search_proc(tree, name, leader, signal);
}

int tree_branch_watch(const struct tree *tree, const char *name)
{
    return tree->fd >= 0 ? open_file(tree, name, "cgroup.events", O_RDONLY) : -1;
}

bool tree_watched_is_empty(int watch_fd)
{
    return !says_populated(watch_fd);
}

unsigned tree_kill_all(const struct tree *tree, unsigned patience_ms)
{
    enum { ROUND_MS = 5 };
    for (unsigned waited = 0;; waited += ROUND_MS) {
        bool left = tree->fd >= 0 ? is_populated(tree, "") : true;
        if (left && tree->fd >= 0)
            signal_folder(tree, "", SIGKILL);
        unsigned count = tree->fd >= 0 ? left : search_proc(tree, NULL, 0, SIGKILL);
        if (count == 0 || waited >= patience_ms)
            return count;
        (void)poll(NULL, 0, ROUND_MS);
    }
}
