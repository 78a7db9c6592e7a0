// SPDX-License-Identifier: MIT
// A parent-death signal reaches children only, and a cgroup ends nothing by itself: something has
// to be alive when guard and manager are killed in one blow. It is a fork of the guard, so it costs
// a few pages; it reads from a pipe until nobody holds the other end.
#include "guard/witness.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000 };

__attribute__((noreturn)) static void witness(struct tree tree, const int pipe[2])
{
    char byte;
    (void)setsid(); // a hang-up or Ctrl-C of the terminal is not meant for it
    (void)prctl(PR_SET_NAME, "formation-wit");
    (void)prctl(PR_SET_CHILD_SUBREAPER, 0);
    (void)close(pipe[1]);
    // The guard may have held more, such as the terminal of a user who wants to log out.
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        (void)close(fd);
    while (read(pipe[0], &byte, 1) < 0 && errno == EINTR) {
    }
    (void)tree_kill_all(&tree, PATIENCE_MS);
    tree_close(&tree);
    _exit(0);
}

pid_t witness_start(const struct tree *tree, const int pipe[2])
{
    pid_t pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0)
        witness(*tree, pipe);
    return pid;
}
