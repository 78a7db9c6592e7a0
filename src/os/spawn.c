// SPDX-License-Identifier: MIT
// clone3(CLONE_VM | CLONE_VFORK): the child borrows our memory until execve, so nothing is copied
// and a failure is told by writing into a variable. CLONE_FILES likewise: the child shares our
// descriptor table and at once takes a copy of its lowest few only (close_range(2),
// CLOSE_RANGE_UNSHARE), so the cost does not grow with the thousands that the guard holds. What it
// is to get is put among these few before: they are kept reserved, filled with /dev/null.
//
// Between clone and execve only system calls are made: no lock, no allocation, no stdio.
//
// A child that becomes another user can be stopped by that user's processes before it executes
// anything, and the kernel would have us wait for it, deaf, for ever. So nobody waits by
// CLONE_VFORK for such a one, but by the futex that the kernel wakes at the same moment.
#include "os/spawn.h"

#include "os/confine.h"
#include "os/fault.h"
#include "os/shelter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct attempt {
    const struct spawn_request *request;
    pid_t parent;
    bool joins_cgroup; // it was not born into it
    volatile enum spawn_stage stage;
    volatile int error;
    bool is_watched;                // it may be stopped by others
    volatile uint32_t is_under_way; // 0 once it has executed its program, or ended; if watched
};

// Descriptor i waits at number FIRST_STAGE + i, so a target is never above its stage and none is
// overwritten before it was used.
enum { FIRST_STAGE = 3, PLACEHOLDER = SPAWN_RESERVED - 1 };

// In a table of its own, nothing was staged.
static int copy_descriptors(const struct spawn_request *request)
{
    for (int i = 0; i < request->descriptor_count; i++)
        if (dup2(request->descriptors[i], i) < 0)
            return -1;
    return 0;
}

static int arrange_descriptors(const struct attempt *attempt)
{
    if (attempt->request->is_unprepared)
        return copy_descriptors(attempt->request);
    if (close_range(SPAWN_RESERVED, ~0U, CLOSE_RANGE_UNSHARE) < 0)
        return -1;
    for (int i = 0; i < attempt->request->descriptor_count; i++)
        if (dup2(FIRST_STAGE + i, i) < 0)
            return -1;
    return 0;
}

static int join_by(int procs_fd)
{
    return write(procs_fd, "0", 1) == 1 ? 0 : -1; // ourselves
}

// Our descriptors are still the parent's, too.
static int join_cgroup(int folder)
{
    int fd = openat(folder, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int result = join_by(fd);
    int error = errno;
    (void)close(fd);
    errno = error;
    return result;
}

// Nobody is born into a folder of cgroup v1.
static int join_groups(const struct spawn_request *request)
{
    for (int i = 0; i < request->group_count; i++)
        if (join_by(request->group_fds[i]) < 0)
            return -1;
    return 0;
}

// Never returning, it would leave AddressSanitizer with a wrong view of its stack.
#define RUNS_IN_CHILD __attribute__((no_sanitize("address")))

// Only handlers are reset by execve(2).
static void stop_ignoring(void)
{
    const struct sigaction action = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++)
        (void)sigaction(number, &action, NULL);
}

static bool confine_child(struct attempt *attempt)
{
    const struct spawn_request *request = attempt->request;
    int mount_namespace = request->mount_namespace > 0 ? request->mount_namespace : -1;
    int result = confine_become(request->confine, mount_namespace, &attempt->stage);
    if (result < 0)
        errno = -result;
    return result == 0;
}

// The kernel forgets the signal with every change of user, group or capabilities: so those come
// before it.
static bool follow_into_death(const struct attempt *attempt)
{
    if (prctl(PR_SET_PDEATHSIG, attempt->request->death_signal) < 0)
        return false;
    if (getppid() == attempt->parent)
        return true;
    errno = ESRCH; // it died before the line above
    return false;
}

