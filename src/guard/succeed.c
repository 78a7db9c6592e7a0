// SPDX-License-Identifier: MIT
// Descriptors survive execve(2), and with them the board, the epoll set and every pidfd; children
// stay children. What is written down for the successor are their numbers, as a list of integers
// whose order is the format: it is not to be changed without GUARD_FORMAT.
#include "guard/succeed.h"

#include "guard/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    FEWEST = 16, // no guard has less to say
    STATE_FIXED = 96 + LIMIT_LISTENERS,
};

static const char variable[] = "FORMATION_GUARD"; // the descriptor that the state is in
static int64_t state[STATE_FIXED + 6 * LIMIT_PROCESSES];

// Moves integers between the guard and `state`, both ways by one list.
struct passage {
    bool reads;
    size_t at;
};

static void pass(struct passage *passage, int64_t *value)
{
    if (passage->reads)
        *value = state[passage->at];
    else
        state[passage->at] = *value;
    passage->at++;
}

static void pass_int(struct passage *passage, int *value)
{
    int64_t wide = *value;
    pass(passage, &wide);
    *value = (int)wide;
}

static void pass_bool(struct passage *passage, bool *value)
{
    int64_t wide = *value;
    pass(passage, &wide);
    *value = wide != 0;
}

static void pass_limit(struct passage *passage, rlim_t *value)
{
    int64_t wide = (int64_t)*value;
    pass(passage, &wide);
    *value = (rlim_t)wide;
}

static void pass_descriptors(struct passage *passage, struct guard *guard)
{
    pass_int(passage, &guard->board_fd);
    pass_int(passage, &guard->program_fd);
    pass_int(passage, &guard->doorbell);
    pass_int(passage, &guard->signals);
    pass_int(passage, &guard->watch);
    pass_int(passage, &guard->null);
    for (int i = 0; i < KEPT_COUNT; i++)
        pass_int(passage, &guard->kept[i]);
    pass_int(passage, &guard->witness_pipe[0]);
    pass_int(passage, &guard->witness_pipe[1]);
    pass_int(passage, &guard->witness_pidfd);
    pass_int(passage, &guard->channel);
    pass_int(passage, &guard->manager_pidfd);
    pass_int(passage, &guard->tree.fd);
    pass_int(passage, &guard->tree.parent_fd);
    pass_bool(passage, &guard->tree.has_strangers);
}

static void pass_sockets(struct passage *passage, struct herald *herald)
{
    pass_int(passage, &herald->socket_count);
    for (int i = 0; i < LIMIT_SOCKETS; i++)
        pass_int(passage, &herald->sockets[i]);
}

static void pass_rest(struct passage *passage, struct guard *guard)
{
    int64_t handled = guard->handled;
    for (int i = 0; i < LIMIT_LISTENERS; i++)
        pass_int(passage, &guard->holds.listeners[i]);
    int used = (int)guard->holds.used;
    pass_int(passage, &guard->manager_pid);
    pass(passage, &guard->manager_started_at);
    pass(passage, &guard->manager_due_at);
    pass(passage, &guard->manager_pause);
    pass(passage, &guard->heard_at);
    pass(passage, &guard->asked_at);
    pass(passage, &handled);
    pass_bool(passage, &guard->ignores_hangup);
    pass_bool(passage, &guard->is_over);
    pass_int(passage, &guard->exit_status);
    pass_limit(passage, &guard->descriptor_limit.rlim_cur);
    pass_limit(passage, &guard->descriptor_limit.rlim_max);
    pass_int(passage, &used);
    guard->handled = (uint32_t)handled;
    guard->holds.used = (unsigned)used < LIMIT_PROCESSES ? (unsigned)used : LIMIT_PROCESSES;
    for (unsigned slot = 0; slot < guard->holds.used; slot++) {
        pass_int(passage, &guard->holds.slots[slot].pidfd);
        pass_int(passage, &guard->holds.slots[slot].near);
        pass_int(passage, &guard->holds.slots[slot].far);
        pass_int(passage, &guard->holds.slots[slot].notify);
        pass_int(passage, &guard->holds.slots[slot].error_near);
        pass_int(passage, &guard->holds.slots[slot].error_far);
    }
}

