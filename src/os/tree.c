// SPDX-License-Identifier: MIT
// The folder's name holds the guard's pid namespace, pid and start time, so that it can be found by
// whoever knows the guard, and is never taken for another's after a pid was used again.
#include "os/tree.h"

#include "os/brand.h"
#include "os/clock.h"
#include "os/controller.h"
#include "os/hierarchy.h"
#include "os/proc.h"
#include "os/search.h"

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

enum {
    FOLDER = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
    ROUND_MS = 5,
    MOST_LOOKS = 20, // for one who has no time to be seen; others may come and go, too:
    LOOKS_MS = 250,
    FEW_LOOKS = 3,
    PATIENCE_MS = 5000, // with what others have left
};

// The cgroup v2 folder that we are in: /proc/self/mountinfo and /proc/self/cgroup (cgroups(7)).
int tree_open_own_folder(void)
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

static int name_tree(struct tree *tree, pid_t guard)
{
    struct proc_status status;
    int result = proc_read_status(guard, &status);
    if (result < 0) // by another name, others would take it for a dead one's
        return result;
    if (proc_namespace() == 0)
        return -ENOENT;
    tree->guard = guard;
    tree->brand = brand_of_guard(guard, status.start_ticks);
    (void)snprintf(tree->mark, sizeof(tree->mark), "%llu.%d.%llu",
                   (unsigned long long)proc_namespace(), guard,
                   (unsigned long long)status.start_ticks);
    (void)snprintf(tree->name, sizeof(tree->name), "formation.%s", tree->mark);
    return 0;
}

static bool is_alive(pid_t guard, uint64_t start)
{
    struct proc_status status;
    int result = proc_read_status(guard, &status);
    if (result < 0) // whoever cannot be looked at now may live
        return result != -ENOENT && result != -ESRCH;
    return status.start_ticks == start && status.state != 'Z' && status.state != 'X';
}

// Whether a formation of our pid namespace has this mark, and its guard is gone. One that nobody
// has waited for yet is gone, too.
static bool is_abandoned(const char *mark)
{
    unsigned long long namespace, start;
    pid_t guard;
    return sscanf(mark, "%llu.%d.%llu", &namespace, &guard, &start) == 3 &&
           namespace == proc_namespace() && !is_alive(guard, start);
}

// What a formation has left whose guard, manager and witness were killed in one blow: its folder
// names the guard, which is gone.
static bool end_abandoned(int parent_fd, const char *name)
{
    struct tree tree = {.parent_fd = -1};
    if (!is_abandoned(name + sizeof("formation.") - 1))
        return false;
    (void)snprintf(tree.name, sizeof(tree.name), "%s", name);
    tree.parent_fd = dup(parent_fd);
    tree.fd = openat(parent_fd, name, FOLDER);
    if (tree.fd >= 0)
        (void)tree_kill_all(&tree, PATIENCE_MS);
    tree_close(&tree);
    return true;
}

static bool end_all_abandoned(int parent_fd)
{
    bool was_any = false;
    int fd = openat(parent_fd, ".", FOLDER);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (strncmp(entry->d_name, "formation.", sizeof("formation.") - 1) == 0)
            was_any = end_abandoned(parent_fd, entry->d_name) || was_any;
    if (folder)
        (void)closedir(folder);
    else if (fd >= 0)
        (void)close(fd);
    return was_any;
}

static bool has_abandoned_mark(pid_t pid, void *context)
{
    const char *own_mark = context; // where we were started from ourselves is none of our business
    char mark[TREE_MARK_BYTES];
    struct proc_status status;
    if (proc_read_status(pid, &status) < 0 || status.state == 'Z' || status.state == 'X')
        return false;
    return brand_is_abandoned(pid) ||
           (proc_read_variable(pid, "FORMATION_ID=", mark, sizeof(mark)) &&
            strcmp(mark, own_mark) != 0 && is_abandoned(mark));
}

