// SPDX-License-Identifier: MIT
// A process that has ended is not reaped until the manager says so ("buried"): until then neither
// its pid nor its process group can be anybody else's, so every signal that is sent hits what it
// was meant for.
#include "guard/hold.h"

#include "guard/link.h"
#include "os/brand.h"
#include "os/confine.h"
#include "os/shelter.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

// The launch that is being started, as execve(2) wants it. Pages are touched as far as needed.
static char *strings[LIMIT_LAUNCH_STRINGS + 4];
static struct confine confine;           // of it
static struct guard_listeners listeners; // of it

void holds_resume(struct holds *holds, struct board *board, int watch_fd, int null_fd)
{
    holds->board = board;
    holds->watch_fd = watch_fd;
    holds->null_fd = null_fd;
}

void holds_init(struct holds *holds, struct board *board, int watch_fd, int null_fd)
{
    holds_resume(holds, board, watch_fd, null_fd);
    holds->used = 0;
    for (int i = 0; i < LIMIT_LISTENERS; i++)
        holds->listeners[i] = -1;
}

static struct hold *use_slot(struct holds *holds, unsigned slot)
{
    while (holds->used <= slot)
        holds->slots[holds->used++] = (struct hold){-1, -1, -1, -1, -1, -1};
    return &holds->slots[slot];
}

