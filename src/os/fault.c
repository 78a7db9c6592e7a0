// SPDX-License-Identifier: MIT
// The linker is told (--wrap) to lead each call of a function in faults.def to a stub here, which
// asks fault_decide() and then either fails or goes on to the C library with the same registers and
// stack. So one table is enough for functions of any signature, and the program's own sources know
// nothing of it, but for the two hooks in fault.h: clone3 is no function, and a fork needs a name.
//
//     FORMATION_FAULTS="seed=7,rate=1/2000[,only=read+write][,role=guard+manager][,after=N]
//                       [,count=N][,errno=EIO][,site=HEX][,nth=N][,generation=N][,trace]"
//     FORMATION_FAULTS_LOG=PATH    a line for each: pid role generation function errno n site stack
//
// What is no possible error of this call, on this descriptor, is left out. Guard, manager, witness
// and clients have a stream of random numbers each; the processes never see these variables. A site
// is a call together with its callers: with site= and nth= exactly one call fails (test/faults).
// Nothing here allocates, locks or changes errno, for a child borrows this memory (spawn.c).
#include "os/fault.h"

#include "base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if !defined(__x86_64__)
#error "the stubs are written for x86-64 only"
#endif

enum { PROCEEDS, MINUS_ONE, ZERO }; // what a stub returns; the stub knows the numbers
enum { MOST_ERRORS = 8, STACK_DEPTH = 4, SHORT = -1 };

struct function {
    const char *name;
    int result;
    int size_argument;
    int errors[MOST_ERRORS];
};

#define FAULT_AT_HOOK FAULT
#define FAULT(symbol, result, size, ...) FUNCTION_##symbol,
enum function_number {
#include "os/faults.def"
    FUNCTION_COUNT,
};
#undef FAULT

#define FAULT(symbol, result, size, ...) {#symbol, result, size, __VA_ARGS__},
static const struct function functions[] = {
#include "os/faults.def"
};
#undef FAULT
#undef FAULT_AT_HOOK

struct setting {
    bool is_on, is_traced;
    uint64_t rate_of; // one in so many; 0: each that fits
    unsigned long after, count, nth, generation, site;
    int error; // 0: any
    char only[256], roles[64];
    char log[256];
};

static struct setting setting;
static struct random stream;
static const char *own_role = "client";
static unsigned long calls[FUNCTION_COUNT], all_calls, fitting_calls, injected;
static unsigned long own_generation;
static char next_generation[] = "FORMATION_FAULTS_GENERATION=00000000";

extern long real_syscall(long number, ...) __asm__("__real_syscall");
extern const char program_start[] __asm__("__executable_start");
extern char *const stack_end __asm__("__libc_stack_end");

// --- the setting
// ----------------------------------------------------------------------------------

// "name" among "a+name+b".
static bool lists(const char *list, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = list; *at; at += strspn(at, "+")) {
        size_t length = strcspn(at, "+");
        if (length == size && memcmp(at, name, size) == 0)
            return true;
        at += length;
    }
    return false;
}

static int error_of(const char *name)
{
    enum { LAST_ERROR = 133 };
    for (int error = 1; error <= LAST_ERROR; error++)
        if (strerrorname_np(error) && strcmp(strerrorname_np(error), name) == 0)
            return error;
    return strcmp(name, "short") == 0 ? SHORT : 0;
}

__attribute__((noreturn)) static void refuse(const char *word)
{
    (void)fprintf(stderr, "FORMATION_FAULTS: '%s' is not known\n", word);
    _exit(64);
}

static void set(const char *key, const char *value)
{
    unsigned long number = strtoul(value, NULL, 10);
    if (strcmp(key, "seed") == 0)
        stream.state = number;
    else if (strcmp(key, "rate") == 0 && strncmp(value, "1/", 2) == 0)
        setting.rate_of = strtoul(value + 2, NULL, 10);
    else if (strcmp(key, "only") == 0)
        (void)snprintf(setting.only, sizeof(setting.only), "%s", value);
    else if (strcmp(key, "role") == 0)
        (void)snprintf(setting.roles, sizeof(setting.roles), "%s", value);
    else if (strcmp(key, "after") == 0)
        setting.after = number;
    else if (strcmp(key, "count") == 0)
        setting.count = number;
    else if (strcmp(key, "nth") == 0)
        setting.nth = number;
    else if (strcmp(key, "generation") == 0)
        setting.generation = number;
    else if (strcmp(key, "site") == 0)
        setting.site = strtoul(value, NULL, 16);
    else if (strcmp(key, "trace") == 0)
        setting.is_traced = true;
    else if (strcmp(key, "errno") != 0 || !(setting.error = error_of(value)))
        refuse(key);
}

