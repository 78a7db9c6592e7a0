// SPDX-License-Identifier: MIT
// What is lacking is only what a formation cannot start without, or what its files ask for.
#include "view/findings.h"

#include "base/limits.h"
#include "view/tame.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// Of the supervisor itself and, at least, of each process: a pidfd and both ends of its pipe.
enum { DESCRIPTORS_FIXED = 64, DESCRIPTORS_EACH = 3 };

enum { PIPE_PAGES = 16 };

// capabilities(7), by number.
enum {
    CAP_KILL_BIT = 5,
    CAP_SETGID_BIT = 6,
    CAP_SETUID_BIT = 7,
    CAP_SYS_ADMIN_BIT = 21,
    CAP_SYS_RESOURCE_BIT = 24,
};

const char *finding_state_name(enum finding_state state)
{
    static const char *const names[] = {"ok", "warn", "lack"};
    return names[state];
}

void findings_add(struct findings *findings, enum finding_state state, const char *name,
                  const char *consequence, const char *remedy, const char *format, ...)
{
    va_list arguments;
    if (findings->count == FINDINGS_MOST)
        return;
    struct finding *finding = &findings->items[findings->count++];
    *finding = (struct finding){
        .state = state,
        .name = name,
        .consequence = state == FINDING_OK ? NULL : consequence,
        .remedy = state == FINDING_OK ? NULL : remedy,
    };
    va_start(arguments, format);
    (void)vsnprintf(finding->found, sizeof(finding->found), format, arguments);
    va_end(arguments);
}

bool findings_suffice(const struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].state == FINDING_LACK)
            return false;
    return true;
}

// --- what nothing goes without -------------------------------------------------------------------

static void judge_call(struct findings *out, const char *name, machine_try result, const char *does)
{
    findings_add(out, result == 0 ? FINDING_OK : FINDING_LACK, name, "no formation can be started",
                 "Linux 5.14 or later; in a container, a seccomp profile that allows it, which "
                 "those of Docker since 20.10.10 and of podman do",
                 "%s%s%s", does,
                 result == 0 ? "" : " cannot be had: ", result == 0 ? "" : strerrordesc_np(result));
}

static void judge_kernel(const struct machine *machine, struct findings *out)
{
    const struct machine_kernel *kernel = &machine->kernel;
    findings_add(out, FINDING_OK, "kernel", NULL, NULL, "Linux %s", kernel->release);
    judge_call(out, "pidfd", kernel->pidfd, "processes are waited for and signalled by descriptor");
    judge_call(out, "close_range", kernel->close_range, "descriptors are kept from processes");
    judge_call(out, "memfd", kernel->memfd, "memory outlives the manager");
    if (machine->proc.own == 0 && kernel->null == 0) // else it cannot be tried
        judge_call(out, "execveat", kernel->execveat, "the supervisor starts itself by descriptor");
    judge_call(out, "subreaper", kernel->subreaper, "orphans are adopted");
    if (kernel->clone3 == 0)
        findings_add(out, FINDING_OK, "clone3", NULL, NULL, "allowed");
    else
        findings_add(out, FINDING_OK, "clone3", NULL, NULL,
                     "not to be had (%s): clone does the same, and a process goes into its cgroup "
                     "itself",
                     kernel->clone3 == EPERM ? "forbidden by seccomp"
                                             : strerrordesc_np(kernel->clone3));
    findings_add(out, kernel->null == 0 ? FINDING_OK : FINDING_LACK, "/dev/null",
                 "no formation can be started; 'formation exec' works",
                 "mknod -m 666 /dev/null c 1 3", "%s",
                 kernel->null == 0 ? "there" : strerrordesc_np(kernel->null));
}

