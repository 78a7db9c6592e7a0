// SPDX-License-Identifier: MIT
// Looks are under way beside everything else; their number is bounded, and each is ended when its
// time is over. A verdict is given once a look, unless its process has moved on meanwhile.
//
// A command runs in a part of the formation's tree of its own, beside that of its process: what it
// leaves behind can be ended without a doubt, and never counts as something that the process left.
#include "manager/confining.h"
#include "manager/state.h"

#include "os/brand.h"
#include "os/clock.h"
#include "view/sentence.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

bool look_is_possible(const struct manager *manager, const struct probe *probe)
{
    const struct watches *watches = &manager->watches;
    return watches->look_count < LIMIT_LOOKS &&
           (probe->kind != PROBE_EXEC || watches->command_count < LIMIT_LOOK_COMMANDS);
}

static void judge(struct look *look, enum look_verdict verdict, const char *reason)
{
    look->is_judged = true;
    if (look->watch)
        watch_judge(look->watch, verdict, reason);
}

static const struct probe *probe_of(const struct watch *watch)
{
    const struct manager *manager = watch->process->manager;
    unsigned type = supervisor_process(manager->supervisor, watch->process->slot)->id.type;
    const struct process_type *its = &manager->plan->types[type];
    return watch->phase == WATCH_READY ? &its->ready : &its->alive;
}

// The next one is due a while from now. It is freed by look_sweep(), not under its caller's feet.
static void end(struct look *look)
{
    struct watch *watch = look->watch;
    look->is_over = true;
    look->watch = NULL;
    watch_wake(look->manager, 0);
    if (!watch)
        return;
    watch->look = NULL;
    if (watch->phase != WATCH_NOTHING)
        watch->due_at = clock_now() + probe_of(watch)->interval;
}

// --- ports

static void judge_port(struct look *look)
{
    char reason[PORT_REASON_BYTES] = "";
    enum look_verdict verdict = LOOK_BAD;
    if (port_look_is_good(&look->port))
        verdict = LOOK_GOOD;
    else if (look->port.answer == PORT_UNKNOWN)
        verdict = LOOK_UNKNOWN;
    port_look_tell(&look->port, look->timeout, reason);
    judge(look, verdict, reason);
}

static void on_port(struct port_look *port)
{
    struct look *look = loop_owner(port, struct look, port);
    if (!look->is_judged)
        judge_port(look);
    if (port->state == PORT_ENDED)
        end(look);
}

static void begin_port(struct look *look, const struct probe *probe)
{
    unsigned port = probe->port ? probe->port : look->watch->port;
    struct str path = probe->kind == PROBE_HTTP ? probe->text : str_of("");
    if (port > 0) {
        port_look_begin(&look->port, &look->manager->loop, port, path, on_port);
        return;
    }
    look->port.state = PORT_ENDED;
    judge(look, LOOK_BAD, "it has no PORT to look at");
    end(look);
}

static void end_port_in_time(struct look *look)
{
    if (!look->is_judged)
        port_look_poke(&look->port); // we may be late, not the process
    if (look->is_over)
        return;
    if (!look->is_judged)
        judge_port(look);
    port_look_end(&look->port);
    end(look);
}

// --- commands

static void judge_command(struct look *look, enum look_verdict verdict, const char *what)
{
    char reason[PORT_REASON_BYTES] = "";
    if (look->watch)
        (void)snprintf(reason, sizeof(reason), "'%.*s' %s",
                       STR_ARGS(str_excerpt(probe_of(look->watch)->text)), what);
    judge(look, verdict, reason);
}

static void kill_command(struct look *look)
{
    const struct tree *tree = &look->manager->tree;
    check_kill(&look->check);
    bool has_branch = tree->fd >= 0 && look->branch[0]; // "" would be the whole formation's
    if (has_branch && !tree_branch_is_empty(tree, look->branch, look->check.pid))
        tree_branch_signal(tree, look->branch, look->check.pid, SIGKILL);
}