static void parse(const char *text)
{
    char copy[512];
    (void)snprintf(copy, sizeof(copy), "%s", text);
    for (char *rest = copy, *item; (item = strsep(&rest, ","));) {
        char *value = strchr(item, '=');
        if (value)
            *value++ = '\0';
        set(item, value ? value : "");
    }
}

static uint64_t hash(uint64_t before, const char *text)
{
    for (; *text; text++)
        before = (before ^ (unsigned char)*text) * 1099511628211U;
    return before;
}

static void begin_stream(void)
{
    uint64_t mixed = hash(random_next(&stream), own_role) + own_generation;
    stream.state = mixed;
}

// Only the guard hands the setting on, to managers.
static void keep_from_others(bool is_guard)
{
    const char *text = getenv("FORMATION_FAULTS_GENERATION");
    own_generation = text ? strtoul(text, NULL, 10) : 0;
    if (is_guard) {
        if (text)
            memcpy(strchr(next_generation, '=') + 1, text, strnlen(text, 8));
        (void)putenv(next_generation);
        return;
    }
    (void)unsetenv("FORMATION_FAULTS");
    (void)unsetenv("FORMATION_FAULTS_LOG");
    (void)unsetenv("FORMATION_FAULTS_GENERATION");
}

__attribute__((constructor)) static void begin(int argc, char **argv)
{
    const char *text = getenv("FORMATION_FAULTS");
    const char *log = getenv("FORMATION_FAULTS_LOG");
    if (!text)
        return;
    parse(text);
    (void)snprintf(setting.log, sizeof(setting.log), "%s", log ? log : "");
    if (argc > 1 && strcmp(argv[1], "manager") == 0)
        own_role = "manager";
    for (int i = 1; i < argc && strcmp(own_role, "client") == 0; i++)
        if (strcmp(argv[i], "start") == 0)
            own_role = "guard";
    keep_from_others(strcmp(own_role, "guard") == 0);
    begin_stream();
    setting.is_on = true;
}

void fault_become(const char *role)
{
    own_role = role;
    begin_stream();
}

// --- which call fails
// -----------------------------------------------------------------------------

// Of managers, or nearly so: each process that is started counts, too.
static void count_generation(void)
{
    char *digits = strchr(next_generation, '=') + 1;
    for (char *digit = digits + strlen(digits) - 1; digit >= digits; digit--) {
        if (++*digit <= '9')
            return;
        *digit = '0';
    }
}

static mode_t kind_of(int fd)
{
    struct stat status = {0};
    (void)real_syscall(SYS_fstat, fd, &status);
    return status.st_mode & S_IFMT;
}

static bool may_block(int fd, int flags)
{
    return !(flags & MSG_DONTWAIT) && !(real_syscall(SYS_fcntl, fd, F_GETFL) & O_NONBLOCK);
}

// Errors of calls that move bytes depend on what the descriptor is. A pidfd, an eventfd and the
// like have no kind.
static bool may_fail_to_move(int fd, int flags, int error)
{
    mode_t kind = kind_of(fd);
    if (error == EAGAIN)
        return !may_block(fd, flags);
    if (error == EINTR)
        return kind != S_IFREG && kind != 0 && may_block(fd, flags);
    if (error == EIO)
        return kind == S_IFREG || kind == S_IFCHR;
    if (error == ENOSPC)
        return kind == S_IFREG;
    if (error == EPIPE || error == ECONNRESET)
        return kind == S_IFSOCK;
    return true;
}