static void close_held(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

// Writes down what became of a slot.
static void publish(struct holds *holds, unsigned slot, enum board_slot_state state)
{
    atomic_store_explicit(&holds->board->slots[slot].state, state, memory_order_release);
    board_mark_changed(holds->board, slot);
    holds->has_news = true;
}

static void hold_one(int *held, int fd)
{
    close_held(held);
    *held = fd;
}

void hold_keep(struct holds *holds, const struct guard_request *request, const int *fds)
{
    struct hold *hold = use_slot(holds, request->slot);
    size_t count = 0;
    if (request->flags & GUARD_SPAWN_OUTPUT) {
        hold_one(&hold->near, fds[count++]);
        hold_one(&hold->far, fds[count++]);
    }
    if (request->flags & GUARD_SPAWN_ERRORS) {
        hold_one(&hold->error_near, fds[count++]);
        hold_one(&hold->error_far, fds[count++]);
    }
    if (request->flags & GUARD_SPAWN_NOTIFY)
        hold_one(&hold->notify, fds[count]);
}

int hold_find_listener(const struct holds *holds, int number)
{
    return number >= 0 && number < LIMIT_LISTENERS ? holds->listeners[number] : -1;
}

bool hold_listener(struct holds *holds, int number, int fd)
{
    if (number < 0 || number >= LIMIT_LISTENERS)
        return false;
    hold_one(&holds->listeners[number], fd);
    return fd >= 0;
}

size_t hold_fetch(const struct holds *holds, unsigned slot, int fds[HOLD_FETCHED], uint32_t *flags)
{
    size_t count = 0;
    *flags = 0;
    if (slot >= holds->used || holds->slots[slot].near < 0)
        return 0;
    const struct hold *hold = &holds->slots[slot];
    const struct {
        uint32_t flag;
        int fd;
    } held[HOLD_FETCHED] = {
        {GUARD_SPAWN_OUTPUT, hold->near},
        {GUARD_SPAWN_ERRORS, hold->error_near},
        {GUARD_SPAWN_NOTIFY, hold->notify},
    };
    for (size_t i = 0; i < HOLD_FETCHED; i++) {
        if (held[i].fd < 0)
            continue;
        fds[count++] = held[i].fd;
        *flags |= held[i].flag;
    }
    return count;
}

static void reap(struct holds *holds, unsigned slot)
{
    struct hold *hold = &holds->slots[slot];
    (void)waitid(P_PIDFD, (id_t)hold->pidfd, &(siginfo_t){0}, WEXITED | WNOHANG);
    close_held(&hold->pidfd);
}

// Cuts a launch into strings: program, directory, arguments, NULL, environment, NULL.
static bool cut_launch(const struct guard_request *request, const char *launch, size_t size)
{
    unsigned wanted = 2 + request->argc + request->envc;
    const char *at = launch;
    const char *end = launch + size;
    unsigned filled = 0;
    if (request->argc > LIMIT_LAUNCH_STRINGS || request->envc > LIMIT_LAUNCH_STRINGS ||
        wanted > LIMIT_LAUNCH_STRINGS)
        return false;
    for (unsigned i = 0; i < wanted; i++) {
        if (at >= end)
            return false;
        strings[filled++] = (char *)(size_t)at;
        at += strlen(at) + 1;
        if (i + 1 == 2 + request->argc)
            strings[filled++] = NULL;
    }
    strings[filled] = NULL;
    return true;
}

// Takes what stands before the strings. Returns how many bytes it has, or -EPROTO.
static int take_confinement(const struct guard_request *request, const char *launch)
{
    if (!(request->flags & GUARD_SPAWN_CONFINED)) {
        confine.flags = 0;
        return 0;
    }
    return confine_take(launch, request->launch_size, &confine);
}

// As above, of what stands behind that.
static int take_listeners(const struct guard_request *request, const char *launch, int from)
{
    listeners.count = 0;
    if (!(request->flags & GUARD_SPAWN_LISTENERS))
        return from;
    if (request->launch_size < (size_t)from + sizeof(listeners))
        return -EPROTO;
    memcpy(&listeners, launch + from, sizeof(listeners));
    return listeners.count <= LIMIT_TYPE_LISTENERS ? from + (int)sizeof(listeners) : -EPROTO;
}

// It opens /dev/stdout and /dev/stderr as any file, which only a pipe's owner may.
static void give_output(const struct hold *hold)
{
    if (!(confine.flags & CONFINE_USER))
        return;
    (void)fchown(hold->far, confine.uid, (gid_t)-1);
    if (hold->error_far >= 0)
        (void)fchown(hold->error_far, confine.uid, (gid_t)-1);
}

// What distinguishes the process from the others of the formation.
static struct rlimit brand_of(const struct holds *holds, char *const *environment)
{
    const char *name = "";
    for (; *environment; environment++)
        if (strncmp(*environment, "PS=", 3) == 0)
            name = *environment + 3;
    return brand_limits(holds->brand, name);
}

// Puts the sockets that were asked for behind the standard descriptors. The variable that says
// whose they are is there, and waits for the pid.
static int give_sockets(const struct holds *holds, const struct guard_request *request,
                        struct spawn_request *spawn)
{
    static const char variable[] = "LISTEN_PID=";
    uint32_t wanted = request->sockets;
    bool has_any = wanted || listeners.count > 0;
    for (uint32_t i = 0; i < listeners.count; i++) {
        int fd = hold_find_listener(holds, (int)listeners.numbers[i]);
        if (fd < 0)
            return -ENOENT;
        spawn->descriptors[spawn->descriptor_count++] = fd;
    }
    for (int i = 0; i < LIMIT_SOCKETS; i++) {
        if (!(wanted & 1U << i))
            continue;
        if (i >= holds->socket_count || spawn->descriptor_count == SPAWN_DESCRIPTORS)
            return -ENOENT;
        spawn->descriptors[spawn->descriptor_count++] = holds->sockets[i];
    }
    for (char *const *text = spawn->envp; has_any && *text; text++)
        if (strncmp(*text, variable, sizeof(variable) - 1) == 0 &&
            strlen(*text) >= sizeof(variable) - 1 + PID_TEXT_BYTES - 1)
            spawn->pid_text = *text + sizeof(variable) - 1;
    return 0;
}

static char shell[] = "/bin/sh";

// A pidfd stays readable, so an end that came before this is noticed too. A process whose end could
// not be learned must not run; it has died as any other then, and what it has left is ended.
static void watch_or_kill(struct holds *holds, unsigned slot, pid_t pid)
{
    int pidfd = holds->slots[slot].pidfd;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = slot};
    if (epoll_ctl(holds->watch_fd, EPOLL_CTL_ADD, pidfd, &event) == 0)
        return;
    (void)kill(-pid, SIGKILL);
    (void)waitid(P_PIDFD, (id_t)pidfd, &(siginfo_t){0}, WEXITED | WNOWAIT);
    hold_note_death(holds, slot);
}

