// SPDX-License-Identifier: MIT
// The bits of the hard limit, from the highest:
//
//   4  constant, so that it is no number that anybody else would choose, nor RLIM_INFINITY
//   3  how many more formations there may be within this one: a limit can only be lowered
//   1  1; in the soft limit 0, which therefore is the lower one
//  14  of a hash of the pid namespace
//  20  of the guard's start time in ticks, which is about three hours until they come again
//  22  the guard's pid (no pid is larger: PID_MAX_LIMIT)
//
// Those of the soft limit below the first eight are of a hash of the process's name.
#include "os/brand.h"

#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PID_BITS = 22, START_BITS = 20, SPACE_BITS = 14, NAME_BITS = 56 };
enum {
    START_AT = PID_BITS,
    SPACE_AT = START_AT + START_BITS,
    HARD_AT = SPACE_AT + SPACE_BITS,
    DEPTH_AT = HARD_AT + 1,
    CONSTANT_AT = DEPTH_AT + 3,
};

#define CONSTANT (UINT64_C(0xe) << CONSTANT_AT)
#define DEPTH (UINT64_C(7) << DEPTH_AT)
#define HARD (UINT64_C(1) << HARD_AT)

static uint64_t low_bits(uint64_t value, unsigned count)
{
    return value & ((UINT64_C(1) << count) - 1);
}

static uint64_t hash(const void *bytes, size_t size) // FNV-1a
{
    uint64_t value = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        value = (value ^ ((const unsigned char *)bytes)[i]) * UINT64_C(0x100000001b3);
    return value;
}

static uint64_t space_bits(void)
{
    uint64_t space = proc_namespace();
    return low_bits(hash(&space, sizeof(space)), SPACE_BITS) << SPACE_AT;
}

static bool is_brand(uint64_t limit)
{
    return limit >> CONSTANT_AT == CONSTANT >> CONSTANT_AT && limit & HARD;
}

static uint64_t own_limit(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_LOCKS, &limit) == 0 ? (uint64_t)limit.rlim_max : 0;
}

// Lower than any that we are within ourselves; 0: that is not to be had.
static uint64_t depth_bits(void)
{
    uint64_t around = own_limit();
    if (around == (uint64_t)RLIM_INFINITY)
        return DEPTH;
    if (!is_brand(around) || (around & DEPTH) >> DEPTH_AT <= 1)
        return 0;
    return (around & DEPTH) - (UINT64_C(1) << DEPTH_AT);
}

uint64_t brand_of_guard(pid_t guard, uint64_t start_ticks)
{
    uint64_t depth = depth_bits();
    if (depth == 0 || sizeof(rlim_t) < sizeof(uint64_t) || sizeof(long) < sizeof(uint64_t))
        return 0;
    return CONSTANT | depth | HARD | space_bits() | low_bits(start_ticks, START_BITS) << START_AT |
           low_bits((uint64_t)guard, PID_BITS);
}

struct rlimit brand_limits(uint64_t brand, const char *name)
{
    uint64_t soft = (brand & (CONSTANT | DEPTH)) | low_bits(hash(name, strlen(name)), NAME_BITS);
    return (struct rlimit){.rlim_cur = (rlim_t)soft, .rlim_max = (rlim_t)brand};
}

// Of another process, as /proc shows it to everybody: prlimit(2) is for its own user only.
static bool read_limits(pid_t pid, uint64_t *soft, uint64_t *hard)
{
    static const char title[] = "Max file locks";
    char path[64];
    char text[4096];
    (void)snprintf(path, sizeof(path), "/proc/%d/limits", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t size = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    text[size > 0 ? size : 0] = '\0';
    char *line = strstr(text, title);
    if (!line)
        return false;
    char *rest = line + sizeof(title) - 1;
    *soft = strtoull(rest, &rest, 10); // of "unlimited" nothing is a number: 0, and no brand
    *hard = strtoull(rest, NULL, 10);
    return true;
}

bool brand_is_on(pid_t pid, uint64_t brand, const char *name)
{
    uint64_t soft, hard;
    return brand && read_limits(pid, &soft, &hard) && hard == brand &&
           (!name || soft == (uint64_t)brand_limits(brand, name).rlim_cur);
}

static bool is_in_our_namespace(pid_t pid)
{
    struct stat status;
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
    return stat(path, &status) == 0 && status.st_ino == proc_namespace();
}

// Whoever cannot be looked at now, for want of descriptors or memory, may live.
static bool guard_is_gone(uint64_t brand)
{
    struct proc_status status;
    int result = proc_read_status((pid_t)low_bits(brand, PID_BITS), &status);
    if (result < 0)
        return result == -ENOENT || result == -ESRCH;
    return low_bits(status.start_ticks, START_BITS) != low_bits(brand >> START_AT, START_BITS) ||
           status.state == 'Z' || status.state == 'X';
}

bool brand_is_abandoned(pid_t pid)
{
    uint64_t soft, hard;
    return read_limits(pid, &soft, &hard) && is_brand(hard) && hard != own_limit() &&
           low_bits(hard >> SPACE_AT, SPACE_BITS) << SPACE_AT == space_bits() &&
           guard_is_gone(hard) && is_in_our_namespace(pid);
}