struct sweep {
    char own_mark[TREE_MARK_BYTES];
    unsigned found;
    bool has_changed; // as of struct search
};

static bool sweep_away(pid_t pid, void *context)
{
    struct sweep *sweep = context;
    struct proc_status status;
    if (proc_kill_if(pid, has_abandoned_mark, sweep->own_mark))
        sweep->found++;
    else if (proc_read_status(pid, &status) < 0)
        sweep->has_changed = true;
    return true;
}

// The same of those that have no folder to be found by: they were started where none could be made,
// by another user or with no cgroups in sight, or were moved out of theirs.
static void end_all_abandoned_marks(unsigned looks)
{
    struct sweep sweep = {.own_mark = ""};
    nsec_t until = clock_now() + PATIENCE_MS * NSEC_PER_MSEC;
    (void)proc_read_variable(getpid(), "FORMATION_ID=", sweep.own_mark, sizeof(sweep.own_mark));
    for (unsigned in_vain = 0; in_vain < looks && clock_now() < until;) {
        sweep.found = 0;
        sweep.has_changed = false;
        bool has_looked = proc_each(sweep_away, &sweep);
        if (has_looked && sweep.found == 0 && !sweep.has_changed)
            return;
        if (sweep.found > 0)
            looks = MOST_LOOKS;
        in_vain = has_looked && sweep.found == 0 ? in_vain + 1 : 0;
        (void)poll(NULL, 0, 1);
    }
}

int tree_open(struct tree *tree, pid_t guard)
{
    struct kin_list children = {0};
    *tree = (struct tree){.fd = -1, .parent_fd = -1};
    int result = name_tree(tree, guard);
    if (result < 0)
        return result;
    tree->parent_fd = tree_open_own_folder();
    // From before we became a guard, by execve(2).
    tree->has_strangers = kin_add_children(&children, guard) < 0 || children.count > 0;
    kin_fini(&children);
    bool was_any = false;
    if (tree->parent_fd >= 0) {
        was_any = end_all_abandoned(tree->parent_fd);
        if (mkdirat(tree->parent_fd, tree->name, 0755) == 0 || errno == EEXIST)
            tree->fd = openat(tree->parent_fd, tree->name, FOLDER);
    }
    end_all_abandoned_marks(was_any ? MOST_LOOKS : FEW_LOOKS);
    hierarchy_end_abandoned(is_abandoned, PATIENCE_MS);
    return 0;
}

int tree_adopt(struct tree *tree, pid_t guard, int fd)
{
    // Which children the guard had before it was one is not known any more.
    *tree = (struct tree){.fd = fd, .parent_fd = -1, .has_strangers = true};
    return name_tree(tree, guard);
}

// Removes a folder with those in it: a process may have made some for itself.
static void remove_folder(int parent_fd, const char *name, unsigned depth)
{
    enum { DEEPEST = 16 }; // a descriptor each
    if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT || depth == DEEPEST)
        return;
    int fd = openat(parent_fd, name, FOLDER);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            remove_folder(fd, entry->d_name, depth + 1);
    if (folder)
        (void)closedir(folder);
    else if (fd >= 0)
        (void)close(fd);
    (void)unlinkat(parent_fd, name, AT_REMOVEDIR);
}

void tree_remove_folder(int parent_fd, const char *name)
{
    remove_folder(parent_fd, name, 0);
}

void tree_close(struct tree *tree)
{
    if (tree->fd >= 0) {
        (void)close(tree->fd);
        remove_folder(tree->parent_fd, tree->name, 0);
        controllers_leave(tree->parent_fd, tree->name);
    }
    if (tree->name[0])
        hierarchy_remove(tree->name);
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
        remove_folder(tree->fd, name, 0);
}

