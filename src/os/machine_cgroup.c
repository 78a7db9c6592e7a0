// SPDX-License-Identifier: MIT
// A folder is made in ours, a child born into it, and killed there.
#include "os/machine.h"

#include "os/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const controller_names[MACHINE_CONTROLLERS] = {"memory", "cpu", "pids"};

void machine_read_line(const char *path, char *out, unsigned capacity)
{
    FILE *file = fopen(path, "re");
    out[0] = '\0';
    if (file && !fgets(out, (int)capacity, file))
        out[0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    if (file)
        (void)fclose(file);
}

uint64_t machine_read_number(const char *path)
{
    char line[64];
    unsigned long long number;
    machine_read_line(path, line, sizeof(line));
    return sscanf(line, "%llu", &number) == 1 ? number : UINT64_MAX;
}

static void read_file_at(int folder, const char *name, char *out, size_t capacity)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, out, capacity - 1);
    out[size > 0 ? size : 0] = '\0';
    if (fd >= 0)
        (void)close(fd);
}

static bool has_word(const char *words, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = words; (at = strstr(at, word)); at += size)
        if ((at == words || strchr(" ,:", at[-1])) && strchr(" ,:\n", at[size]))
            return true; // strchr finds the final NUL, too
    return false;
}

// --- processes -----------------------------------------------------------------------------------

static machine_try kill_folder(int folder, pid_t pid)
{
    int fd = openat(folder, "cgroup.kill", O_WRONLY | O_CLOEXEC);
    int code = fd < 0 || write(fd, "1", 1) != 1 ? errno : 0;
    if (fd >= 0)
        (void)close(fd);
    if (code != 0)
        (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    return code;
}

static void try_processes(int folder, struct machine_cgroup *out)
{
    struct clone_args arguments = {
        .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)folder};
    long pid = syscall(SYS_clone3, &arguments, sizeof(arguments));
    out->born = pid < 0 ? errno : 0;
    if (pid < 0 && (pid = fork()) < 0) {
        out->kill = errno;
        return;
    }
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); // we may be killed, too
        for (;;)
            (void)pause();
    }
    if (out->born != 0) { // it goes there by our hand
        int fd = openat(folder, "cgroup.procs", O_WRONLY | O_CLOEXEC);
        if (fd >= 0 && dprintf(fd, "%ld", pid) < 0)
            out->born = errno;
        if (fd >= 0)
            (void)close(fd);
    }
    out->kill = kill_folder(folder, (pid_t)pid);
}

// --- controllers ---------------------------------------------------------------------------------

// Version 1: our folder in the hierarchy of the controller, by /proc/self/cgroup and mountinfo.
static bool find_v1(const char *name, char out[MACHINE_PATH_BYTES])
{
    char line[4096];
    char mount[MACHINE_PATH_BYTES] = "";
    char path[MACHINE_PATH_BYTES] = "";
    FILE *file = fopen("/proc/self/mountinfo", "re");
    while (file && fgets(line, sizeof(line), file)) {
        const char *system = strstr(line, " - cgroup ");
        const char *options = system ? strrchr(system, ' ') : NULL;
        if (options && has_word(options, name) && sscanf(line, "%*s %*s %*s %*s %255s", mount) == 1)
            break;
    }
    if (file)
        (void)fclose(file);
    file = fopen("/proc/self/cgroup", "re");
    while (mount[0] && file && fgets(line, sizeof(line), file)) {
        const char *names = strchr(line, ':');
        const char *own = names ? strchr(names + 1, ':') : NULL;
        if (own && has_word(names, name))
            (void)sscanf(own + 1, "%255s", path);
    }
    if (file)
        (void)fclose(file);
    (void)snprintf(out, MACHINE_PATH_BYTES, "%s%s", mount, strcmp(path, "/") == 0 ? "" : path);
    return mount[0] && path[0];
}

static void try_v1(const char *name, struct machine_controller *out)
{
    char folder[MACHINE_PATH_BYTES];
    char probe[MACHINE_PATH_BYTES + 64];
    if (!find_v1(name, folder)) {
        (void)snprintf(out->found, sizeof(out->found), "there is none");
        return;
    }
    (void)snprintf(probe, sizeof(probe), "%s/formation-doctor.%d", folder, getpid());
    if (mkdir(probe, 0755) < 0) {
        (void)snprintf(out->found, sizeof(out->found), "cgroup v1 at %.256s: %s", folder,
                       strerror(errno));
        return;
    }
    (void)rmdir(probe);
    out->way = MACHINE_V1;
    (void)snprintf(out->found, sizeof(out->found), "cgroup v1 at %.256s", folder);
}

