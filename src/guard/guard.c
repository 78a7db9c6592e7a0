// SPDX-License-Identifier: MIT
// One loop over: the manager's channel, its end, the processes' ends, signals. The manager may be
// killed between any two instructions and leaves nothing half done here, since each request is
// whole or not there at all.
#include "guard/guard.h"

#include "guard/answer.h"
#include "guard/hold.h"
#include "guard/revive.h"
#include "guard/setup.h"
#include "guard/state.h"
#include "guard/strangers.h"
#include "guard/succeed.h"
#include "guard/vigil.h"
#include "guard/witness.h"
#include "os/channel.h"
#include "os/clock.h"
#include "os/shelter.h"
#include "os/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    // Data of the guard's own epoll entries; smaller numbers are slots.
    WATCH_SIGNALS = LIMIT_PROCESSES,
    WATCH_CHANNEL,
    WATCH_MANAGER,
    WATCH_WITNESS,
};

#define REFUSED_PAUSE (100 * NSEC_PER_MSEC) // the system gave no process or descriptor

static char manager_word[] = "manager";
static struct guard guard; // of fixed size: the guard allocates nothing; only this file sees it
static struct shelter shelter;
static const char *failure; // why there is no manager any more

static bool watch(int fd, uint64_t what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = what};
    return epoll_ctl(guard.watch, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void take_shelter(void)
{
    shelter_open(&shelter, guard.board->score_before);
    guard.board->score_before = (uint16_t)shelter_before(&shelter);
    guard.holds.shelter = &shelter;
}

static void open_herald(void)
{
    herald_open(&guard.herald);
    guard.holds.sockets = guard.herald.sockets;
    guard.holds.socket_count = guard.herald.socket_count;
    guard.board->has_init = guard.herald.socket >= 0;
    guard.board->socket_count = guard.herald.socket_count;
}

static int open_guard(size_t memory_bytes)
{
    guard = (struct guard){
        .channel = -1,
        .manager_pidfd = -1,
        .witness_pipe = {-1, -1},
        .witness_pidfd = -1,
        .asked_at = NSEC_NEVER,
        .tree = {.fd = -1, .parent_fd = -1},
    };
    for (int i = 0; i < KEPT_COUNT; i++)
        guard.kept[i] = -1;
    herald_take_sockets(&guard.herald);
    int result = setup_look_at_system(&failure);
    if (result == 0)
        result = setup_standard_descriptors();
    if (result < 0 || (result = spawn_reserve_descriptors()) < 0)
        return result;
    if (close_range(SPAWN_RESERVED, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
        return -ENOSYS; // before there is a witness, which would hold all that it inherits
    setup_descriptor_limit(&guard.descriptor_limit);
    guard.signals = setup_signals(&guard.ignores_hangup);
    result = board_make(memory_bytes, &guard.board_fd, &guard.board);
    if (result < 0)
        return result;
    guard.board->guard_pid = getpid();
    guard.board->guard_revision = GUARD_REVISION;
    guard.board->guard_format = GUARD_FORMAT;
    guard.program_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    guard.doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    guard.watch = epoll_create1(EPOLL_CLOEXEC);
    guard.null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (guard.program_fd < 0 || guard.doorbell < 0 || guard.watch < 0 || guard.null < 0 ||
        guard.signals < 0 || pipe2(guard.witness_pipe, O_CLOEXEC) < 0 ||
        prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 || !watch(guard.signals, WATCH_SIGNALS))
        return -errno;
    holds_init(&guard.holds, guard.board, guard.watch, guard.null);
    result = tree_open(&guard.tree, getpid());
    if (result < 0)
        return result;
    guard.holds.brand = guard.tree.brand;
    open_herald();
    guard.board->is_hangup_for_reload = herald_is_reloaded_by_hangup(&guard.herald);
    take_shelter();
    vigil_begin(&guard, WATCH_WITNESS);
    return 0;
}

// What was not given to keep is /dev/null to a manager.
static int or_null(int fd)
{
    return fd >= 0 ? fd : guard.null;
}

static int spawn_manager(int channel_end)
{
    enum spawn_stage stage;
    struct spawn_request request = {
        .program_fd = guard.program_fd,
        .argv = guard.arguments,
        .envp = environ,
        .descriptors =
            {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, [MANAGER_BOARD] = guard.board_fd,
             [MANAGER_CHANNEL] = channel_end, [MANAGER_DOORBELL] = guard.doorbell,
             [MANAGER_WITNESS] = guard.witness_pipe[1], [MANAGER_TREE] = or_null(guard.tree.fd)},
        .descriptor_count = MANAGER_DESCRIPTOR_END,
        .cgroup_fd = -1,
        .shelter = &shelter,
    };
    for (int i = 0; i < KEPT_COUNT; i++)
        request.descriptors[MANAGER_KEPT + i] = or_null(guard.kept[i]);
    return spawn_process(&request, &guard.manager_pid, &guard.manager_pidfd, &stage);
}

// One whose end we could not learn must not run.
static int undo_manager(int result)
{
    (void)pidfd_send_signal(guard.manager_pidfd, SIGKILL, NULL, 0);
    (void)waitid(P_PIDFD, (id_t)guard.manager_pidfd, &(siginfo_t){0}, WEXITED);
    (void)close(guard.manager_pidfd);
    guard.manager_pidfd = -1;
    guard.manager_pid = 0;
    return result;
}

static int start_manager(void)
{
    int ends[2];
    guard.manager_started_at = guard.heard_at = clock_now();
    herald_hear(&guard.herald);
    guard.manager_due_at = guard.manager_started_at + REFUSED_PAUSE;
    int result = channel_pair(ends);
    if (result < 0)
        return result;
    result = watch(ends[0], WATCH_CHANNEL) ? spawn_manager(ends[1]) : -errno;
    (void)close(ends[1]);
    if (result == 0 && !watch(guard.manager_pidfd, WATCH_MANAGER))
        result = undo_manager(-errno);
    if (result < 0) {
        (void)close(ends[0]);
        return result;
    }
    guard.channel = ends[0];
    guard.manager_due_at = NSEC_NEVER;
    atomic_fetch_add(&guard.board->manager_count, 1);
    return 0;
}

// Tells the manager that the board has news.
static void ring(void)
{
    uint64_t one = 1;
    if (guard.holds.has_news)
        (void)!write(guard.doorbell, &one, sizeof(one));
    guard.holds.has_news = false;
}

static void on_signals(void)
{
    struct signalfd_siginfo info;
    while (read(guard.signals, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGCHLD) {
            guard.may_have_strangers = true;
            vigil_look(&guard);
            continue;
        }
        int signal = setup_meaning_of((int)info.ssi_signo);
        if (signal < BOARD_SIGNALS && !(signal == SIGHUP && guard.ignores_hangup)) {
            atomic_fetch_add(&guard.board->signals_received[signal], 1);
            guard.holds.has_news = true;
        }
    }
}

// Returns how many of the descriptors, from the first, are held from now on.
static size_t spawn(const struct guard_request *request, const int *fds, size_t fd_count)
{
    size_t held = (request->flags & GUARD_SPAWN_OUTPUT ? 2 : 0) +
                  (request->flags & GUARD_SPAWN_ERRORS ? 2 : 0) +
                  (request->flags & GUARD_SPAWN_NOTIFY ? 1 : 0);
    size_t born = request->flags & GUARD_SPAWN_CGROUP ? 1 : 0;
    int groups = request->flags & GUARD_SPAWN_GROUPS ? request->value : 0;
    if (groups < 0 || groups > SPAWN_GROUPS ||
        fd_count != held + born +
                        (size_t)groups) { // some were lost for want of room in our table (unix(7))
        hold_refuse(&guard.holds, request, EMFILE);
        return 0;
    }
    if (held)
        hold_keep(&guard.holds, request, fds);
    const struct hold_place place = {born ? fds[held] : -1, fds + held + born, groups};
    hold_spawn(&guard.holds, request, &place, &guard.descriptor_limit);
    return held;
}

static size_t keep(const struct guard_request *request, const int *fds, size_t fd_count)
{
    if (fd_count != 1 || request->value < 0 || request->value >= KEPT_COUNT)
        return 0;
    int *kept = &guard.kept[request->value];
    if (*kept >= 0)
        (void)close(*kept);
    *kept = fds[0];
    if (request->value == KEPT_CONTROL) // whoever asks who runs here is told of us
        (void)socket_listen_again(fds[0], CONTROL_QUEUE);
    return 1;
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)close(fds[i]);
}

// What is not done yet will be seen by the successor: the descriptors stay as they are.
static void become(int program_fd)
{
    ring();
    (void)succeed_exec(&guard, program_fd);
}

static void carry_out(const struct guard_request *request, const int *fds, size_t fd_count)
{
    size_t taken = 0;
    if (request->slot >= LIMIT_PROCESSES) {
        close_all(fds, fd_count);
        return;
    }
    switch ((enum guard_request_kind)request->kind) {
    case GUARD_FETCH:
        answer_fetch(&guard.holds, guard.channel, request);
        break;
    case GUARD_SPAWN:
        taken = spawn(request, fds, fd_count);
        break;
    case GUARD_SIGNAL:
        hold_signal(&guard.holds, request);
        break;
    case GUARD_BURY:
        hold_bury(&guard.holds, request);
        guard.may_have_strangers = true;
        break;
    case GUARD_FORGET:
        hold_forget(&guard.holds, request->slot);
        break;
    case GUARD_KEEP:
        taken = keep(request, fds, fd_count);
        break;
    case GUARD_UPGRADE:
        if (fd_count == 1) {
            (void)close(guard.program_fd);
            guard.program_fd = fds[0];
            taken = 1;
            if (request->value)
                become(guard.program_fd);
        }
        break;
    case GUARD_NOTIFY:
        herald_notify(&guard.herald, guard.board, request);
        break;
    case GUARD_LISTEN:
        taken = fd_count == 1 && hold_listener(&guard.holds, request->value, fds[0]);
        break;
    case GUARD_CLOSE_LISTENER:
        (void)hold_listener(&guard.holds, request->value, -1);
        break;
    case GUARD_FETCH_LISTENER:
        answer_fetch_listener(&guard.holds, guard.channel, request);
        break;
    case GUARD_END:
        guard.is_over = true;
        guard.exit_status = request->value;
        break;
    }
    close_all(fds + taken, fd_count - taken);
}

static void on_channel(void)
{
    struct guard_request request;
    int fds[CHANNEL_DESCRIPTORS];
    size_t fd_count;
    int result;
    guard.heard_at = clock_now();
    herald_hear(&guard.herald);
    while ((result = channel_receive(guard.channel, &request, sizeof(request), fds, &fd_count)) >
               0 ||
           result == -EBADMSG) // behind which there may be a request
        if (result > 0)
            carry_out(&request, fds, fd_count);
    if (result == -EPIPE) // nothing more will come; the manager's end is told by its pidfd
        (void)epoll_ctl(guard.watch, EPOLL_CTL_DEL, guard.channel, NULL);
}

// The manager has the formation's output, and there is none: this is said on standard error.
static void plan_next_manager(bool was_up)
{
    static const char sentence[] = "formation: the manager ended at once each time that it was "
                                   "started; the processes run on, and it is tried again\n";
    bool was_in_vain = revive_is_in_vain(&guard);
    revive_manager(&guard, was_up);
    if (!was_in_vain && revive_is_in_vain(&guard))
        (void)!write(STDERR_FILENO, sentence, sizeof(sentence) - 1);
}

// There is no manager that would do it in order.
static void end_without_manager(void)
{
    if (guard.is_over)
        return;
    guard.is_over = true;
    failure = "the manager ended at once each time that it was started: all processes were ended";
    revive_give_up(&guard);
}

static void on_manager_end(void)
{
    siginfo_t info = {0};
    bool was_up = atomic_exchange(&guard.board->is_up, false);
    (void)waitid(P_PIDFD, (id_t)guard.manager_pidfd, &info, WEXITED);
    atomic_store(&guard.board->manager_status, (uint16_t)hold_wait_status(&info));
    on_channel(); // what it had asked for before it died
    (void)close(guard.manager_pidfd);
    (void)close(guard.channel);
    guard.channel = guard.manager_pidfd = -1;
    guard.manager_pid = 0;
    if (guard.is_over)
        return;
    if (!atomic_load(&guard.board->is_managed)) { // it found that there is nothing to be started
        guard.is_over = true;
        guard.exit_status = info.si_status;
        if (info.si_code != CLD_EXITED)
            failure = "the manager was killed before anything was started";
        return;
    }
    plan_next_manager(was_up);
}

static void start_next_manager(void)
{
    int result = start_manager();
    // What the system is short of comes back, and is asked for again after a pause.
    if (result < 0 && result != -EAGAIN && result != -ENOMEM && result != -EMFILE &&
        result != -ENFILE)
        plan_next_manager(false);
}

static void run(void)
{
    enum { BATCH = 64 };
    struct epoll_event events[BATCH];
    while (!guard.is_over || (guard.channel >= 0 && !guard.manager_is_left)) {
        if (guard.manager_due_at <= clock_now())
            start_next_manager();
        if (vigil_due_at() <= clock_now())
            vigil_begin(&guard, WATCH_WITNESS);
        int count = epoll_wait(guard.watch, events, BATCH,
                               revive_wait_milliseconds(&guard, vigil_due_at()));
        for (int i = 0; i < count; i++) {
            uint64_t what = events[i].data.u64;
            if (what == WATCH_SIGNALS)
                on_signals();
            else if (what == WATCH_CHANNEL)
                on_channel();
            else if (what == WATCH_MANAGER)
                on_manager_end();
            else if (what == WATCH_WITNESS)
                vigil_end(&guard);
            else
                hold_note_death(&guard.holds, (unsigned)what);
        }
        if (guard.may_have_strangers)
            guard.may_have_strangers = !strangers_reap(&guard);
        ring();
        revive_look_after(&guard);
        if (guard.asked_at != NSEC_NEVER && guard.channel < 0 && revive_is_in_vain(&guard))
            end_without_manager();
    }
}

// Nothing lives when this is over. To clear away a thousand cgroup folders takes as long as to end
// the processes that were in them, and nobody needs to wait for it: the witness does that.
static void close_guard(void)
{
    enum { PATIENCE_MS = 5000, ROUND_MS = 50 };
    holds_signal(&guard.holds, SIGKILL);
    nsec_t until = clock_now() + PATIENCE_MS * NSEC_PER_MSEC;
    unsigned left;
    while ((left = tree_kill_all(&guard.tree, ROUND_MS)) > 0 && clock_now() < until)
        (void)strangers_reap(&guard); // or a storm of forks would fill our list of children
    if (left == 0)
        witness_dismiss(guard.witness_pipe);
    if (guard.witness_pidfd < 0)
        tree_close(&guard.tree);
}

static const char *reason_of(int code)
{
    if (failure)
        return failure;
    if (code == ENOSYS || code == EPERM)
        return "the kernel, or a filter of its system calls, refuses what is needed: close_range "
               "and memfd_create, as in Linux 5.14";
    return code == EAGAIN ? "too many processes or threads" : strerrordesc_np(code);
}

// The rest of what succeed_resume() has begun. The manager runs on and does not notice.
static int resume_guard(size_t memory_bytes)
{
    int result = spawn_reserve_descriptors();
    if (result == 0)
        result = board_map(guard.board_fd, memory_bytes, &guard.board);
    if (result < 0)
        return result;
    holds_resume(&guard.holds, guard.board, guard.watch, guard.null);
    guard.holds.brand = guard.tree.brand;
    open_herald();
    take_shelter();
    guard.tree.spared = guard.board->witness_pid;
    guard.board->guard_revision = GUARD_REVISION;
    guard.board->guard_format = GUARD_FORMAT;
    guard.may_have_strangers = true;
    return 0;
}

static void take_arguments(int argc, char **argv)
{
    guard.arguments[0] = argv[0];
    guard.arguments[1] = manager_word;
    for (int i = 1; i < argc; i++)
        guard.arguments[i + 1] = argv[i];
}

static int begin(int argc, char **argv, size_t memory_bytes)
{
    int result = succeed_resume(&guard);
    if (result == -ENOENT) {
        result = open_guard(memory_bytes);
        take_arguments(argc, argv);
        return result < 0 ? result : start_manager();
    }
    take_arguments(argc, argv);
    return result < 0 ? result : resume_guard(memory_bytes);
}

int guard_run(int argc, char **argv, size_t memory_bytes, struct error *error)
{
    if (argc > ARGUMENTS)
        return error_set(error, E2BIG, "more than %d arguments", ARGUMENTS);
    int result = begin(argc, argv, memory_bytes);
    if (result < 0) {
        close_guard();
        return error_set(error, -result, "cannot start: %s", reason_of(-result));
    }
    run();
    close_guard();
    return failure ? error_set(error, ECHILD, "%s", failure) : guard.exit_status;
}