static int start(struct holds *holds, const struct guard_request *request,
                 const struct hold_place *place, const struct rlimit *descriptor_limit, pid_t *pid,
                 enum spawn_stage *stage)
{
    struct hold *hold = use_slot(holds, request->slot);
    const char *launch = launch_ring_read(holds->board, request);
    bool has_terminal = request->flags & GUARD_SPAWN_TERMINAL;
    bool is_apart = request->flags & GUARD_SPAWN_APART && hold->error_far >= 0;
    *stage = SPAWN_STAGE_DESCRIPTORS;
    if (hold->far < 0)
        return -EBADF;
    if (!launch)
        return -E2BIG;
    int confine_bytes = take_confinement(request, launch);
    if (confine_bytes < 0) {
        *stage = SPAWN_STAGE_CONFINEMENT;
        return confine_bytes;
    }
    int before = take_listeners(request, launch, confine_bytes);
    if (before < 0)
        return before;
    if (!cut_launch(request, launch + before, request->launch_size - (size_t)before))
        return -E2BIG;
    give_output(hold);
    const struct rlimit brand = brand_of(holds, strings + 2 + request->argc + 1);
    struct spawn_request spawn = {
        .program = strings[0],
        .directory = strings[1],
        .argv = strings + 2,
        .envp = strings + 2 + request->argc + 1,
        .descriptors = {has_terminal ? hold->far : holds->null_fd, hold->far,
                        is_apart ? hold->error_far : hold->far},
        .descriptor_count = 3,
        .cgroup_fd = place->cgroup_fd,
        .group_fds = place->group_fds,
        .group_count = place->group_count,
        .new_session = true,
        .takes_terminal = has_terminal,
        .death_signal = SIGKILL,
        .descriptor_limit = descriptor_limit,
        .confine = confine_bytes > 0 ? &confine : NULL,
        .brand = holds->brand ? &brand : NULL,
        .shelter = holds->shelter,
    };
    int result = give_sockets(holds, request, &spawn);
    if (result == 0)
        result = spawn_process(&spawn, pid, &hold->pidfd, stage);
    if (result == -ENOEXEC) {
        // A script without "#!": run by a shell, as execvp(3) does.
        strings[2] = strings[0];
        strings[1] = shell;
        spawn.program = shell;
        spawn.argv = strings + 1;
        result = spawn_process(&spawn, pid, &hold->pidfd, stage);
    }
    // One that changes its user is no vfork(2): the kernel took us out of the shelter, too.
    if (spawn.confine)
        shelter_enter(holds->shelter);
    return result;
}

static void note_spawn(struct holds *holds, const struct guard_request *request, pid_t pid,
                       int result, enum spawn_stage stage)
{
    struct board_slot *slot = &holds->board->slots[request->slot];
    launch_ring_release(holds->board, request);
    atomic_store(&slot->state, BOARD_VACANT); // who reads it meanwhile finds that out (news.c)
    slot->token = request->token;
    slot->pid = pid;
    slot->error = -result;
    slot->stage = (int32_t)stage;
    slot->status = 0;
    publish(holds, request->slot, result == 0 ? BOARD_LIVE : BOARD_FAILED);
}

