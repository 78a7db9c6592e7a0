// SPDX-License-Identifier: MIT
// A folder is made in ours, a child born into it, and killed there.
#include "os/machine.h"

#include "os/controller.h"
#include "os/hierarchy.h"
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

static void look_at_controller(enum controller which, struct machine_controller *out)
{
    struct error error;
    bool is_there = controller_describe(which, &error);
    out->way = !is_there                                 ? MACHINE_NO_WAY
               : strstr(error.text, "cgroup v1") != NULL ? MACHINE_V1
                                                         : MACHINE_V2;
    (void)snprintf(out->found, sizeof(out->found), "%s", error.text);
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
        look_at_controller((enum controller)i, &out->controllers[i]);
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

// Of our cgroup: version 2, else version 1.
static uint64_t own_pids(void)
{
    char path[64];
    uint64_t most = UINT64_MAX;
    int own = tree_open_own_folder();
    if (own >= 0) {
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d/pids.max", own);
        most = machine_read_number(path);
        (void)close(own);
    }
    own = most == UINT64_MAX ? hierarchy_open("pids") : -1;
    if (own >= 0) {
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d/pids.max", own);
        most = machine_read_number(path);
        (void)close(own);
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