static void judge_proc(const struct machine *machine, struct findings *out)
{
    const struct machine_proc *proc = &machine->proc;
    bool has_folders = machine->cgroup.is_mounted && machine->cgroup.make == 0;
    if (proc->own != 0)
        findings_add(
            out, FINDING_LACK, "/proc", "no formation can be started; 'formation exec' works",
            "mount -t proc proc /proc, in the namespace's own mounts (unshare "
            "--mount-proc)",
            "%s",
            proc->own == ENXIO ? "shows the processes of another pid namespace" : "is not mounted");
    else if (proc->hides)
        findings_add(out, has_folders ? FINDING_OK : FINDING_WARN, "/proc",
                     "what a process leaves that has become another user's is not found",
                     "a mount without hidepid, or a cgroup folder that can be written to",
                     "processes of other users are hidden (hidepid)");
    else if (!proc->lists_child)
        findings_add(out, FINDING_WARN, "/proc",
                     "what a process leaves is searched among all processes of the machine",
                     "a kernel with CONFIG_PROC_CHILDREN", "does not list children");
    else
        findings_add(out, FINDING_OK, "/proc", NULL, NULL,
                     "of our own pid namespace, hides nothing");
}

// --- how much ------------------------------------------------------------------------------------

static void judge_files(const struct machine_amounts *amounts, const struct machine_needs *needs,
                        struct findings *out)
{
    enum { FEW = 100 };
    uint64_t files = amounts->files_hard;
    uint64_t room = files > DESCRIPTORS_FIXED ? (files - DESCRIPTORS_FIXED) / DESCRIPTORS_EACH : 0;
    if (room > LIMIT_PROCESSES)
        room = LIMIT_PROCESSES;
    enum finding_state state = room == 0 || room < needs->processes ? FINDING_LACK
                               : room < FEW                         ? FINDING_WARN
                                                                    : FINDING_OK;
    char hard[32] = "unlimited";
    if (files != UINT64_MAX)
        (void)snprintf(hard, sizeof(hard), "%llu", (unsigned long long)files);
    findings_add(out, state, "descriptors",
                 state == FINDING_LACK ? "not all processes of the files can be started"
                                       : "more processes cannot be started",
                 "a higher hard limit: LimitNOFILE= of systemd, --ulimit nofile= of Docker, "
                 "/etc/security/limits.conf",
                 "soft limit %lld, raised to the hard one, %s: room for %llu processes",
                 (long long)amounts->files_soft, hard, (unsigned long long)room);
}

static void judge_pids(const struct machine_amounts *amounts, const struct machine_needs *needs,
                       struct findings *out)
{
    enum { OURS = 8, FEW = 100 };
    const struct {
        uint64_t most;
        const char *whose;
    } limits[] = {
        {amounts->pids, "of the machine (kernel.pid_max)"},
        {amounts->user_pids, "of the user (RLIMIT_NPROC)"},
        {amounts->own_pids, "of our cgroup (pids.max)"},
    };
    size_t lowest = 0;
    for (size_t i = 1; i < sizeof(limits) / sizeof(limits[0]); i++)
        if (limits[i].most < limits[lowest].most)
            lowest = i;
    uint64_t most = limits[lowest].most;
    enum finding_state state = most < OURS + (uint64_t)needs->processes ? FINDING_LACK
                               : most < FEW                             ? FINDING_WARN
                                                                        : FINDING_OK;
    if (most == UINT64_MAX)
        findings_add(out, FINDING_OK, "pids", NULL, NULL, "no limit was found");
    else
        findings_add(out, state, "pids",
                     state == FINDING_LACK ? "not all processes of the files can be started"
                                           : "a process that forks a lot takes them all",
                     "TasksMax= of systemd, --pids-limit of Docker, 'ulimit -u', sysctl "
                     "kernel.pid_max",
                     "%llu at most, %s", (unsigned long long)most, limits[lowest].whose);
}

