// SPDX-License-Identifier: MIT
// Any file can be named as the program: so it runs in a session and, where there are cgroups, a
// folder of its own, ends with us, and is given its time and no more.
#include "manager/trial.h"

#include "os/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LASTS (5 * NSEC_PER_SEC)

// Of its folder: no process of the formation is called so.
static const char branch[] = "trial";

enum { BOARD_AT = MANAGER_BOARD, PLAN_AT = MANAGER_KEPT + KEPT_PLAN, COUNT = PLAN_AT + 1 };

static void on_end(struct check *check)
{
    struct trial *trial = loop_owner(check, struct trial, check);
    trial->news(trial);
}

static void clear_branch(const struct tree *tree)
{
    if (tree->fd < 0)
        return;
    if (!tree_branch_is_empty(tree, branch, 0))
        tree_branch_signal(tree, branch, 0, SIGKILL);
    tree_branch_remove(tree, branch);
}

// As tree_branch_open(). A folder that was sent SIGKILL is not used again.
static int open_branch(const struct tree *tree)
{
    if (tree->fd < 0)
        return -1;
    clear_branch(tree);
    return tree_branch_is_empty(tree, branch, 0) ? tree_branch_open(tree, branch) : -EAGAIN;
}

// Ours, and by what its processes are known to be the formation's. Only the list is to be freed.
static char **make_environment(struct manager *manager)
{
    size_t count = 0;
    while (environ[count])
        count++;
    char **list = calloc(count + 2, sizeof(*list));
    if (!list)
        return NULL;
    memcpy(list, environ, count * sizeof(*list));
    list[count] = manager->mark;
    return list;
}

// A descriptor above those that it is to become.
static int duplicate(int fd)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, COUNT);
}

static int spawn(struct trial *trial, int program, int format, const int fds[COUNT])
{
    struct manager *manager = trial->manager;
    char path[64];
    char number[16];
    char name[] = "formation";
    char word[] = "trial";
    char *argv[] = {name, word, number, NULL};
    enum spawn_stage stage;
    struct spawn_request request = {
        .program = path,
        .argv = argv,
        .envp = make_environment(manager),
        .descriptor_count = COUNT,
        .cgroup_fd = -1,
        .new_session = true,
        .death_signal = SIGKILL,
        .is_unprepared = true,
    };
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", program);
    (void)snprintf(number, sizeof(number), "%d", format);
    memcpy(request.descriptors, fds, COUNT * sizeof(*fds));
    if (!request.envp)
        return -ENOMEM;
    request.cgroup_fd = open_branch(&manager->tree);
    int result = request.cgroup_fd < -1
                     ? request.cgroup_fd
                     : check_begin(&trial->check, &manager->loop, &request, on_end, &stage);
    if (request.cgroup_fd >= 0)
        (void)close(request.cgroup_fd);
    free((void *)(size_t)request.envp);
    return result;
}

int trial_begin(struct trial *trial, struct manager *manager, int program, int format,
                trial_news *news)
{
    int fds[COUNT];
    int ends[2];
    int result = 0;
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    *trial = (struct trial){
        .manager = manager,
        .output = ends[0],
        .due_at = clock_now() + LASTS,
        .news = news,
    };
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < COUNT; i++) {
        int from = i == STDOUT_FILENO || i == STDERR_FILENO ? ends[1]
                   : i == BOARD_AT || i == PLAN_AT          ? i
                                                            : null;
        fds[i] = duplicate(from);
        result = fds[i] < 0 ? -errno : result;
    }
    if (result == 0)
        result = spawn(trial, program, format, fds);
    for (int i = 0; i < COUNT; i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
    if (null >= 0)
        (void)close(null);
    (void)close(ends[1]);
    if (result < 0)
        (void)close(ends[0]);
    return result;
}

bool trial_is_fit(const struct trial *trial, char reason[TRIAL_REASON_BYTES])
{
    ssize_t size = read(trial->output, reason, TRIAL_REASON_BYTES - 1);
    reason[size > 0 ? size : 0] = '\0';
    reason[strcspn(reason, "\n")] = '\0';
    if (!*reason)
        (void)snprintf(reason, TRIAL_REASON_BYTES, "it cannot start");
    return trial->check.wait_status == 0 && strcmp(reason, TRIAL_FIT) == 0;
}

void trial_end(struct trial *trial)
{
    enum { PATIENCE_MS = 500 };
    check_kill(&trial->check);
    check_wait(&trial->check, PATIENCE_MS);
    loop_remove(&trial->manager->loop, &trial->check.source); // one that hangs in the kernel
    clear_branch(&trial->manager->tree);
    (void)close(trial->output);
}
