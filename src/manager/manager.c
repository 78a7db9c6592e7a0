// SPDX-License-Identifier: MIT
// One loop: the guard's doorbell, the processes' outputs, room in our own output, deadlines.
#include "manager/manager.h"

#include "config/diagnostic.h"
#include "manager/facts.h"
#include "manager/handover.h"
#include "manager/keep.h"
#include "manager/remember.h"
#include "manager/serve.h"
#include "manager/sockets.h"
#include "manager/state.h"
#include "manager/upgrade.h"
#include "os/clock.h"
#include "os/output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PUSH_AGAIN_AFTER (100 * NSEC_PER_MSEC) // the disk was full

// So late is nobody who was not stopped, maybe together with all others (a container on pause).
#define OVERSLEPT_AFTER (500 * NSEC_PER_MSEC)

static void say(const char *sentence)
{
    (void)fprintf(stderr, "formation: %s\n", sentence);
}

static void on_outlet(struct loop_source *source, uint32_t events)
{
    (void)source; // flush() runs after every round
    (void)events;
}

static void on_outputs(struct loop_source *source, uint32_t events)
{
    struct manager *manager = loop_owner(source, struct manager, outputs_source);
    (void)events;
    (void)loop_run_once(&manager->outputs, 0);
}

static void on_clients(struct loop_source *source, uint32_t events)
{
    struct manager *manager = loop_owner(source, struct manager, clients_source);
    (void)events;
    (void)loop_run_once(&manager->clients, 0);
}

static void on_channel(struct loop_source *source, uint32_t events)
{
    struct manager *manager = loop_owner(source, struct manager, channel_source);
    if (events & (EPOLLHUP | EPOLLERR))
        manager->guard_is_gone = true;
}

void note_reader_gone(struct manager *manager)
{
    const struct outlet *outlet = &manager->show.outlet;
    if (outlet->state == OUTLET_FAILED && !manager->reader_is_gone)
        show_aside("standard output: %s", strerrordesc_np(outlet->error));
    manager->reader_is_gone = true;
}

// Nobody reads any more: like any program whose output is closed, the formation ends.
static void on_reader_gone(struct manager *manager)
{
    if (manager->reader_is_gone)
        return;
    note_reader_gone(manager);
    decide_later(manager, (struct input){.kind = INPUT_STOP, .value = SIGPIPE});
}

static void push(struct manager *manager)
{
    struct outlet *outlet = &manager->show.outlet;
    enum outlet_state state = outlet_push(outlet);
    loop_remove(&manager->loop, &manager->outlet_source);
    manager->push_again_at = NSEC_NEVER;
    if (state == OUTLET_BUSY)
        (void)loop_add(&manager->loop, &manager->outlet_source, outlet_fd(outlet), EPOLLOUT,
                       on_outlet);
    else if (state == OUTLET_NO_SPACE)
        manager->push_again_at = clock_now() + PUSH_AGAIN_AFTER;
    else if (state == OUTLET_CLOSED || state == OUTLET_FAILED)
        on_reader_gone(manager);
}

// Writes what there is, and pauses or resumes reading by what is left.
static void flush(struct manager *manager)
{
    struct outlet *outlet = &manager->show.outlet;
    bool is_held_up = false;
    (void)sinks_push(manager); // first: what they say of themselves is shown at once
    push(manager);
    while (manager->rest_waits && !outlet_is_full(outlet) && !is_held_up) {
        manager->rest_waits = false;
        news_settle_all(manager);
        is_held_up = !sinks_push(manager) && sinks_are_full(manager);
        push(manager);
    }
    if (outlet_is_full(outlet)) {
        loop_remove(&manager->loop, &manager->outputs_source);
        output_read_awaited(manager);
    } else if (!manager->outputs_source.is_added) {
        (void)loop_add(&manager->loop, &manager->outputs_source, manager->outputs.fd, EPOLLIN,
                       on_outputs);
    }
}

static nsec_t earliest(const struct manager *manager)
{
    nsec_t at = manager->wake_at;
    const nsec_t others[] = {manager->linger_at,          manager->look_again_at,
                             manager->push_again_at,      upgrade_due_at(manager),
                             starts_due_at(manager),      server_due_at(&manager->server),
                             watch_due_at(manager),       sinks_due_at(manager),
                             init_report_due_at(manager), scaling_due_at(manager)};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (others[i] < at)
            at = others[i];
    return at;
}

