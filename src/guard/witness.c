// SPDX-License-Identifier: MIT
// A parent-death signal reaches children only, and a cgroup ends nothing by itself: something has
// to be alive when guard and manager are killed in one blow. It is a fork of the guard, so it costs
// a few pages; it reads from a pipe until nobody holds the other end. It holds nothing else of the
// guard's: the end of a channel or of a pipe that it kept open would never be told to anybody.
#include "guard/witness.h"

#include "os/fault.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000, HIGHEST_PRIORITY = -20 };

// Only these three are kept, as 0, 1 and 2. All of them are above the reserved descriptors.
static bool close_all_but(int *pipe_end, struct tree *tree)
{
    int *kept[] = {pipe_end, &tree->fd, &tree->parent_fd};
    for (int i = 0; i <= STDERR_FILENO; i++) {
        (void)close(i);
        if (*kept[i] >= 0 && dup2(*kept[i], i) < 0)
            return false;
        if (*kept[i] >= 0)
            *kept[i] = i;
    }
    (void)close_range(STDERR_FILENO + 1, ~0U, 0);
    return true;
}

__attribute__((noreturn)) static void witness(struct tree tree, int pipe_end)
{
    char byte;
    fault_become("witness");
    (void)setsid(); // a hang-up or Ctrl-C of the terminal is not meant for it
    (void)prctl(PR_SET_NAME, "formation-wit");
    ssize_t size;
    if (!close_all_but(&pipe_end, &tree))
        _exit(1);
    while ((size = read(pipe_end, &byte, 1)) < 0 && errno == EINTR) {
    }
    if (size < 0) // it is not known that anybody is gone
        _exit(1);
    if (size == 0) {                                          // else it was dismissed
        (void)setpriority(PRIO_PROCESS, 0, HIGHEST_PRIORITY); // or a storm of forks is not outrun
        (void)tree_kill_all(&tree, PATIENCE_MS);
    }
    tree_close(&tree);
    _exit(0);
}

pid_t witness_start(const struct tree *tree, const int pipe[2])
{
    pid_t pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0)
        witness(*tree, pipe[0]);
    return pid;
}

void witness_dismiss(const int pipe[2])
{
    if (pipe[1] > STDERR_FILENO) // else there never was one
        (void)!write(pipe[1], "", 1);
}
