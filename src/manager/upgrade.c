// SPDX-License-Identifier: MIT
// The manager executes the new program in its own place: its pid, the guard's channel and the
// clients' connections stay. Before that the new program is run once as a trial, with the board and
// the plan before it, so that one that cannot start, or does not understand them, never takes over.
// Should it die later, before it is up, the guard starts the program that it knows: the old one.
#include "manager/upgrade.h"

#include "control/varlink.h"
#include "guard/guard.h"
#include "manager/handover.h"
#include "manager/keep.h"
#include "os/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRIAL_LASTS (5 * NSEC_PER_SEC)

// What the trial of a program that is fit says, and no other program.
static const char fit[] = "formation: fit to go on";

struct upgrade {
    struct manager *manager;
    struct subscription *subscription; // NULL: asked for by a signal, or nobody waits any more
    int program;
    pid_t pid; // of the trial
    int pidfd;
    int output;
    nsec_t due_at;
    struct loop_source source;
};

static void close_upgrade(struct upgrade *upgrade)
{
    struct manager *manager = upgrade->manager;
    loop_remove(&manager->loop, &upgrade->source);
    const int fds[] = {upgrade->program, upgrade->pidfd, upgrade->output};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
    free(upgrade);
    manager->upgrade = NULL;
}

static void fail(struct upgrade *upgrade, const char *reason)
{
    struct manager *manager = upgrade->manager;
    struct subscription *subscription = upgrade->subscription;
    struct refusal refusal = {0};
    (void)refusal_set(&refusal, REFUSAL_FAILED, str_of(""), "%s", reason);
    close_upgrade(upgrade);
    if (subscription) {
        serve_refuse(subscription->client, &refusal);
        subscription_free(manager, subscription);
        return;
    }
    struct buffer text = {0};
    buffer_append_format(&text, "not upgraded: %s", reason);
    show_system(&manager->show, buffer_str(&text));
    buffer_fini(&text);
}

// Our own arguments, as the kernel keeps them (proc(5)). NULL without memory.
static char **read_arguments(char *bytes, size_t capacity)
{
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, bytes, capacity - 1);
    if (fd >= 0)
        (void)close(fd);
    char **arguments = calloc((size_t)(size > 0 ? size : 0) + 1, sizeof(*arguments));
    size_t count = 0;
    for (char *at = bytes; arguments && at < bytes + size; at += strlen(at) + 1)
        arguments[count++] = at;
    return arguments;
}

static void keep_descriptors(const struct manager *manager, int handover, bool is_kept)
{
    for (int fd = MANAGER_BOARD; fd < MANAGER_DESCRIPTOR_END; fd++)
        (void)fcntl(fd, F_SETFD, is_kept ? 0 : FD_CLOEXEC);
    (void)fcntl(handover, F_SETFD, is_kept ? 0 : FD_CLOEXEC);
    handover_keep(manager, is_kept);
}

// Returns only when it fails.
static int become(struct manager *manager, int program)
{
    static char bytes[128 * 1024];
    char number[16];
    struct buffer text = {0};
    char **arguments = read_arguments(bytes, sizeof(bytes));
    int fd = memfd_create("formation-handover", MFD_CLOEXEC);
    handover_write(manager, &text);
    int result = fd < 0 || !arguments || text.failed ? -ENOMEM : 0;
    if (result == 0 && write(fd, text.bytes, text.size) != (ssize_t)text.size)
        result = -ENOSPC;
    buffer_fini(&text);
    if (result == 0) {
        (void)snprintf(number, sizeof(number), "%d", fd);
        (void)setenv(HANDOVER_VARIABLE, number, 1);
        keep_descriptors(manager, fd, true);
        (void)execveat(program, "", arguments, environ, AT_EMPTY_PATH);
        result = -errno;
        keep_descriptors(manager, fd, false);
        (void)unsetenv(HANDOVER_VARIABLE);
    }
    free(arguments);
    if (fd >= 0)
        (void)close(fd);
    return result;
}

static void read_reason(const struct upgrade *upgrade, char *out, size_t capacity)
{
    ssize_t size = read(upgrade->output, out, capacity - 1);
    out[size > 0 ? size : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
}

static void on_trial(struct loop_source *source, uint32_t events)
{
    struct upgrade *upgrade = loop_owner(source, struct upgrade, source);
    char reason[512];
    char sentence[640];
    siginfo_t info = {0};
    (void)events;
    (void)waitid(P_PIDFD, (id_t)upgrade->pidfd, &info, WEXITED);
    read_reason(upgrade, reason, sizeof(reason));
    if (info.si_code == CLD_EXITED && info.si_status == 0 && strcmp(reason, fit) == 0) {
        int result = become(upgrade->manager, upgrade->program);
        (void)snprintf(sentence, sizeof(sentence), "the program cannot be executed: %s",
                       strerrordesc_np(-result));
    } else {
        (void)snprintf(sentence, sizeof(sentence), "the program is not fit to go on: %s",
                       *reason ? reason : "it cannot start");
    }
    fail(upgrade, sentence);
}

// Runs the trial with our own descriptors in the places where a manager looks for them.
static int spawn_trial(struct upgrade *upgrade, int output)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    char path[64];
    char format[16];
    char name[] = "formation";
    char trial[] = "trial";
    char *arguments[] = {name, trial, format, NULL};
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", upgrade->program);
    (void)snprintf(format, sizeof(format), "%d", HANDOVER_FORMAT);
    (void)sigemptyset(&none);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    (void)posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    (void)posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    // Onto itself: that only takes the close-on-exec away.
    (void)posix_spawn_file_actions_adddup2(&actions, MANAGER_BOARD, MANAGER_BOARD);
    (void)posix_spawn_file_actions_adddup2(&actions, MANAGER_KEPT + KEPT_PLAN,
                                           MANAGER_KEPT + KEPT_PLAN);
    int error = posix_spawn(&upgrade->pid, path, &actions, &attributes, arguments, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    return -error;
}

static int begin_trial(struct upgrade *upgrade)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    upgrade->output = ends[0];
    int result = spawn_trial(upgrade, ends[1]);
    (void)close(ends[1]);
    if (result < 0)
        return result;
    upgrade->pidfd = pidfd_open(upgrade->pid, 0);
    upgrade->due_at = clock_now() + TRIAL_LASTS;
    if (upgrade->pidfd < 0 || loop_add(&upgrade->manager->loop, &upgrade->source, upgrade->pidfd,
                                       EPOLLIN, on_trial) < 0) {
        (void)kill(upgrade->pid, SIGKILL);
        (void)waitid(P_PID, (id_t)upgrade->pid, &(siginfo_t){0}, WEXITED);
        return -EMFILE;
    }
    return 0;
}