static bool is_plausible(enum function_number number, const long *arguments, int error)
{
    int fd = (int)arguments[0];
    switch (number) {
    case FUNCTION_write: // an eventfd is never so full
        return (error != EAGAIN || kind_of(fd) != 0) && may_fail_to_move(fd, 0, error);
    case FUNCTION_read:
    case FUNCTION_pread64:
    case FUNCTION_pwrite64:
        return may_fail_to_move(fd, 0, error);
    case FUNCTION_recv:
    case FUNCTION_send:
        return may_fail_to_move(fd, (int)arguments[3], error);
    case FUNCTION_recvmsg:
    case FUNCTION_sendmsg:
        return may_fail_to_move(fd, (int)arguments[2], error);
    case FUNCTION_splice:
        return error != EAGAIN || !may_block(fd, 0) || !may_block((int)arguments[2], 0) ||
               arguments[5];
    case FUNCTION_accept4:
    case FUNCTION_connect:
        return (error != EAGAIN && error != EINTR) || (error == EAGAIN) == !may_block(fd, 0);
    case FUNCTION_epoll_ctl:
        return arguments[1] == EPOLL_CTL_ADD;
    case FUNCTION_dup2: // the table grows only for a number that was never used
    case FUNCTION_dup3:
        return real_syscall(SYS_fcntl, arguments[1], F_GETFD) < 0;
    case FUNCTION_close_range:
        return arguments[2] & CLOSE_RANGE_UNSHARE;
    case FUNCTION_fcntl64:
        return arguments[1] == F_DUPFD_CLOEXEC ? error == EMFILE
                                               : arguments[1] == F_SETPIPE_SZ && error != EMFILE;
    case FUNCTION_open64:
        return error != ENOSPC || arguments[1] & O_CREAT;
    case FUNCTION_openat64:
        return error != ENOSPC || arguments[2] & O_CREAT;
    case FUNCTION_waitid:
        return !(arguments[3] & WNOHANG);
    case FUNCTION_kill:
        return arguments[1] != 0;
    default:
        return true;
    }
}

// An eventfd or a signalfd moves a number or nothing.
static bool may_be_short(enum function_number number, const long *arguments)
{
    int size = functions[number].size_argument;
    return size && arguments[size - 1] > 1 && kind_of((int)arguments[0]) != 0;
}

// Returns how many of its errors this call may have now.
static int choose(enum function_number number, const long *arguments, int out[MOST_ERRORS + 1])
{
    const struct function *function = &functions[number];
    int count = 0;
    for (int i = 0; i < MOST_ERRORS && function->errors[i]; i++)
        if ((setting.error == 0 || setting.error == function->errors[i]) &&
            is_plausible(number, arguments, function->errors[i]))
            out[count++] = function->errors[i];
    if ((setting.error == 0 || setting.error == SHORT) && may_be_short(number, arguments))
        out[count++] = SHORT;
    return count;
}

// --- the log
// --------------------------------------------------------------------------------------

static unsigned long site_of(const uintptr_t stack[STACK_DEPTH])
{
    uint64_t mixed = 14695981039346656037U;
    for (int i = 0; i < STACK_DEPTH; i++)
        mixed = (mixed ^ stack[i]) * 1099511628211U;
    return (unsigned long)(mixed >> 32);
}

// By frame pointers, with which this build is compiled.
static void read_stack(uintptr_t *const *frame, uintptr_t out[STACK_DEPTH])
{
    enum { LARGEST_FRAME = 1 << 20, CHILD_STACK = 8 * 1024 };
    uintptr_t here = (uintptr_t)&frame;
    uintptr_t end = (uintptr_t)stack_end;
    if (here > end || end - here > 64UL * LARGEST_FRAME)
        end = here + CHILD_STACK; // spawn.c's
    for (int i = 0; i < STACK_DEPTH; i++)
        out[i] = 0;
    for (int i = 0; i < STACK_DEPTH; i++) {
        uintptr_t at = (uintptr_t)frame;
        if (at % sizeof(at) != 0 || at < here || at + 2 * sizeof(at) > end)
            return;
        out[i] = (uintptr_t)frame[1] - (uintptr_t)program_start;
        frame = (uintptr_t *const *)frame[0];
        here = at + 1;
    }
}

static void log_call(enum function_number number, int error, const uintptr_t stack[STACK_DEPTH])
{
    char line[256];
    const char *what = error == 0 ? "-" : error == SHORT ? "short" : strerrorname_np(error);
    int size =
        snprintf(line, sizeof(line), "%ld %s %lu %s %s %lu %lx %lx,%lx,%lx,%lx\n",
                 real_syscall(SYS_getpid), own_role, own_generation, functions[number].name, what,
                 calls[number], site_of(stack), stack[0], stack[1], stack[2], stack[3]);
    long fd = setting.log[0] ? real_syscall(SYS_openat, AT_FDCWD, setting.log,
                                            O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)
                             : -1;
    if (fd < 0)
        return;
    (void)real_syscall(SYS_write, fd, line, size);
    (void)real_syscall(SYS_close, fd);
}