static void judge_pipes(const struct machine *machine, const struct machine_needs *needs,
                        struct findings *out)
{
    enum { FULL_PIPE_BYTES = 64 * 1024 };
    const uint64_t exempting = UINT64_C(1) << CAP_SYS_ADMIN_BIT | UINT64_C(1)
                                                                      << CAP_SYS_RESOURCE_BIT;
    uint64_t pages = machine->amounts.pipe_pages;
    bool is_exempt = machine->self.capabilities & exempting && !machine->self.in_user_namespace;
    unsigned bytes = machine->amounts.pipe_bytes;
    static const char slow[] = "processes that write a lot are slowed down";
    static const char remedy[] = "sysctl fs.pipe-user-pages-soft=0, or a higher one";
    if (bytes < FULL_PIPE_BYTES)
        findings_add(out, FINDING_WARN, "pipes", slow, remedy,
                     "only %u bytes each: the user has too many already", bytes);
    else if (is_exempt || pages == 0 || pages == UINT64_MAX)
        findings_add(out, FINDING_OK, "pipes", NULL, NULL, "64 KiB each, however many");
    else
        findings_add(out, pages / PIPE_PAGES < needs->processes ? FINDING_WARN : FINDING_OK,
                     "pipes", slow, remedy, "64 KiB for %llu of the user, less for the others",
                     (unsigned long long)(pages / PIPE_PAGES));
}

// --- where and by whom ---------------------------------------------------------------------------

static unsigned count_bits(uint64_t bits)
{
    unsigned count = 0;
    for (; bits; bits &= bits - 1)
        count++;
    return count;
}

// Root of a container may have few of root's rights.
static void judge_self(const struct machine_self *self, struct findings *out)
{
    const uint64_t wanted =
        UINT64_C(1) << CAP_KILL_BIT | UINT64_C(1) << CAP_SETGID_BIT | UINT64_C(1) << CAP_SETUID_BIT;
    bool is_weak = self->uid == 0 && (self->capabilities & wanted) != wanted;
    findings_add(out, is_weak ? FINDING_WARN : FINDING_OK, "user",
                 "processes cannot be given another user, or not be signalled then",
                 "the capabilities CAP_KILL, CAP_SETGID and CAP_SETUID: --cap-add of Docker, "
                 "CapabilityBoundingSet= of systemd",
                 "%s (uid %u), %u capabilities%s%s%s", self->uid == 0 ? "root" : "not root",
                 self->uid, count_bits(self->capabilities),
                 self->in_user_namespace ? ", in a user namespace" : "",
                 self->has_no_new_privs ? ", no new privileges" : "",
                 self->is_filtered ? ", under seccomp" : "");
    if (self->is_first)
        findings_add(out, FINDING_OK, "first process", NULL, NULL,
                     "PID 1: orphans come to us, and everything ends with us");
    else
        findings_add(out, FINDING_OK, "first process", NULL, NULL, "no, somebody else is PID 1");
}

static void judge_place(const struct machine_place *place, struct findings *out)
{
    findings_add(out, place->control_made == 0 ? FINDING_OK : FINDING_WARN, "control socket",
                 "a formation runs, but ps, scale, restart and the others cannot reach it",
                 "XDG_RUNTIME_DIR set to a folder of this user that can be written to", "%s%s%s",
                 place->control, place->control_made ? ": " : "",
                 place->control_made ? strerrordesc_np(place->control_made) : "");
}

static void judge_init(const struct machine_services *services, struct findings *out)
{
    if (services->notify[0] && services->notified != 0)
        findings_add(out, FINDING_WARN, "init", "it is not told that the formation is ready",
                     "NotifyAccess=main and a NOTIFY_SOCKET that can be reached",
                     "NOTIFY_SOCKET %s: %s", services->notify, strerrordesc_np(services->notified));
    else
        findings_add(out, FINDING_OK, "init", NULL, NULL, "%s%s%s",
                     services->has_systemd ? "systemd" : "not systemd",
                     services->notify[0] ? ", it wants to be told at " : "", services->notify);
}

