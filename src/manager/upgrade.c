// SPDX-License-Identifier: MIT
// The manager executes the new program in its own place: its pid, the guard's channel and the
// clients' connections stay. Before that the new program is run once as a trial, with the board and
// the plan before it, so that one that cannot start, or does not understand them, never takes over.
// Should it die or hang later, before it is up, the guard starts the program that it knows: the old
// one. Only when the new one is up the guard is told of it.
#include "manager/upgrade.h"

#include "control/varlink.h"
#include "guard/guard.h"
#include "manager/handover.h"
#include "manager/keep.h"
#include "manager/trial.h"
#include "os/channel.h"
#include "os/clock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

// A program that was fit in its trial and is not up so long after it took over is ended by the
// kernel, by SIGALRM.
enum { COMES_UP_WITHIN_SECONDS = 10 };

struct upgrade {
    struct manager *manager;
    struct subscription *subscription; // NULL: asked for by a signal, or nobody waits any more
    int program;
    bool is_tried;
    struct trial trial;
};

static void close_upgrade(struct upgrade *upgrade)
{
    struct manager *manager = upgrade->manager;
    if (upgrade->is_tried)
        trial_end(&upgrade->trial);
    if (upgrade->program >= 0)
        (void)close(upgrade->program);
    free(upgrade);
    manager->upgrade = NULL;
}

static void say_failed(struct manager *manager, const char *reason)
{
    struct buffer text = {0};
    buffer_append_format(&text, "not upgraded: %s", reason);
    show_system(&manager->show, buffer_str(&text));
    buffer_fini(&text);
}

// Whoever asked is told; if that is nobody any more, everybody.
static void fail(struct upgrade *upgrade, const char *reason)
{
    struct manager *manager = upgrade->manager;
    struct subscription *subscription = upgrade->subscription;
    struct refusal refusal = {0};
    (void)refusal_set(&refusal, REFUSAL_FAILED, str_of(""), "%s", reason);
    close_upgrade(upgrade);
    if (subscription)
        subscription_refuse(manager, subscription, &refusal);
    else
        say_failed(manager, reason);
}

// Our own arguments, as the kernel keeps them (proc(5)): each with its NUL. 0 or -errno.
static int read_arguments(struct buffer *bytes, char ***out)
{
    enum { PIECE = 64 * 1024 };
    ssize_t size = 0;
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    while (buffer_reserve(bytes, PIECE) && (size = read(fd, bytes->bytes + bytes->size, PIECE)) > 0)
        bytes->size += (size_t)size;
    (void)close(fd);
    char **arguments = calloc(bytes->size + 1, sizeof(*arguments));
    if (!arguments || bytes->failed || size < 0 || bytes->size == 0) {
        free(arguments);
        return -ENOMEM;
    }
    size_t count = 0;
    for (char *at = bytes->bytes; at < bytes->bytes + bytes->size; at += strlen(at) + 1)
        arguments[count++] = at;
    *out = arguments;
    return 0;
}

static void keep_descriptors(const struct manager *manager, int handover, bool is_kept)
{
    for (int fd = MANAGER_BOARD; fd < MANAGER_DESCRIPTOR_END; fd++)
        (void)fcntl(fd, F_SETFD, is_kept ? 0 : FD_CLOEXEC);
    (void)fcntl(handover, F_SETFD, is_kept ? 0 : FD_CLOEXEC);
    handover_keep(manager, is_kept);
}

// A memfd with all that the successor has to know; or -errno.
static int write_handover(const struct manager *manager)
{
    struct buffer text = {0};
    int fd = memfd_create("formation-handover", MFD_CLOEXEC);
    int result = fd < 0 ? -errno : fd;
    handover_write(manager, &text);
    if (fd >= 0 && (text.failed || write(fd, text.bytes, text.size) != (ssize_t)text.size)) {
        (void)close(fd);
        result = text.failed ? -ENOMEM : -ENOSPC;
    }
    buffer_fini(&text);
    return result;
}

static void execute(struct manager *manager, int program, char **arguments, int handover)
{
    char number[16];
    assert(arguments);
    (void)snprintf(number, sizeof(number), "%d", handover);
    (void)setenv(HANDOVER_VARIABLE, number, 1);
    keep_descriptors(manager, handover, true);
    manager->memory->is_upgrading = true;
    (void)alarm(COMES_UP_WITHIN_SECONDS);
    (void)execveat(program, "", arguments, environ, AT_EMPTY_PATH);
    int error = errno;
    (void)alarm(0);
    manager->memory->is_upgrading = false;
    keep_descriptors(manager, handover, false);
    (void)unsetenv(HANDOVER_VARIABLE);
    errno = error;
}

// Returns only when it fails: -errno.
static int become(struct manager *manager, int program)
{
    struct buffer bytes = {0};
    char **arguments = NULL;
    decide_all(manager); // what was heard and is only in our memory so far
    int handover = write_handover(manager);
    int result = handover < 0 ? handover : read_arguments(&bytes, &arguments);
    if (result == 0) {
        execute(manager, program, arguments, handover);
        result = -errno;
    }
    free(arguments);
    buffer_fini(&bytes);
    if (handover >= 0)
        (void)close(handover);
    return result;
}