// Version 2 gives controllers to folders whose parent has no processes. In ours there may be those
// that the supervisor can take along, itself, and nobody else.
static unsigned count_processes(int folder)
{
    char text[4096];
    unsigned count = 0;
    read_file_at(folder, "cgroup.procs", text, sizeof(text));
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        count++;
    return count;
}

static void look_at_controller(int own, int probe, const char *name, struct machine_controller *out)
{
    char ours[256] = "";
    char given[256] = "";
    if (own >= 0)
        read_file_at(own, "cgroup.controllers", ours, sizeof(ours));
    if (probe >= 0)
        read_file_at(probe, "cgroup.controllers", given, sizeof(given));
    bool may_be_given = has_word(ours, name) && probe >= 0 && count_processes(own) <= 1;
    if (has_word(given, name) || may_be_given) {
        out->way = MACHINE_V2;
        (void)snprintf(out->found, sizeof(out->found), "cgroup v2");
    } else if (has_word(ours, name)) {
        (void)snprintf(out->found, sizeof(out->found), "cgroup v2, in a folder that %s",
                       probe < 0 ? "cannot be written to" : "other processes share");
    } else {
        try_v1(name, out);
    }
}

void machine_look_at_cgroup(struct machine_cgroup *out)
{
    char link[64];
    char name[64];
    int own = tree_open_own_folder();
    int probe = -1;
    *out = (struct machine_cgroup){.is_mounted = own >= 0};
    (void)snprintf(name, sizeof(name), "formation-doctor.%d", getpid());
    if (own >= 0) {
        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", own);
        (void)!readlink(link, out->folder, sizeof(out->folder) - 1);
        out->make = mkdirat(own, name, 0755) < 0 ? errno : 0;
        if (out->make == 0)
            probe = openat(own, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    for (unsigned i = 0; i < MACHINE_CONTROLLERS; i++)
        look_at_controller(own, probe, controller_names[i], &out->controllers[i]);
    if (probe >= 0) {
        try_processes(probe, out);
        (void)close(probe);
        (void)unlinkat(own, name, AT_REMOVEDIR);
    }
    if (own >= 0)
        (void)close(own);
    int pressure = open("/proc/pressure/memory", O_RDONLY | O_CLOEXEC);
    char text[8];
    out->pressure = pressure < 0 || read(pressure, text, sizeof(text)) <= 0 ? errno : 0;
    if (pressure >= 0)
        (void)close(pressure);
}

// --- amounts -------------------------------------------------------------------------------------

static uint64_t limit_of(rlim_t limit)
{
    return limit == RLIM_INFINITY ? UINT64_MAX : limit;
}

static uint64_t own_pids(void)
{
    char folder[MACHINE_PATH_BYTES];
    char path[MACHINE_PATH_BYTES + 16];
    int own = tree_open_own_folder();
    uint64_t most = UINT64_MAX;
    if (own >= 0) {
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d/pids.max", own);
        most = machine_read_number(path);
        (void)close(own);
    }
    if (most == UINT64_MAX && find_v1("pids", folder)) {
        (void)snprintf(path, sizeof(path), "%s/pids.max", folder);
        most = machine_read_number(path);
    }
    return most;
}

void machine_look_at_amounts(struct machine_amounts *out)
{
    struct rlimit files = {0};
    struct rlimit pids = {0};
    int ends[2];
    (void)getrlimit(RLIMIT_NOFILE, &files);
    (void)getrlimit(RLIMIT_NPROC, &pids);
    *out = (struct machine_amounts){
        .files_soft = limit_of(files.rlim_cur),
        .files_hard = limit_of(files.rlim_max),
        .pids = machine_read_number("/proc/sys/kernel/pid_max"),
        .user_pids = geteuid() == 0 ? UINT64_MAX : limit_of(pids.rlim_cur),
        .own_pids = own_pids(),
        .pipe_pages = machine_read_number("/proc/sys/fs/pipe-user-pages-soft"),
    };
    if (pipe2(ends, O_CLOEXEC) < 0)
        return;
    int size = fcntl(ends[0], F_GETPIPE_SZ);
    out->pipe_bytes = size > 0 ? (unsigned)size : 0;
    (void)close(ends[0]);
    (void)close(ends[1]);
}