static void forgive(struct manager *manager, nsec_t lost)
{
    watch_forgive(manager, lost);
    scaling_forgive(manager, lost);
}

// We were stopped, in the wait or in the work before it.
static void notice_delay(struct manager *manager)
{
    nsec_t now = clock_now();
    if (manager->awake_until < now - OVERSLEPT_AFTER)
        forgive(manager, now - manager->awake_until);
    manager->awake_until = now;
}

static void on_woken(struct loop *loop)
{
    notice_delay(loop_owner(loop, struct manager, loop));
}

static void wait_for_news(struct manager *manager)
{
    output_bring_back(manager);
    const nsec_t mend_at[] = {loop_mend(&manager->outputs), loop_mend(&manager->clients)};
    nsec_t until = earliest(manager);
    for (size_t i = 0; i < sizeof(mend_at) / sizeof(mend_at[0]); i++)
        if (mend_at[i] < until)
            until = mend_at[i];
    notice_delay(manager);
    if (manager->awake_until < until)
        manager->awake_until = until;
    (void)loop_run_once(&manager->loop, until);
    nsec_t now = manager->awake_until = clock_now();
    if (manager->guard_is_gone)
        outlive_guard(manager);
    if (manager->linger_at <= now)
        output_show_lingering(manager, now);
    if (manager->look_again_at <= now)
        news_settle_all(manager);
    watch_work(manager, now);
    scaling_work(manager, now);
    upgrade_work(manager);
}

static void run(struct manager *manager)
{
    while (!manager->is_over) {
        decide_all(manager);
        starts_work(manager);
        flush(manager);
        serve_work(manager);
        init_report_work(manager);
        atomic_store(&manager->board->is_up, true); // nothing of what we found has killed us
        if (manager->is_successor)
            upgrade_complete(manager);
        else if (manager->input_count == 0 && !manager->is_over)
            wait_for_news(manager);
    }
}

// The guard's business with signals is done: what it does not want to hear of, we ignore.
static void ignore_signals(void)
{
    const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGPIPE, SIGXFSZ};
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        (void)signal(ignored[i], SIG_IGN);
}

static int open_memory(struct manager *manager)
{
    int result = board_map(MANAGER_BOARD, MANAGER_MEMORY_BYTES, &manager->board);
    if (result < 0)
        return result;
    manager->memory = (struct manager_memory *)manager->board->memory;
    manager->journal = &manager->memory->journal;
    result = journal_open(manager->journal);
    if (result < 0)
        return result;
    launch_ring_init(&manager->launches, manager->board);
    manager->supervisor = supervisor_new((uint64_t)clock_now() ^ (uint64_t)getpid() << 32);
    return manager->supervisor ? 0 : -ENOMEM;
}

static int open_loops(struct manager *manager)
{
    int result = loop_open(&manager->loop);
    manager->loop.woken = on_woken;
    manager->awake_until = clock_now();
    if (result == 0)
        result = loop_open(&manager->outputs);
    if (result == 0)
        result = loop_open(&manager->clients);
    if (result == 0)
        result = loop_add(&manager->loop, &manager->outputs_source, manager->outputs.fd, EPOLLIN,
                          on_outputs);
    if (result == 0)
        result = loop_add(&manager->loop, &manager->clients_source, manager->clients.fd, EPOLLIN,
                          on_clients);
    if (result == 0) // no events asked for: the end is always told
        result = loop_add(&manager->loop, &manager->channel_source, MANAGER_CHANNEL, 0, on_channel);
    return result;
}

// The inherited descriptors are for this process only.
static int adopt_descriptors(struct manager *manager)
{
    struct stat status;
    int tree_fd = MANAGER_TREE;
    for (int fd = MANAGER_BOARD; fd < MANAGER_DESCRIPTOR_END; fd++)
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (fstat(MANAGER_TREE, &status) < 0 || !S_ISDIR(status.st_mode))
        tree_fd = -1;
    int result = tree_adopt(&manager->tree, manager->board->guard_pid, tree_fd);
    controllers_init(&manager->controllers);
    (void)snprintf(manager->mark, sizeof(manager->mark), "FORMATION_ID=%s", manager->tree.mark);
    return result;
}