// --- the stubs
// ------------------------------------------------------------------------------------

static bool is_meant(enum function_number number, const uintptr_t stack[STACK_DEPTH])
{
    all_calls++;
    calls[number]++;
    return (!setting.only[0] || lists(setting.only, functions[number].name)) &&
           (!setting.roles[0] || lists(setting.roles, own_role)) &&
           (!setting.generation || setting.generation == own_generation) &&
           (!setting.site || setting.site == site_of(stack)) && all_calls > setting.after;
}

static bool is_due(void)
{
    fitting_calls++;
    if (setting.count && injected >= setting.count)
        return false;
    if (setting.nth)
        return fitting_calls == setting.nth;
    return setting.rate_of && random_below(&stream, setting.rate_of) == 0;
}

// Returns an error, SHORT, or 0. In a trace every possible one is told, and none comes.
static int decide(enum function_number number, const long *arguments, uintptr_t *const *frame)
{
    int errors[MOST_ERRORS + 1];
    uintptr_t stack[STACK_DEPTH];
    read_stack(frame, stack);
    if (!is_meant(number, stack))
        return 0;
    int count = choose(number, arguments, errors);
    if (setting.is_traced) {
        for (int i = 0; i < count; i++)
            log_call(number, errors[i], stack);
        return 0;
    }
    if (count == 0 || !is_due())
        return 0;
    injected++;
    int error = errors[random_below(&stream, (uint64_t)count)];
    log_call(number, error, stack);
    return error;
}

// For the stubs. close() has closed, whatever it says.
int fault_decide(enum function_number number, long *arguments, uintptr_t *const *frame);
int fault_decide(enum function_number number, long *arguments, uintptr_t *const *frame)
{
    const struct function *function = &functions[number];
    int before = errno;
    int error = setting.is_on ? decide(number, arguments, frame) : 0;
    errno = before;
    if (error == 0)
        return PROCEEDS;
    if (error == SHORT) {
        long *size = &arguments[function->size_argument - 1];
        *size = 1 + (long)random_below(&stream, (uint64_t)*size - 1);
        return PROCEEDS;
    }
    if (number == FUNCTION_close)
        (void)real_syscall(SYS_close, arguments[0]);
    if (error == EPIPE || error == ECONNRESET) // from then on the other end is gone
        (void)real_syscall(SYS_shutdown, arguments[0], SHUT_RDWR);
    errno = error;
    return function->result;
}

long fault_of_clone(void)
{
    uintptr_t *const *frame = __builtin_frame_address(0);
    int before = errno;
    int error = setting.is_on ? decide(FUNCTION_clone, (long[6]){0}, frame) : 0;
    errno = before;
    if (strcmp(own_role, "guard") == 0)
        count_generation();
    return -error;
}

// All six argument registers, and the count of vector registers that variadic functions look at,
// lie where fault_decide() can change them. The assembler numbers them as the compiler does above.
#define FAULT_AT_HOOK(...) ".set fault_number, fault_number + 1\n"
#define FAULT(symbol, ...)                                                                         \
    ".globl __wrap_" #symbol "\n"                                                                  \
    ".type __wrap_" #symbol ", @function\n"                                                        \
    "__wrap_" #symbol ":\n"                                                                        \
    "push %rbp\n mov %rsp, %rbp\n"                                                                 \
    "push %r9\n push %r8\n push %rcx\n push %rdx\n push %rsi\n push %rdi\n"                        \
    "mov %rsp, %rsi\n push %rax\n sub $8, %rsp\n"                                                  \
    "mov $fault_number, %edi\n mov %rbp, %rdx\n"                                                   \
    ".set fault_number, fault_number + 1\n"                                                        \
    "call fault_decide\n"                                                                          \
    "cmp $1, %eax\n jae 1f\n"                                                                      \
    "add $8, %rsp\n pop %rax\n"                                                                    \
    "pop %rdi\n pop %rsi\n pop %rdx\n pop %rcx\n pop %r8\n pop %r9\n pop %rbp\n"                   \
    "jmp __real_" #symbol "@PLT\n"                                                                 \
    "1: sub $2, %eax\n cltq\n leave\n ret\n"                                                       \
    ".size __wrap_" #symbol ", . - __wrap_" #symbol "\n"
__asm__(".text\n"
        ".set fault_number, 0\n"
#include "os/faults.def"
);