static int open_file(const struct tree *tree, const char *name, const char *file, int flags)
{
    char path[TREE_NAME_BYTES + 32];
    (void)snprintf(path, sizeof(path), "%s%s%s", name, *name ? "/" : "", file);
    return openat(tree->fd, path, flags | O_CLOEXEC);
}

static unsigned search_branch(const struct tree *tree, const char *name, pid_t leader, int signal,
                              bool stops_at_first, struct kin_list *found)
{
    char mark[TREE_MARK_BYTES + 16];
    char member[TREE_NAME_BYTES + 16];
    (void)snprintf(mark, sizeof(mark), "FORMATION_ID=%s", tree->mark);
    (void)snprintf(member, sizeof(member), "PS=%s", name);
    return search_run(&(struct search){
        .guard = tree->guard,
        .mark = mark,
        .member = member,
        .brand = tree->brand,
        .leader = leader,
        .spared = tree->spared,
        .mains = tree->mains,
        .signal = signal,
        .found = found,
        .stops_at_first = stops_at_first,
    });
}

// The guard itself knows that all of its descendants are the formation's, also those that have lost
// their mark or were moved out of the folder.
static unsigned kill_found(const struct tree *tree, struct search_sight *sight)
{
    char mark[TREE_MARK_BYTES + 16];
    bool knows = tree->guard == getpid() && !tree->has_strangers;
    if (tree->guard == 0)
        return 0;
    (void)snprintf(mark, sizeof(mark), "FORMATION_ID=%s", tree->mark);
    return search_run(&(struct search){
        .guard = tree->guard,
        .mark = knows ? NULL : mark,
        .brand = tree->brand,
        .spared = tree->spared,
        .signal = SIGKILL,
        .sight = sight,
    });
}

// What cannot be looked at now is not known to be empty; ENODEV: the folder is gone.
static int says_populated(int events_fd)
{
    char text[256] = "";
    ssize_t size = pread(events_fd, text, sizeof(text) - 1, 0);
    if (size < 0 && errno != ENODEV)
        return -errno;
    return size > 0 && !strstr(text, "populated 0");
}

static bool is_populated(const struct tree *tree, const char *name)
{
    int fd = open_file(tree, name, "cgroup.events", O_RDONLY);
    if (fd < 0)
        return errno != ENOENT && errno != ENODEV;
    bool is = says_populated(fd) != 0;
    (void)close(fd);
    return is;
}

// Whether `pid` is in this folder: it may have ended, and its number be another's, since that was
// read.
struct member {
    const struct tree *tree;
    const char *name;
};

static bool is_in_folder(pid_t pid, void *context)
{
    const struct member *member = context;
    char path[64];
    char line[PATH_MAX + 64];
    char end[2 * TREE_NAME_BYTES];
    (void)snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
    int length = snprintf(end, sizeof(end), "/%s/%s\n", member->tree->name, member->name);
    FILE *file = fopen(path, "re");
    bool is = false;
    while (file && !is && fgets(line, sizeof(line), file)) {
        size_t size = strlen(line);
        is = strncmp(line, "0::/", 4) == 0 && size >= (size_t)length &&
             strcmp(line + size - (size_t)length, end) == 0;
    }
    if (file)
        (void)fclose(file);
    return is;
}

// Zombies are listed in cgroup.procs, though they do not make it populated.
static unsigned each_in_folder(const struct tree *tree, const char *name, int signal,
                               struct kin_list *list)
{
    struct member member = {tree, name};
    unsigned found = 0;
    int fd = open_file(tree, name, "cgroup.procs", O_RDONLY);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "re");
    for (int pid; file && fscanf(file, "%d", &pid) == 1;) {
        struct proc_status status;
        if (proc_read_status(pid, &status) < 0 || status.state == 'Z')
            continue;
        found++;
        if (list)
            (void)kin_add(list, (struct kin){.pid = pid});
        if (signal)
            proc_signal_if(pid, signal, is_in_folder, &member);
    }
    if (file)
        (void)fclose(file);
    else if (fd >= 0)
        (void)close(fd);
    return found;
}