// What an earlier manager has left there must not be lost: who cannot get at it ends with -errno,
// and the guard starts another one. One that begins does without, if it has to.
static int open_desk(struct manager *manager)
{
    int parts[DESK_PARTS];
    for (int i = 0; i < DESK_PARTS; i++)
        parts[i] = MANAGER_KEPT + KEPT_DESK + i;
    struct tray *tray = NULL;
    int result = desk_open(&manager->desk, parts);
    bool is_used = result == 0 ? !manager->desk.is_new : result != -ENOENT && result != -EPROTO;
    if (result < 0 && !is_used && keep_desk() == 0)
        result = desk_open(&manager->desk, parts);
    if (result == 0)
        result = desk_take_tray(&manager->desk, 0, STDOUT_FILENO, &tray);
    if (result < 0) {
        desk_close(&manager->desk);
        return is_used ? result : 0;
    }
    if (manager->desk.is_new)
        manager->desk.state.told = manager->journal->newest;
    outlet_use_tray(&manager->show.outlet, tray);
    return 0;
}

static void on_compressed(struct compressor *compressor, const char *path, const char *failure)
{
    struct manager *manager = loop_owner(compressor, struct manager, compressor);
    (void)path;
    if (failure)
        show_system(&manager->show, str_of(failure));
}

static int cannot_go_on(struct error *error, int result)
{
    return error_set(error, -result, "the manager cannot go on: %s", strerrordesc_np(-result));
}

static int open_manager(struct manager *manager, struct error *error)
{
    manager->wake_at = manager->linger_at = manager->look_again_at = manager->push_again_at =
        NSEC_NEVER;
    manager->budget = (struct lines_budget)LINES_BUDGET_INIT;
    manager->pipe_bytes = output_pipe_bytes(plan_most_processes(manager->plan));
    int result = open_memory(manager);
    if (result == -EPROTO)
        return error_set(error, EPROTO, "the journal in memory is of another version");
    if (result == 0)
        result = open_loops(manager);
    if (result == 0)
        result = adopt_descriptors(manager);
    if (result < 0)
        return error_set(error, -result, "cannot start the manager: %s", strerrordesc_np(-result));
    result =
        show_open(&manager->show, manager->plan, manager->options, &manager->memory->recent, error);
    manager->show.facts = facts_for_show;
    manager->show.facts_context = manager;
    (void)gethostname(manager->host, sizeof(manager->host) - 1);
    if (result < 0)
        return result;
    result = open_desk(manager);
    if (result == 0)
        result =
            compressor_open(&manager->compressor, &manager->loop, "/proc/self/exe", on_compressed);
    return result < 0 ? cannot_go_on(error, result) : result;
}

static void say_system(struct manager *manager, const char *sentence)
{
    show_system(&manager->show, str_of(sentence));
}

// Quantities that were asked for in an earlier life; the command line beats them.
static void recall(struct manager *manager)
{
    struct error error;
    const struct options *options = manager->options;
    if (options->formation || options->name_count > 0 || options->except || options->foreman)
        return;
    int result = remember_read(manager->plan, &error);
    if (result < 0)
        say_system(manager, error.text);
    else if (result > 0)
        say_system(manager, "some quantities are as they were scaled; "
                            "'formation scale --reset' returns to those of the files");
}

// As the command line tells what is wrong with the files: file:line:column: error: …
static void complain(const struct diagnostics *diagnostics)
{
    for (size_t i = 0; i < diagnostics->count; i++) {
        char text[DIAGNOSTIC_TEXT_BYTES];
        struct buffer sentence = {0};
        struct diagnostic shown = diagnostics->items[i];
        buffer_append_text(&sentence, "error: ");
        buffer_append_str(&sentence, shown.text);
        shown.text = buffer_str(&sentence);
        (void)fprintf(stderr, "%s\n", diagnostic_format(&shown, text, sizeof(text)));
        buffer_fini(&sentence);
    }
}