static void on_trial(struct trial *trial)
{
    struct upgrade *upgrade = loop_owner(trial, struct upgrade, trial);
    char reason[TRIAL_REASON_BYTES];
    char sentence[TRIAL_REASON_BYTES + 64];
    if (trial_is_fit(trial, reason)) {
        int result = become(upgrade->manager, upgrade->program);
        (void)snprintf(sentence, sizeof(sentence), "the program cannot be executed: %s",
                       strerrordesc_np(-result));
    } else {
        (void)snprintf(sentence, sizeof(sentence), "the program is not fit to go on: %s", reason);
    }
    fail(upgrade, sentence);
}

// To be executed only: a fifo, say, is not waited for.
static int open_program(const char *path)
{
    struct stat status;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
        return fd;
    (void)close(fd);
    return -EACCES;
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
    return open_program(path);
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
    *upgrade = (struct upgrade){.manager = manager, .subscription = subscription};
    manager->upgrade = upgrade;
    upgrade->program = *program ? open_program(program) : open_installed();
    int result = upgrade->program < 0 ? upgrade->program
                                      : trial_begin(&upgrade->trial, manager, upgrade->program,
                                                    HANDOVER_FORMAT, on_trial);
    upgrade->is_tried = result == 0;
    if (result == 0)
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
    return manager->upgrade ? manager->upgrade->trial.due_at : NSEC_NEVER;
}

void upgrade_work(struct manager *manager)
{
    if (manager->upgrade && manager->upgrade->trial.due_at <= clock_now())
        fail(manager->upgrade, "the program does not answer");
}

void upgrade_forget(struct manager *manager, struct subscription *subscription)
{
    if (manager->upgrade && manager->upgrade->subscription == subscription)
        manager->upgrade->subscription = NULL;
}

void upgrade_close(struct manager *manager)
{
    (void)alarm(0); // where the formation has ended before we were up
    if (manager->upgrade)
        close_upgrade(manager->upgrade);
}

void upgrade_arrive(struct manager *manager, const struct handover *handover)
{
    manager->is_successor = handover->is_ours;
    if (manager->memory->is_upgrading && !manager->is_successor)
        say_failed(manager, "the program ended, or hung, before it was up");
    manager->memory->is_upgrading = false;
}

// Another one may have been asked for in our first round already.
static void reply_all(struct manager *manager)
{
    const struct upgrade *upgrade = manager->upgrade;
    for (struct subscription *at = manager->subscriptions; at;) {
        struct subscription *next = at->next;
        if (at->request.kind == REQUEST_UPGRADE && !(upgrade && upgrade->subscription == at)) {
            if (!(at->request.flags & VARLINK_ONEWAY)) {
                varlink_reply_open(&at->client->out);
                varlink_reply_close(&at->client->out, false);
            }
            server_touch(at->client);
            subscription_free(manager, at);
        }
        at = next;
    }
}

// Until the guard has carried out all that was asked of it.
static void wait_for_guard(struct manager *manager)
{
    struct guard_request answer;
    struct pollfd ready = {.fd = MANAGER_CHANNEL, .events = POLLIN};
    int fds[CHANNEL_DESCRIPTORS];
    size_t count = 0;
    act_send(manager, (struct guard_request){.kind = GUARD_FETCH}, NULL, 0);
    while (poll(&ready, 1, -1) < 0 && errno == EINTR) {
    }
    if (channel_receive(MANAGER_CHANNEL, &answer, sizeof(answer), fds, &count) <= 0)
        return;
    for (size_t i = 0; i < count; i++)
        (void)close(fds[i]);
}

void upgrade_complete(struct manager *manager)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    bool is_other_guard = manager->board->guard_revision != GUARD_REVISION;
    (void)alarm(0);
    manager->is_successor = false;
    if (fd >= 0) {
        act_send(manager,
                 (struct guard_request){.kind = GUARD_UPGRADE, .value = is_other_guard ? 1 : 0},
                 &fd, 1);
        (void)close(fd);
    }
    if (is_other_guard)
        wait_for_guard(manager);
    show_system(&manager->show, str_of("upgraded to version " FORMATION_VERSION));
    if (manager->board->guard_revision != GUARD_REVISION)
        show_system(&manager->show, str_of("the guard could not be upgraded: it is the one "
                                           "that it was"));
    reply_all(manager);
}

static const char *find_unfitness(int handover_format)
{
    struct board *board;
    struct plan *plan = NULL;
    if (handover_format != HANDOVER_FORMAT)
        return "it does not understand what this version hands over";
    if (board_map(MANAGER_BOARD, MANAGER_MEMORY_BYTES, &board) < 0)
        return "it does not understand the formation's memory";
    if (((struct manager_memory *)board->memory)->journal.version != JOURNAL_VERSION)
        return "it does not understand the formation's journal";
    if (board->guard_revision != GUARD_REVISION && board->guard_format != GUARD_FORMAT)
        return "it does not understand what the guard hands over";
    int result = keep_find_plan(&plan);
    plan_free(plan);
    return result < 0 || !plan ? "it does not understand the formation's plan" : NULL;
}

int upgrade_trial(int handover_format)
{
    const char *reason = find_unfitness(handover_format);
    (void)puts(reason ? reason : TRIAL_FIT);
    return reason ? 1 : 0;
}