static void judge_sink(struct findings *out, const char *name, machine_try result, bool is_needed)
{
    findings_add(
        out, result == 0 || !is_needed ? FINDING_OK : FINDING_LACK, name,
        "lines that the files send there wait, or are dropped",
        "start it, give its socket to the container, or change 'logs' in formation.yaml", "%s%s",
        result == 0 ? "takes lines" : "not here: ", result == 0 ? "" : strerrordesc_np(result));
}

static void judge_services(const struct machine_services *services,
                           const struct machine_needs *needs, struct findings *out)
{
    judge_init(services, out);
    judge_sink(out, "journald", services->journald, needs->journald);
    judge_sink(out, "syslog", services->syslog, needs->syslog);
    findings_add(out,
                 services->zstd == 0 ? FINDING_OK
                 : needs->zstd       ? FINDING_LACK
                                     : FINDING_WARN,
                 "zstd", "log files that are put aside stay as large as they are",
                 "Debian's package libzstd1", "%s",
                 services->zstd == 0 ? "log files can be compressed" : "there is no libzstd.so.1");
    if (services->is_terminal)
        findings_add(out, FINDING_OK, "terminal", NULL, NULL, "standard output, %u columns",
                     services->columns);
    else
        findings_add(out, FINDING_OK, "terminal", NULL, NULL,
                     "standard output is none: lines without colours");
}

void findings_judge(const struct machine *machine, const struct machine_needs *needs,
                    struct findings *out)
{
    judge_kernel(machine, out);
    judge_proc(machine, out);
    findings_judge_trees(machine, needs, out);
    judge_files(&machine->amounts, needs, out);
    judge_pids(&machine->amounts, needs, out);
    judge_pipes(machine, needs, out);
    judge_self(&machine->self, out);
    judge_place(&machine->place, out);
    judge_services(&machine->services, needs, out);
}

// --- the list ------------------------------------------------------------------------------------

enum { STATE_WIDTH = 6, NAME_WIDTH = 16, NARROWEST = 24 };

// Words, in lines of so many places; behind the first, indented by `indent`.
static void append_wrapped(struct buffer *out, const char *text, unsigned indent, unsigned width)
{
    unsigned room = width > indent + NARROWEST ? width - indent : width == 0 ? 0 : NARROWEST;
    unsigned at = 0;
    while (*text) {
        unsigned size = (unsigned)strcspn(text, " ");
        if (at > 0 && room > 0 && at + 1 + size > room) {
            buffer_append_format(out, "\n%*s", (int)indent, "");
            at = 0;
        } else if (at > 0) {
            buffer_append_char(out, ' ');
            at++;
        }
        bool is_colored = false;
        (void)tame_append(out, str_from(text, size), true, &is_colored);
        at += size;
        text += size + strspn(text + size, " ");
    }
    buffer_append_char(out, '\n');
}

static void append_note(struct buffer *out, const char *text, unsigned width)
{
    if (!text)
        return;
    buffer_append_format(out, "%*s", STATE_WIDTH + NAME_WIDTH, "");
    append_wrapped(out, text, STATE_WIDTH + NAME_WIDTH, width);
}

void findings_append(const struct findings *findings, unsigned width, struct buffer *out)
{
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        buffer_append_format(out, "%-*s%-*s", STATE_WIDTH, finding_state_name(finding->state),
                             NAME_WIDTH, finding->name);
        append_wrapped(out, finding->found, STATE_WIDTH + NAME_WIDTH, width);
        struct buffer note = {0};
        if (finding->consequence)
            buffer_append_format(&note, "so: %s", finding->consequence);
        append_note(out, finding->consequence ? note.bytes : NULL, width);
        buffer_fini(&note);
        note = (struct buffer){0};
        if (finding->remedy)
            buffer_append_format(&note, "do: %s", finding->remedy);
        append_note(out, finding->remedy ? note.bytes : NULL, width);
        buffer_fini(&note);
    }
}