// What runs already runs within its limits, and has its sockets; what is spawned is refused where
// it cannot.
static int needs_open(struct manager *manager)
{
    struct diagnostics diagnostics = {0};
    bool is_new = manager->journal->newest == 0;
    int result = limits_need(manager, manager->plan, &diagnostics);
    if (is_new && result == 0)
        result = listeners_need(manager, manager->plan, &diagnostics);
    if (is_new)
        complain(&diagnostics);
    diagnostics_fini(&diagnostics);
    return is_new ? result : 0;
}

// Returns 0, or -errno when this formation must not run: why is in `error`, or was told.
static int begin(struct manager *manager, struct handover *handover, struct error *error)
{
    handover_take_output(handover, manager);
    int result = sinks_open(manager);
    if (result < 0)
        return cannot_go_on(error, result);
    result = serve_open(manager, error);
    if (result == -EADDRINUSE)
        return result;
    if (result < 0) { // it can be run, though not be asked
        say_system(manager, error->text);
        serve_open_later(manager);
    }
    listeners_open(manager);
    if (manager->journal->newest == 0)
        recall(manager);
    result = needs_open(manager);
    error->text[0] = '\0';
    if (result < 0)
        return result;
    if (manager->journal->newest > 0) {
        result = recover(manager, handover);
        if (result < 0) // the next one tries again
            return cannot_go_on(error, result);
        upgrade_arrive(manager, handover);
        listeners_restore(manager);
        return 0;
    }
    manager->memory->managers_told = atomic_load(&manager->board->manager_count);
    limits_count_own(manager);
    result = sockets_check(manager, manager->plan, error);
    if (result < 0)
        return result;
    manager->memory->began_at = clock_now();
    (void)keep_plan(manager->plan); // without it, the next manager reads the files again
    manager->pipe_bytes = output_pipe_bytes(plan_most_processes(manager->plan));
    decide_later(manager, (struct input){.kind = INPUT_PLAN, .plan = manager->plan});
    return 0;
}

static void free_manager(struct manager *manager)
{
    listeners_free(manager);
    sinks_close(manager);
    compressor_close(&manager->compressor);
    process_free_all(manager);
    watch_close(manager);
    scaling_close(manager);
    show_close(&manager->show);
    controllers_close(&manager->controllers);
    desk_close(&manager->desk);
    supervisor_free(manager->supervisor);
    plan_free(manager->plan);
    free(manager);
}

static int finish(struct manager *manager)
{
    int exit_status = manager->exit_status;
    act_send(manager, (struct guard_request){.kind = GUARD_END, .value = exit_status}, NULL, 0);
    free_manager(manager);
    return exit_status;
}

enum { STATUS_OS_ERROR = 71, STATUS_RUNS_ALREADY = 1, STATUS_BAD_FILES = 2 };

static int give_up(struct manager *manager, const struct error *error, int exit_status)
{
    if (error->text[0])
        say(error->text);
    free_manager(manager);
    return exit_status;
}

static int give_up_deaf(struct manager *manager, int result)
{
    struct error error;
    (void)cannot_go_on(&error, result);
    return give_up(manager, &error, STATUS_OS_ERROR);
}

int manager_run(struct plan *plan, const struct options *options)
{
    struct error error;
    struct handover handover;
    struct manager *manager = calloc(1, sizeof(*manager));
    if (!manager) {
        plan_free(plan);
        say("no memory for the manager");
        return STATUS_OS_ERROR;
    }
    manager->plan = plan;
    manager->options = options;
    manager->server.fd = -1;
    listeners_init(manager);
    manager->server.accept_at = NSEC_NEVER;
    ignore_signals();
    if (open_manager(manager, &error) < 0)
        return give_up(manager, &error, STATUS_OS_ERROR);
    watch_open(manager);
    init_report_open(manager);
    handover_open(&handover);
    int result = begin(manager, &handover, &error);
    handover_close(&handover);
    if (result < 0)
        return give_up(manager, &error,
                       result == -EINVAL && !options->foreman ? STATUS_BAD_FILES
                                                              : STATUS_RUNS_ALREADY);
    atomic_store(&manager->board->is_managed, true);
    result = news_open(manager);
    if (result < 0) // the next one will do
        return give_up_deaf(manager, result);
    run(manager);
    upgrade_close(manager);
    init_report_close(manager);
    serve_end(manager);
    listeners_remove_files(manager);
    drain(manager);
    serve_close(manager);
    return finish(manager);
}