// Not by snprintf(3): only system calls are made here.
static void write_pid(char *text)
{
    char digits[PID_TEXT_BYTES];
    int count = 0;
    for (pid_t rest = getpid(); rest > 0; rest /= 10)
        digits[count++] = (char)('0' + rest % 10);
    while (count > 0)
        *text++ = digits[--count];
    *text = '\0';
}

RUNS_IN_CHILD static void become_program(struct attempt *attempt)
{
    const struct spawn_request *request = attempt->request;
    if (attempt->joins_cgroup && join_cgroup(request->cgroup_fd) < 0)
        return;
    attempt->stage = SPAWN_STAGE_LIMITS;
    if (join_groups(request) < 0)
        return;
    attempt->stage = SPAWN_STAGE_DESCRIPTORS;
    if (arrange_descriptors(attempt) < 0)
        return;
    attempt->stage = SPAWN_STAGE_SESSION;
    if (request->new_session && setsid() < 0)
        return;
    attempt->stage = SPAWN_STAGE_TERMINAL;
    if (request->takes_terminal && ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0)
        return;
    attempt->stage = SPAWN_STAGE_LIMITS;
    shelter_leave(request->shelter);
    if (request->descriptor_limit && setrlimit(RLIMIT_NOFILE, request->descriptor_limit) < 0)
        return;
    if (request->brand) // without it, it is found by other means
        (void)setrlimit(RLIMIT_LOCKS, request->brand);
    if (request->confine && !confine_child(attempt))
        return;
    attempt->stage = SPAWN_STAGE_SESSION;
    if (request->death_signal && !follow_into_death(attempt))
        return;
    attempt->stage = SPAWN_STAGE_DIRECTORY; // as its user, who may see more or less of it
    if (request->directory && chdir(request->directory) < 0)
        return;
    attempt->stage = SPAWN_STAGE_EXEC;
    if (request->pid_text)
        write_pid(request->pid_text);
    if (request->is_unprepared)
        stop_ignoring();
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (request->program)
        (void)execve(request->program, request->argv, request->envp);
    else
        (void)execveat(FIRST_STAGE + request->descriptor_count, "", request->argv, request->envp,
                       AT_EMPTY_PATH);
}

#ifdef SPAWN_BY_FORK // for valgrind, which knows no other way; see test/valgrind

// The last of the reserved descriptors: none of those that a process is to get is ever staged
// there.
enum { TELLING = SPAWN_RESERVED - 1 };

static long clone_child(struct clone_args *arguments, struct attempt *attempt)
{
    int ends[2];
    struct attempt told;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    pid_t pid = fork();
    if (pid == 0) {
        bool is_prepared = !attempt->request->is_unprepared;
        int telling = is_prepared ? dup3(ends[1], TELLING, O_CLOEXEC) : ends[1];
        attempt->joins_cgroup = arguments->flags & CLONE_INTO_CGROUP;
        become_program(attempt);
        attempt->error = errno;
        (void)!write(telling, attempt, sizeof(*attempt));
        _exit(127);
    }
    (void)close(ends[1]);
    if (pid > 0 && read(ends[0], &told, sizeof(told)) == sizeof(told)) {
        attempt->stage = told.stage;
        attempt->error = told.error;
    }
    (void)close(ends[0]);
    attempt->is_watched = false; // the pipe has told how it went
    if (pid < 0)
        return -errno;
    *(int *)(uintptr_t)arguments->pidfd = pidfd_open(pid, 0);
    return pid;
}

#else

RUNS_IN_CHILD __attribute__((noreturn)) static void child(struct attempt *attempt)
{
    if (attempt->is_watched)
        (void)syscall(SYS_set_tid_address, &attempt->is_under_way);
    become_program(attempt);
    attempt->error = errno;
    _exit(127);
}