// The path that we were started by, where by now another file may be.
static int open_installed(void)
{
    static const char gone[] = " (deleted)"; // proc(5)
    char path[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (size < 0)
        return -errno;
    path[size] = '\0';
    size_t tail = sizeof(gone) - 1;
    if ((size_t)size > tail && strcmp(path + size - tail, gone) == 0)
        path[(size_t)size - tail] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static void begin(struct manager *manager, struct subscription *subscription, const char *program)
{
    char sentence[PATH_MAX + 64];
    struct upgrade *upgrade = calloc(1, sizeof(*upgrade));
    if (!upgrade) {
        if (subscription)
            subscription->client->is_broken = true;
        return;
    }
    *upgrade = (struct upgrade){
        .manager = manager,
        .subscription = subscription,
        .pidfd = -1,
        .output = -1,
        .due_at = NSEC_NEVER,
    };
    manager->upgrade = upgrade;
    upgrade->program = *program ? open(program, O_RDONLY | O_CLOEXEC) : open_installed();
    int result = upgrade->program >= 0 ? begin_trial(upgrade)
                 : *program            ? -errno
                                       : upgrade->program;
    if (result >= 0)
        return;
    (void)snprintf(sentence, sizeof(sentence), "%s: %s",
                   *program ? program : "the program that is installed", strerrordesc_np(-result));
    fail(upgrade, sentence);
}

void upgrade_serve(struct manager *manager, struct client *client, struct request *request)
{
    struct refusal refusal = {0};
    if (manager->upgrade) {
        (void)refusal_set(&refusal, REFUSAL_FAILED, str_of(""), "an upgrade is under way");
        serve_refuse(client, &refusal);
        request_fini(request);
        return;
    }
    struct subscription *subscription = wait_new(manager, client, request, 0);
    if (!subscription) {
        client->is_broken = true;
        return;
    }
    struct str program = subscription->request.upgrade.program;
    begin(manager, subscription, program.size > 0 ? program.bytes : "");
}

void upgrade_by_signal(struct manager *manager)
{
    if (!manager->upgrade)
        begin(manager, NULL, "");
}

nsec_t upgrade_due_at(const struct manager *manager)
{
    return manager->upgrade ? manager->upgrade->due_at : NSEC_NEVER;
}

void upgrade_work(struct manager *manager)
{
    struct upgrade *upgrade = manager->upgrade;
    if (!upgrade || clock_now() < upgrade->due_at)
        return;
    (void)kill(upgrade->pid, SIGKILL);
    (void)waitid(P_PIDFD, (id_t)upgrade->pidfd, &(siginfo_t){0}, WEXITED);
    fail(upgrade, "the program does not answer");
}

void upgrade_forget(struct manager *manager, struct subscription *subscription)
{
    if (manager->upgrade && manager->upgrade->subscription == subscription)
        manager->upgrade->subscription = NULL;
}

static void reply_all(struct manager *manager)
{
    for (struct subscription *at = manager->subscriptions; at;) {
        struct subscription *next = at->next;
        if (at->request.kind == REQUEST_UPGRADE) {
            varlink_reply_open(&at->client->out);
            varlink_reply_close(&at->client->out, false);
            server_touch(at->client);
            subscription_free(manager, at);
        }
        at = next;
    }
}

void upgrade_complete(struct manager *manager)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    bool is_other_guard = manager->board->guard_revision != GUARD_REVISION;
    if (fd >= 0) {
        act_send(manager,
                 (struct guard_request){.kind = GUARD_UPGRADE, .value = is_other_guard ? 1 : 0},
                 &fd, 1);
        (void)close(fd);
    }
    show_system(&manager->show, str_of("upgraded to version " FORMATION_VERSION));
    reply_all(manager);
}

int upgrade_trial(int handover_format)
{
    struct board *board;
    struct plan *plan = NULL;
    const char *reason = NULL;
    if (handover_format != HANDOVER_FORMAT)
        reason = "it does not understand what this version hands over";
    else if (board_map(MANAGER_BOARD, MANAGER_MEMORY_BYTES, &board) < 0)
        reason = "it does not understand the formation's memory";
    else if (((struct manager_memory *)board->memory)->journal.version != JOURNAL_VERSION)
        reason = "it does not understand the formation's journal";
    else if (keep_find_plan(&plan) < 0 || !plan)
        reason = "it does not understand the formation's plan";
    plan_free(plan);
    (void)puts(reason ? reason : fit);
    return reason ? 1 : 0;
}
