// SPDX-License-Identifier: MIT
// Runs a program from which the kernel withholds some system calls, as an old kernel or the filter
// of a container does: forbidder CALL[,CALL]… ERROR PROGRAM [ARGUMENT]… with ERROR ENOSYS or EPERM.
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
    const char *name;
    unsigned number;
} calls[] = {
    {"clone3", SYS_clone3},
    {"close_range", SYS_close_range},
    {"memfd_create", SYS_memfd_create},
    {"openat2", SYS_openat2},
    {"pidfd_open", SYS_pidfd_open},
    {"pidfd_send_signal", SYS_pidfd_send_signal},
};

enum { CALLS = sizeof calls / sizeof *calls };

// Returns CALLS if there is none of that name.
static size_t call_of(const char *name)
{
    size_t i = 0;
    while (i < CALLS && strcmp(calls[i].name, name) != 0)
        i++;
    return i;
}

int main(int argc, char **argv)
{
    struct sock_filter steps[2 + 2 * CALLS] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    };
    unsigned short count = 1;
    if (argc < 4)
        return 2;
    unsigned error = strcmp(argv[2], "EPERM") == 0 ? EPERM : ENOSYS;
    for (char *name = strtok(argv[1], ","); name; name = strtok(NULL, ",")) {
        size_t i = call_of(name);
        if (i == CALLS || count >= 2 * CALLS)
            return 2;
        steps[count++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i].number, 0, 1);
        steps[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error);
    }
    steps[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    const struct sock_fprog filter = {.len = count, .filter = steps};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0) {
        perror("forbidder");
        return 71;
    }
    execv(argv[3], argv + 3);
    perror(argv[3]);
    return 71;
}