static void on_command(struct check *check)
{
    struct look *look = loop_owner(check, struct look, check);
    struct buffer text = {0};
    kill_command(look); // what it has left
    if (look->branch[0])
        tree_branch_remove(&look->manager->tree, look->branch);
    sentence_ended(&text, check->wait_status);
    buffer_append(&text, "", 1);
    if (!look->is_judged)
        judge_command(look, check->wait_status == 0 ? LOOK_GOOD : LOOK_BAD,
                      text.failed ? "failed" : text.bytes);
    buffer_fini(&text);
    end(look);
}

static void name_branch(const struct process *process, char out[TREE_NAME_BYTES])
{
    (void)snprintf(out, TREE_NAME_BYTES, "%s.probe", process->name);
}

void look_clear_branch(struct process *process)
{
    const struct tree *tree = &process->manager->tree;
    char branch[TREE_NAME_BYTES];
    name_branch(process, branch);
    if (tree->fd >= 0 && !tree_branch_is_empty(tree, branch, 0))
        tree_branch_signal(tree, branch, 0, SIGKILL);
}

// The folder of an earlier command may only be used again once that was emptied and removed.
static int open_branch(const struct look *look)
{
    const struct tree *tree = &look->manager->tree;
    if (tree->fd < 0)
        return -1;
    tree_branch_remove(tree, look->branch);
    if (!tree_branch_is_empty(tree, look->branch, 0)) {
        tree_branch_signal(tree, look->branch, 0, SIGKILL);
        return -EAGAIN;
    }
    return tree_branch_open(tree, look->branch);
}

// The command of a process with a private /tmp finds what the process has there. 0: it has none.
static int open_mount_namespace(const struct confine *confine, pid_t pid)
{
    char path[64];
    if (!(confine->flags & CONFINE_PRIVATE_TMP))
        return 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

// As the process itself: what that may not do, its probe may not either.
static int spawn_command(struct look *look, const struct launch *launch, enum spawn_stage *stage)
{
    static struct confine confine; // large; of use within this call only
    struct rlimit limit;
    const struct process_record *record =
        supervisor_process(look->manager->supervisor, look->watch->process->slot);
    bool has_limit = prlimit(record->pid, RLIMIT_NOFILE, NULL, &limit) == 0;
    const struct rights *rights = &look->manager->plan->types[record->id.type].confinement.rights;
    bool is_confined = confining_make(rights, &confine) > 0;
    int mounts = open_mount_namespace(&confine, record->pid);
    int null = mounts < 0 ? mounts : open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) {
        int result = mounts < 0 ? mounts : -errno;
        if (mounts > 0)
            (void)close(mounts);
        return result;
    }
    int folder = open_branch(look);
    const struct rlimit brand = brand_limits(look->manager->tree.brand, look->branch);
    const struct spawn_request request = {
        .program = launch->argv[0],
        .argv = launch->argv,
        .envp = launch->envp,
        .directory = launch->directory,
        .descriptors = {null, null, null},
        .descriptor_count = 3,
        .cgroup_fd = folder,
        .new_session = true,
        .death_signal = SIGKILL,
        .descriptor_limit = has_limit ? &limit : NULL, // ours was raised by the guard
        .confine = is_confined ? &confine : NULL,
        .mount_namespace = mounts,
        .brand = look->manager->tree.brand ? &brand : NULL,
        .is_unprepared = true,
    };
    int result = folder < -1
                     ? folder
                     : check_begin(&look->check, &look->manager->loop, &request, on_command, stage);
    if (folder >= 0)
        (void)close(folder);
    (void)close(null);
    if (mounts > 0)
        (void)close(mounts);
    return result;
}

static bool is_shortage(int error)
{
    return error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE ||
           error == ENOSPC || error == EBUSY;
}

