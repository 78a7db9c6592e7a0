// SPDX-License-Identifier: MIT
// Children do what would change us. They leave by _exit(2), and tell by their exit status.
#include "os/machine.h"

#include "os/compress.h"
#include "os/pid1.h"
#include "os/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_IS_FINE = 0, CHILD_FAILED = 255 };

// `work` returns an errno value, which becomes the exit status.
static machine_try in_child(machine_try (*work)(void))
{
    int status;
    pid_t pid = fork();
    if (pid < 0)
        return errno;
    if (pid == 0)
        _exit(work());
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
}

// --- the kernel ----------------------------------------------------------------------------------

static machine_try try_pidfd(void)
{
    pid_t pid = fork();
    if (pid < 0)
        return errno;
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); // we may be killed, too
        (void)pause();
        _exit(CHILD_FAILED);
    }
    siginfo_t info = {0};
    int fd = pidfd_open(pid, 0);
    int code = fd < 0 ? errno : 0;
    if (code == 0 && pidfd_send_signal(fd, SIGKILL, NULL, 0) < 0)
        code = errno;
    if (code == 0 && waitid(P_PIDFD, (id_t)fd, &info, WEXITED) < 0)
        code = errno;
    if (code != 0) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
    }
    if (fd >= 0)
        (void)close(fd);
    return code;
}

static machine_try try_clone3(void)
{
    struct clone_args arguments = {.exit_signal = SIGCHLD};
    long pid = syscall(SYS_clone3, &arguments, sizeof(arguments));
    if (pid < 0)
        return errno;
    if (pid == 0)
        _exit(CHILD_IS_FINE);
    return waitpid((pid_t)pid, NULL, 0) < 0 ? errno : 0;
}

static machine_try work_close_range(void)
{
    if (close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
        return errno;
    return close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_UNSHARE) < 0 ? errno : 0;
}

static machine_try try_memfd(void)
{
    int fd = memfd_create("formation doctor", MFD_CLOEXEC);
    if (fd < 0)
        return errno;
    int code = ftruncate(fd, 1) < 0 ? errno : 0;
    (void)close(fd);
    return code;
}

static machine_try work_execveat(void)
{
    char program[] = "formation";
    char word[] = "version";
    char *const argv[] = {program, word, NULL};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || null < 0 || dup2(null, STDOUT_FILENO) < 0)
        return errno;
    (void)execveat(fd, "", argv, environ, AT_EMPTY_PATH);
    return errno;
}

// The child adopts the grandchild of its child: it is the only one left that could wait for it.
static machine_try work_subreaper(void)
{
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return errno;
    pid_t pid = fork();
    if (pid < 0)
        return errno;
    if (pid == 0)
        _exit(fork() < 0 ? errno : 0);
    int status;
    if (waitpid(pid, &status, 0) < 0 || WEXITSTATUS(status) != 0)
        return EAGAIN;
    return waitid(P_ALL, 0, &(siginfo_t){0}, WEXITED) < 0 ? errno : 0;
}

static machine_try try_null(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno;
    (void)close(fd);
    return 0;
}

void machine_look_at_kernel(struct machine_kernel *out)
{
    struct utsname names;
    *out = (struct machine_kernel){
        .pidfd = try_pidfd(),
        .clone3 = try_clone3(),
        .close_range = in_child(work_close_range),
        .memfd = try_memfd(),
        .execveat = in_child(work_execveat),
        .subreaper = in_child(work_subreaper),
        .null = try_null(),
    };
    if (uname(&names) == 0)
        (void)snprintf(out->release, sizeof(out->release), "%.60s %.60s", names.release,
                       names.machine);
}

void machine_look_at_proc(struct machine_proc *out)
{
    char seen[16] = "";
    char own[16];
    struct statfs system;
    *out = (struct machine_proc){0};
    (void)snprintf(own, sizeof(own), "%d", getpid());
    if (statfs("/proc", &system) < 0 || system.f_type != PROC_SUPER_MAGIC)
        out->own = ENOENT;
    else if (readlink("/proc/self", seen, sizeof(seen) - 1) < 0 || strcmp(seen, own) != 0)
        out->own = ENXIO;
    out->hides = out->own == 0 && access("/proc/1/stat", F_OK) < 0; // there is always a PID 1
    out->lists_child = access("/proc/thread-self/children", R_OK) == 0;
}

// --- we ourselves --------------------------------------------------------------------------------

void machine_look_at_self(struct machine_self *out)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};
    char map[MACHINE_TEXT_BYTES];
    unsigned inside, outside, count;
    machine_read_line("/proc/self/uid_map", map, sizeof(map));
    bool is_whole = sscanf(map, "%u %u %u", &inside, &outside, &count) == 3 && inside == 0 &&
                    outside == 0 && count == UINT_MAX;
    (void)syscall(SYS_capget, &header, data);
    *out = (struct machine_self){
        .uid = geteuid(),
        .capabilities = data[0].effective | (uint64_t)data[1].effective << 32,
        .in_user_namespace = map[0] && !is_whole,
        .has_no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1,
        .is_filtered = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) > 0,
        .is_first = pid1_is_own(),
    };
}

// --- others --------------------------------------------------------------------------------------

// A path, or '@' and an abstract name (unix(7)).
static machine_try try_socket(const char *name, int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(name);
    if (size >= sizeof(address.sun_path))
        return ENAMETOOLONG;
    memcpy(address.sun_path, name, size);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno;
    int code = connect(fd, (const struct sockaddr *)&address, length) < 0 ? errno : 0;
    (void)close(fd);
    return code;
}

void machine_look_at_services(struct machine_services *out)
{
    const char *notify = getenv("NOTIFY_SOCKET");
    struct winsize size = {0};
    struct stat status;
    *out = (struct machine_services){
        .has_systemd = lstat("/run/systemd/system", &status) == 0 && S_ISDIR(status.st_mode),
        .journald = try_socket("/run/systemd/journal/socket", SOCK_DGRAM),
        .syslog = try_socket("/dev/log", SOCK_DGRAM),
        .zstd = compress_is_possible() ? 0 : ELIBACC,
        .is_terminal = isatty(STDOUT_FILENO),
    };
    if (out->syslog == EPROTOTYPE) // some servers take streams only
        out->syslog = try_socket("/dev/log", SOCK_STREAM);
    if (notify && notify[0]) {
        (void)snprintf(out->notify, sizeof(out->notify), "%s", notify);
        out->notified = try_socket(notify, SOCK_DGRAM);
    }
    if (out->is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        out->columns = size.ws_col;
}

void machine_look(const char *root, const char *app, struct machine *out)
{
    machine_look_at_kernel(&out->kernel);
    machine_look_at_proc(&out->proc);
    machine_look_at_cgroup(&out->cgroup);
    machine_look_at_amounts(&out->amounts);
    machine_look_at_self(&out->self);
    machine_look_at_services(&out->services);
    out->place = (struct machine_place){0};
    out->place.control_made = -place_try(root, app, out->place.control, sizeof(out->place.control));
}