// clone3 or clone with a stack of its own for the child, which glibc 2.36 has no function for: the
// child returns from the system call onto an empty stack and must call onwards without a way back.
static long clone_by(long system_call, uint64_t first_argument, uint64_t second_argument,
                     uint64_t third_argument, struct attempt *attempt)
{
#if defined(__x86_64__)
    register long result __asm__("rax") = system_call;
    register uint64_t first __asm__("rdi") = first_argument;
    register uint64_t second __asm__("rsi") = second_argument;
    register uint64_t third __asm__("rdx") = third_argument;
    register void (*function)(struct attempt *) __asm__("r12") = child;
    register struct attempt *argument __asm__("r13") = attempt;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "mov %%r13, %%rdi\n\t"
                     "call *%%r12\n\t"
                     "1:"
                     : "+r"(result)
                     : "r"(first), "r"(second), "r"(third), "r"(function), "r"(argument)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long number __asm__("x8") = system_call;
    register uint64_t first __asm__("x0") = first_argument;
    register uint64_t second __asm__("x1") = second_argument;
    register uint64_t third __asm__("x2") = third_argument;
    register void (*function)(struct attempt *) __asm__("x19") = child;
    register struct attempt *argument __asm__("x20") = attempt;
    __asm__ volatile("svc #0\n\t"
                     "cbnz x0, 1f\n\t"
                     "mov x29, xzr\n\t"
                     "mov x0, x20\n\t"
                     "blr x19\n\t"
                     "1:"
                     : "+r"(first)
                     : "r"(number), "r"(second), "r"(third), "r"(function), "r"(argument)
                     : "memory");
    return (long)first;
#else
#error "clone_by: say how this processor calls the kernel"
#endif
}

// Containers are often forbidden clone3, since their filters cannot look into its arguments. clone
// does the same, but for the cgroup: the child goes there itself.
static long clone_child(struct clone_args *arguments, struct attempt *attempt)
{
    long pid = fault_of_clone();
    if (pid == 0)
        pid = clone_by(SYS_clone3, (uint64_t)(uintptr_t)arguments, sizeof(*arguments), 0, attempt);
    if (pid != -ENOSYS && pid != -EPERM)
        return pid;
    attempt->joins_cgroup = arguments->flags & CLONE_INTO_CGROUP;
    uint64_t flags = (arguments->flags & ~CLONE_INTO_CGROUP) | arguments->exit_signal;
    return clone_by(SYS_clone, flags, arguments->stack + arguments->stack_size, arguments->pidfd,
                    attempt);
}

#endif

// futex(2) without the C library's errno, which the child shares.
static long wait_while_one(volatile uint32_t *word, const struct timespec *timeout)
{
#if defined(__x86_64__)
    register long result __asm__("rax") = SYS_futex;
    register volatile uint32_t *first __asm__("rdi") = word;
    register long second __asm__("rsi") = FUTEX_WAIT;
    register long third __asm__("rdx") = 1;
    register const struct timespec *fourth __asm__("r10") = timeout;
    __asm__ volatile("syscall"
                     : "+r"(result)
                     : "r"(first), "r"(second), "r"(third), "r"(fourth)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long number __asm__("x8") = SYS_futex;
    register uint64_t first __asm__("x0") = (uint64_t)(uintptr_t)word;
    register long second __asm__("x1") = FUTEX_WAIT;
    register long third __asm__("x2") = 1;
    register const struct timespec *fourth __asm__("x3") = timeout;
    __asm__ volatile("svc #0"
                     : "+r"(first)
                     : "r"(number), "r"(second), "r"(third), "r"(fourth)
                     : "memory");
    return (long)first;
#endif
}

// Whoever stops it again and again has it killed: it would have been started for that only.
static void wait_for_child(struct attempt *attempt, int pidfd)
{
    enum { MOST_STOPS = 20 };
    const struct timespec timeout = {.tv_nsec = 100L * 1000 * 1000};
    unsigned stops = 0;
    while (attempt->is_under_way) {
        siginfo_t info = {0};
        if (wait_while_one(&attempt->is_under_way, &timeout) != -ETIMEDOUT ||
            waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) < 0 ||
            info.si_pid == 0) // it is only slow
            continue;
        if (info.si_code != CLD_STOPPED)
            return; // it was killed before it did anything
        if (++stops == MOST_STOPS) {
            attempt->stage = SPAWN_STAGE_USER;
            attempt->error = EINTR;
        }
        (void)pidfd_send_signal(pidfd, stops < MOST_STOPS ? SIGCONT : SIGKILL, NULL, 0);
    }
}