static void begin_command(struct look *look, const struct probe *probe)
{
    struct manager *manager = look->manager;
    const struct process *process = look->watch->process;
    struct process_id id = supervisor_process(manager->supervisor, process->slot)->id;
    struct arena arena = {0};
    struct launch launch;
    enum spawn_stage stage;
    name_branch(process, look->branch);
    int result = launch_make(manager->plan, id, environ, manager->mark, &arena, &launch, NULL);
    char *command = result == 0 ? arena_text(&arena, probe->text) : NULL;
    if (result == 0 && !command)
        result = -ENOMEM;
    if (result == 0) {
        char *argv[] = {(char *)(size_t) "/bin/sh", (char *)(size_t) "-c", command, NULL};
        launch.argv = argv;
        result = spawn_command(look, &launch, &stage);
    }
    arena_fini(&arena);
    if (result == 0)
        return;
    look->check.has_ended = true;
    judge_command(look, is_shortage(-result) ? LOOK_UNKNOWN : LOOK_BAD, strerrordesc_np(-result));
    end(look);
}

// One that even SIGKILL does not end at once holds its place, and fails again and again.
static void end_command_in_time(struct look *look, nsec_t now)
{
    char text[DURATION_TEXT_BYTES], what[64];
    (void)snprintf(what, sizeof(what), "has not ended within %s",
                   duration_format(look->timeout, text));
    judge_command(look, LOOK_BAD, what);
    kill_command(look);
    look->deadline = now + look->timeout;
}

// --- all of them

void look_begin(struct watch *watch, const struct probe *probe)
{
    struct manager *manager = watch->process->manager;
    nsec_t now = clock_now();
    struct look *look = calloc(1, sizeof(*look));
    if (!look) {
        watch->due_at = now + probe->interval;
        return;
    }
    look->manager = manager;
    look->watch = watch;
    look->is_command = probe->kind == PROBE_EXEC;
    look->timeout = probe->timeout;
    look->deadline = now + probe->timeout;
    look->next = manager->watches.looks;
    manager->watches.looks = look;
    manager->watches.look_count++;
    manager->watches.command_count += look->is_command;
    watch->look = look;
    watch_wake(manager, look->deadline);
    if (look->is_command)
        begin_command(look, probe);
    else
        begin_port(look, probe);
}

// A server that is in the middle of its answer may finish that.
void look_forget(struct watch *watch)
{
    struct look *look = watch->look;
    if (!look)
        return;
    watch->look = NULL;
    look->watch = NULL;
    if (look->is_command) {
        look->is_judged = true;
        kill_command(look);
    } else if (look->port.state != PORT_DRAINING) {
        port_look_end(&look->port);
        end(look);
    }
}

static void free_look(struct manager *manager, struct look *look)
{
    manager->watches.look_count--;
    manager->watches.command_count -= look->is_command;
    free(look);
}

void look_sweep(struct manager *manager, nsec_t now)
{
    struct look **at = &manager->watches.looks;
    while (*at) {
        struct look *look = *at;
        if (!look->is_over && look->deadline <= now) {
            if (look->is_command)
                end_command_in_time(look, now);
            else
                end_port_in_time(look);
        }
        if (look->is_over) {
            *at = look->next;
            free_look(manager, look);
            continue;
        }
        watch_wake(manager, look->deadline);
        at = &look->next;
    }
}

// What was killed is gone before the formation is; one that hangs in the kernel keeps nobody.
void look_close(struct manager *manager)
{
    enum { PATIENCE_MS = 500 };
    while (manager->watches.looks) {
        struct look *look = manager->watches.looks;
        manager->watches.looks = look->next;
        if (look->is_command)
            check_wait(&look->check, PATIENCE_MS);
        free_look(manager, look);
    }
}

// Commands that were started before this process became another program by execve(2): nobody
// waits for their verdicts, but somebody has to wait for them.
void look_adopt_children(struct manager *manager)
{
    struct kin_list children = {0};
    (void)kin_add_children(&children, getpid());
    for (size_t i = 0; i < children.count; i++) {
        struct look *look = calloc(1, sizeof(*look));
        if (!look)
            break;
        look->manager = manager;
        look->is_command = look->is_judged = true;
        look->timeout = NSEC_PER_SEC;
        if (check_adopt(&look->check, &manager->loop, children.items[i].pid, on_command) < 0) {
            free(look);
            continue;
        }
        look->next = manager->watches.looks;
        manager->watches.looks = look;
        manager->watches.look_count++;
        manager->watches.command_count++;
        check_kill(&look->check);
    }
    kin_fini(&children);
}
