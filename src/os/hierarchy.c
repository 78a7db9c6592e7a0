// SPDX-License-Identifier: MIT
// Where a hierarchy is mounted is told by /proc/self/mountinfo, where in it we are by
// /proc/self/cgroup (cgroups(7)). A container sees a part of the hierarchy only: then the mount's
// root is the beginning of that path.
#include "os/hierarchy.h"

#include "os/clock.h"
#include "os/controller.h"
#include "os/proc.h"
#include "os/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { FOLDER = O_RDONLY | O_DIRECTORY | O_CLOEXEC, ROUND_MS = 5 };

static const char prefix[] = "formation.";

// Whether `list`, of names with commas between them, has the name.
static bool has_name(const char *list, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = list; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, size) == 0 && (at[size] == ',' || at[size] == '\0'))
            return true;
    }
    return false;
}

struct mount {
    char root[PATH_MAX];
    char point[PATH_MAX];
};

static bool find_mount(const char *controller, struct mount *out)
{
    char line[2 * PATH_MAX + 512];
    bool is_found = false;
    FILE *file = fopen("/proc/self/mountinfo", "re");
    while (file && !is_found && fgets(line, sizeof(line), file)) {
        char options[256];
        const char *end = strstr(line, " - cgroup ");
        is_found = end && sscanf(end, " - cgroup %*s %255s", options) == 1 &&
                   has_name(options, controller) &&
                   sscanf(line, "%*s %*s %*s %4095s %4095s", out->root, out->point) == 2;
    }
    if (file)
        (void)fclose(file);
    return is_found;
}

// "4:memory:/path" of /proc/self/cgroup.
static bool find_path(const char *controller, char out[PATH_MAX])
{
    char line[PATH_MAX + 256];
    bool is_found = false;
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file && !is_found && fgets(line, sizeof(line), file)) {
        char names[128];
        line[strcspn(line, "\n")] = '\0';
        is_found =
            sscanf(line, "%*u:%127[^:]:%4095[^\n]", names, out) == 2 && has_name(names, controller);
    }
    if (file)
        (void)fclose(file);
    return is_found;
}

int hierarchy_open(const char *controller)
{
    struct mount mount;
    struct statfs system;
    char path[PATH_MAX];
    char own[2 * PATH_MAX];
    if (!find_mount(controller, &mount) || !find_path(controller, path))
        return -ENOENT;
    size_t root = strcmp(mount.root, "/") == 0 ? 0 : strlen(mount.root);
    bool is_below = strncmp(path, mount.root, root) == 0 && (path[root] == '/' || !path[root]);
    (void)snprintf(own, sizeof(own), "%s%s", mount.point, is_below ? path + root : "");
    int fd = open(own, FOLDER);
    if (fd < 0)
        return -errno;
    if (fstatfs(fd, &system) == 0 && system.f_type == CGROUP_SUPER_MAGIC)
        return fd;
    (void)close(fd); // something else was mounted over it
    return -ENOENT;
}

void hierarchy_remove(const char *name)
{
    for (int i = 0; i < CONTROLLERS; i++) {
        int fd = hierarchy_open(controller_name((enum controller)i));
        if (fd < 0)
            continue;
        tree_remove_folder(fd, name);
        (void)close(fd);
    }
}

// --- what others have left -----------------------------------------------------------------------

struct remains {
    const char *controller;
    const char *name; // of the formation's folder
    hierarchy_judge *is_abandoned;
};

// Its number may be another's since the list was read.
static bool is_in(pid_t pid, void *context)
{
    const struct remains *remains = context;
    char path[64];
    char line[PATH_MAX + 256];
    char part[TREE_NAME_BYTES + 2];
    bool is = false;
    (void)snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
    (void)snprintf(part, sizeof(part), "/%s/", remains->name);
    FILE *file = fopen(path, "re");
    while (file && !is && fgets(line, sizeof(line), file)) {
        char names[128];
        is = sscanf(line, "%*u:%127[^:]:", names) == 1 && has_name(names, remains->controller) &&
             strstr(line, part);
    }
    if (file)
        (void)fclose(file);
    return is;
}

// Returns how many live in the folder of one process.
static unsigned end_those_in(int folder, const char *branch, struct remains *remains)
{
    char path[NAME_MAX + 32];
    unsigned found = 0;
    (void)snprintf(path, sizeof(path), "%s/cgroup.procs", branch);
    int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "re");
    for (int pid; file && fscanf(file, "%d", &pid) == 1;) {
        struct proc_status status;
        if (proc_read_status(pid, &status) < 0 || status.state == 'Z' || status.state == 'X')
            continue;
        found++;
        proc_signal_if(pid, SIGKILL, is_in, remains);
    }
    if (file)
        (void)fclose(file);
    return found;
}

static unsigned end_all_in(int own, struct remains *remains)
{
    unsigned found = 0;
    int fd = openat(own, remains->name, FOLDER);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            found += end_those_in(fd, entry->d_name, remains);
    if (folder)
        (void)closedir(folder);
    return found;
}

static void end_remains(int own, struct remains *remains, unsigned patience_ms)
{
    if (strncmp(remains->name, prefix, sizeof(prefix) - 1) != 0 ||
        !remains->is_abandoned(remains->name + sizeof(prefix) - 1))
        return;
    nsec_t until = clock_now() + patience_ms * NSEC_PER_MSEC;
    while (end_all_in(own, remains) > 0 && clock_now() < until)
        (void)poll(NULL, 0, ROUND_MS);
    tree_remove_folder(own, remains->name);
}

void hierarchy_end_abandoned(hierarchy_judge *is_abandoned, unsigned patience_ms)
{
    for (int i = 0; i < CONTROLLERS; i++) {
        struct remains remains = {.controller = controller_name((enum controller)i),
                                  .is_abandoned = is_abandoned};
        int own = hierarchy_open(remains.controller);
        int fd = own >= 0 ? openat(own, ".", FOLDER) : -1;
        DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
        for (struct dirent *entry; folder && (entry = readdir(folder));) {
            remains.name = entry->d_name;
            end_remains(own, &remains, patience_ms);
        }
        if (folder)
            (void)closedir(folder);
        if (own >= 0)
            (void)close(own);
    }
}