static void list_folder(const struct tree *tree, const char *name, struct kin_list *out)
{
    int fd = open_file(tree, name, "cgroup.procs", O_RDONLY);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "re");
    for (int pid; file && fscanf(file, "%d", &pid) == 1;)
        if (!kin_add(out, (struct kin){.pid = pid}))
            break;
    if (file)
        (void)fclose(file);
    else if (fd >= 0)
        (void)close(fd);
}

void tree_branch_list(const struct tree *tree, const char *name, pid_t leader, struct kin_list *out)
{
    if (tree->fd >= 0) {
        list_folder(tree, name, out);
    } else if (kin_add(out, (struct kin){.pid = leader})) {
        kin_descend(out, 0);
    }
}

unsigned tree_branch_count(const struct tree *tree, const char *name, pid_t leader)
{
    return tree->fd >= 0 ? each_in_folder(tree, name, 0, NULL)
                         : search_branch(tree, name, leader, 0, false, NULL);
}

unsigned tree_branch_members(const struct tree *tree, const char *name, pid_t leader,
                             struct kin_list *out)
{
    return tree->fd >= 0 ? each_in_folder(tree, name, 0, out)
                         : search_branch(tree, name, leader, 0, false, out);
}

bool tree_branch_is_empty(const struct tree *tree, const char *name, pid_t leader)
{
    return tree->fd >= 0 ? !is_populated(tree, name)
                         : search_branch(tree, name, leader, 0, true, NULL) == 0;
}

static void signal_folder(const struct tree *tree, const char *name, int signal)
{
    int fd = signal == SIGKILL ? open_file(tree, name, "cgroup.kill", O_WRONLY) : -1;
    bool killed = fd >= 0 && write(fd, "1", 1) == 1;
    if (fd >= 0)
        (void)close(fd);
    if (!killed)
        (void)each_in_folder(tree, name, signal, NULL);
}

void tree_branch_signal(const struct tree *tree, const char *name, pid_t leader, int signal)
{
    if (tree->fd >= 0)
        signal_folder(tree, name, signal);
    else
        (void)search_branch(tree, name, leader, signal, false, NULL);
}

int tree_branch_watch(const struct tree *tree, const char *name)
{
    return tree->fd >= 0 ? open_file(tree, name, "cgroup.events", O_RDONLY) : -1;
}

int tree_watched_is_empty(int watch_fd)
{
    int result = says_populated(watch_fd);
    return result < 0 ? result : !result;
}

static unsigned kill_once(const struct tree *tree)
{
    bool has_left = tree->fd >= 0 && is_populated(tree, "");
    if (has_left)
        signal_folder(tree, "", SIGKILL);
    // The folder alone is not enough before Linux 5.14, nor for one who was moved out of it.
    bool is_sure = tree->fd >= 0 && !has_left && tree->guard != getpid();
    nsec_t looks_end = clock_now() + LOOKS_MS * NSEC_PER_MSEC;
    size_t listed_before = SIZE_MAX; // twice: who was forked after the first look was killed by it
    unsigned found = 0;
    for (unsigned i = 0; found == 0 && i < MOST_LOOKS; i++) {
        struct search_sight sight = {0};
        found = kill_found(tree, &sight);
        if (is_sure || (!sight.has_changed && sight.listed == listed_before) ||
            clock_now() >= looks_end)
            break;
        listed_before = sight.has_changed ? SIZE_MAX : sight.listed;
    }
    return found ? found : has_left;
}

unsigned tree_kill_all(const struct tree *tree, unsigned patience_ms)
{
    nsec_t until = clock_now() + patience_ms * NSEC_PER_MSEC;
    for (;;) {
        unsigned count = kill_once(tree);
        if (count == 0 || clock_now() >= until)
            return count;
        (void)poll(NULL, 0, ROUND_MS);
    }
}