int spawn_reserve_descriptors(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    for (int i = FIRST_STAGE; i < SPAWN_RESERVED; i++)
        if (fd != i && dup3(fd, i, O_CLOEXEC) < 0)
            return errno == EBADF ? -EMFILE : -errno; // so it calls a number over the limit
    if (fd >= SPAWN_RESERVED)
        (void)close(fd);
    return 0;
}

static int stage_descriptors(const struct spawn_request *request)
{
    if (request->is_unprepared)
        return 0;
    for (int i = 0; i < request->descriptor_count; i++)
        if (dup3(request->descriptors[i], FIRST_STAGE + i, O_CLOEXEC) < 0)
            return -errno;
    if (!request->program && // the program's own comes behind them
        dup3(request->program_fd, FIRST_STAGE + request->descriptor_count, O_CLOEXEC) < 0)
        return -errno;
    return 0;
}

static void unstage_descriptors(const struct spawn_request *request)
{
    for (int i = 0; !request->is_unprepared && i <= request->descriptor_count; i++)
        (void)dup3(PLACEHOLDER, FIRST_STAGE + i, O_CLOEXEC);
}

// The child dies with no signal before it is a program of its own: a Ctrl-Z that stopped it alone
// would leave its parent waiting, deaf to the terminal.
static long clone_child_undisturbed(struct clone_args *arguments, struct attempt *attempt)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &before);
    long pid = clone_child(arguments, attempt);
    if (pid > 0 && attempt->is_watched)
        wait_for_child(attempt, *(const int *)(uintptr_t)arguments->pidfd);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return pid;
}

int spawn_process(const struct spawn_request *request, pid_t *pid, int *pidfd,
                  enum spawn_stage *stage)
{
    static _Alignas(16) char stack[16 * 1024]; // one at a time: the parent waits for its child
    bool is_watched = request->confine && request->confine->flags & CONFINE_USER;
    struct attempt attempt = {
        .request = request,
        .parent = getpid(),
        .stage = SPAWN_STAGE_CLONE,
        .is_watched = is_watched,
        .is_under_way = 1,
    };
    int new_pidfd = -1;
    struct clone_args arguments = {
        .flags = CLONE_VM | CLONE_PIDFD | (is_watched ? 0 : (uint64_t)CLONE_VFORK) |
                 (request->is_unprepared ? 0 : (uint64_t)CLONE_FILES),
        .pidfd = (uint64_t)(uintptr_t)&new_pidfd,
        .exit_signal = SIGCHLD,
        .stack = (uint64_t)(uintptr_t)stack,
        .stack_size = sizeof(stack),
    };
    if (request->cgroup_fd >= 0) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = (uint64_t)request->cgroup_fd;
    }
    int staged = stage_descriptors(request);
    long child_pid = staged < 0 ? staged : clone_child_undisturbed(&arguments, &attempt);
    unstage_descriptors(request);
    if (child_pid < 0) {
        *stage = staged < 0 ? SPAWN_STAGE_DESCRIPTORS : SPAWN_STAGE_CLONE;
        return (int)child_pid;
    }
    if (attempt.error) {
        (void)waitid(P_PIDFD, (id_t)new_pidfd, &(siginfo_t){0}, WEXITED);
        (void)close(new_pidfd);
        *stage = attempt.stage;
        return -attempt.error;
    }
    *pid = (pid_t)child_pid;
    *pidfd = new_pidfd;
    return 0;
}