static void pass_all(struct passage *passage, struct guard *guard)
{
    int format = GUARD_FORMAT;
    int pid = getpid();
    pass_int(passage, &format);
    pass_int(passage, &pid);
    pass_descriptors(passage, guard);
    pass_sockets(passage, &guard->herald);
    pass_rest(passage, guard);
}

static void keep_on_exec(int fd)
{
    if (fd >= 0)
        (void)fcntl(fd, F_SETFD, 0);
}

static void keep_all_on_exec(const struct guard *guard, int state_fd)
{
    const int fds[] = {
        guard->board_fd, guard->program_fd,     guard->doorbell,        guard->signals,
        guard->watch,    guard->null,           guard->witness_pipe[0], guard->witness_pipe[1],
        guard->channel,  guard->witness_pidfd,  guard->manager_pidfd,   guard->tree.fd,
        state_fd,        guard->tree.parent_fd,
    };
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        keep_on_exec(fds[i]);
    for (int i = 0; i < KEPT_COUNT; i++)
        keep_on_exec(guard->kept[i]);
    for (int i = 0; i < guard->herald.socket_count; i++)
        keep_on_exec(guard->herald.sockets[i]);
    for (int i = 0; i < LIMIT_LISTENERS; i++)
        keep_on_exec(guard->holds.listeners[i]);
    for (unsigned slot = 0; slot < guard->holds.used; slot++) {
        keep_on_exec(guard->holds.slots[slot].pidfd);
        keep_on_exec(guard->holds.slots[slot].near);
        keep_on_exec(guard->holds.slots[slot].far);
        keep_on_exec(guard->holds.slots[slot].notify);
        keep_on_exec(guard->holds.slots[slot].error_near);
        keep_on_exec(guard->holds.slots[slot].error_far);
    }
}

static int write_state(size_t count)
{
    int fd = memfd_create("formation-guard", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    size_t size = count * sizeof(state[0]);
    if (pwrite(fd, state, size, 0) != (ssize_t)size) {
        (void)close(fd);
        return -ENOSPC;
    }
    return fd;
}

// Without the word "manager", the arguments are those of `formation start`.
static void arguments_of_guard(struct guard *guard, char **out)
{
    size_t count = 0;
    for (size_t i = 0; guard->arguments[i]; i++)
        if (i != 1)
            out[count++] = guard->arguments[i];
    out[count] = NULL;
}

int succeed_exec(struct guard *guard, int program_fd)
{
    static char *arguments[ARGUMENTS + 1];
    char number[16];
    struct passage passage = {0};
    pass_all(&passage, guard);
    int fd = write_state(passage.at);
    if (fd < 0)
        return fd;
    (void)snprintf(number, sizeof(number), "%d", fd);
    if (setenv(variable, number, 1) < 0) {
        (void)close(fd);
        return -ENOMEM;
    }
    arguments_of_guard(guard, arguments);
    keep_all_on_exec(guard, fd);
    (void)execveat(program_fd, "", arguments, environ, AT_EMPTY_PATH);
    int error = errno;
    (void)close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    (void)unsetenv(variable);
    (void)close(fd);
    return -error;
}

static int read_state(const char *number)
{
    char *end;
    long fd = strtol(number, &end, 10);
    if (*end || fd <= STDERR_FILENO || fd > INT32_MAX)
        return -ENOENT;
    ssize_t size = pread((int)fd, state, sizeof(state), 0);
    if (size < (ssize_t)(sizeof(state[0]) * FEWEST) || state[1] != getpid())
        return -ENOENT; // somebody else's variable
    (void)close((int)fd);
    return state[0] == GUARD_FORMAT ? 0 : -EPROTO;
}

int succeed_resume(struct guard *guard)
{
    const char *number = getenv(variable);
    struct passage passage = {.reads = true};
    if (!number)
        return -ENOENT;
    int result = read_state(number);
    (void)unsetenv(variable);
    if (result < 0)
        return result;
    (void)close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    pass_all(&passage, guard);
    struct tree tree = guard->tree;
    result = tree_adopt(&guard->tree, getpid(), tree.fd);
    guard->tree.parent_fd = tree.parent_fd;
    guard->tree.has_strangers = tree.has_strangers;
    return result;
}