void hold_spawn(struct holds *holds, const struct guard_request *request,
                const struct hold_place *place, const struct rlimit *descriptor_limit)
{
    enum spawn_stage stage;
    pid_t pid = 0;
    if (use_slot(holds, request->slot)->pidfd >= 0) {
        if (atomic_load(&holds->board->slots[request->slot].state) == BOARD_LIVE) {
            launch_ring_release(holds->board, request);
            return; // never two of one name, whatever a manager asks for
        }
        reap(holds, request->slot);
    }
    int result = start(holds, request, place, descriptor_limit, &pid, &stage);
    note_spawn(holds, request, pid, result, stage);
    if (result == 0)
        watch_or_kill(holds, request->slot, pid);
}

void hold_refuse(struct holds *holds, const struct guard_request *request, int error)
{
    if (use_slot(holds, request->slot)->pidfd < 0)
        note_spawn(holds, request, 0, -error, SPAWN_STAGE_DESCRIPTORS);
    else
        launch_ring_release(holds->board, request);
}

static bool fits(const struct holds *holds, const struct guard_request *request)
{
    return request->slot < holds->used && holds->slots[request->slot].pidfd >= 0 &&
           holds->board->slots[request->slot].token == request->token;
}

void hold_signal(const struct holds *holds, const struct guard_request *request)
{
    if (!fits(holds, request))
        return;
    pid_t pid = holds->board->slots[request->slot].pid;
    // It leads a group since before its first instruction; only if it moved away is it alone.
    if (kill(-pid, request->value) < 0 && errno == ESRCH)
        (void)kill(pid, request->value);
}

void hold_bury(struct holds *holds, const struct guard_request *request)
{
    if (!fits(holds, request) ||
        atomic_load(&holds->board->slots[request->slot].state) != BOARD_DEAD)
        return;
    reap(holds, request->slot);
    publish(holds, request->slot, BOARD_BURIED);
}

void hold_forget(struct holds *holds, unsigned slot)
{
    if (slot >= holds->used)
        return;
    if (holds->slots[slot].pidfd >= 0) {
        if (atomic_load(&holds->board->slots[slot].state) != BOARD_DEAD)
            return;
        reap(holds, slot);
    }
    close_held(&holds->slots[slot].near);
    close_held(&holds->slots[slot].far);
    close_held(&holds->slots[slot].error_near);
    close_held(&holds->slots[slot].error_far);
    close_held(&holds->slots[slot].notify);
    publish(holds, slot, BOARD_VACANT);
}

int hold_wait_status(const siginfo_t *info)
{
    if (info->si_code == CLD_EXITED)
        return (info->si_status & 0xff) << 8;
    return info->si_status | (info->si_code == CLD_DUMPED ? 0x80 : 0);
}

void hold_note_death(struct holds *holds, unsigned slot)
{
    siginfo_t info = {0};
    int pidfd = holds->slots[slot].pidfd;
    if (pidfd < 0 || waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
        info.si_pid == 0)
        return;
    // It would be reported readable until it is buried.
    (void)epoll_ctl(holds->watch_fd, EPOLL_CTL_DEL, pidfd, NULL);
    holds->board->slots[slot].status = hold_wait_status(&info);
    publish(holds, slot, BOARD_DEAD);
}

bool holds_pid(const struct holds *holds, int pid)
{
    for (unsigned slot = 0; slot < holds->used; slot++)
        if (holds->slots[slot].pidfd >= 0 && holds->board->slots[slot].pid == pid)
            return true;
    return false;
}

void holds_signal(const struct holds *holds, int signal)
{
    for (unsigned slot = 0; slot < holds->used; slot++)
        if (holds->slots[slot].pidfd >= 0)
            (void)kill(-holds->board->slots[slot].pid, signal);
}

bool holds_live(const struct holds *holds)
{
    for (unsigned slot = 0; slot < holds->used; slot++)
        if (atomic_load(&holds->board->slots[slot].state) == BOARD_LIVE)
            return true;
    return false;
}
