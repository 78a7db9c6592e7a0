// SPDX-License-Identifier: MIT
// The manager's inside, shared by the files of this module only.
#pragma once

#include "guard/link.h"
#include "manager/init_report.h"
#include "manager/listeners.h"
#include "manager/manager.h"
#include "manager/scaling.h"
#include "manager/server.h"
#include "manager/show.h"
#include "manager/sinks.h"
#include "manager/watch.h"
#include "os/channel.h"
#include "os/compressor.h"
#include "os/controller.h"
#include "os/loop.h"
#include "os/tree.h"
#include "stream/lines.h"
#include "supervise/supervise.h"

#include <limits.h>

struct manager;

// A way that output of a process comes by.
struct inlet {
    struct process *process;
    struct loop_source source;
    int near; // read from here; -1: this one is not in use
    int far;  // the other end, until the guard has got it with a spawn; -1
    struct lines lines;
    size_t rest_bytes; // still to be read before its end is told
    nsec_t pending_at; // when its unfinished line is to be shown; NSEC_NEVER
};

// The second one is for the standard error, where that is told apart; else both take the first.
enum { INLET_OUTPUT, INLET_ERRORS, INLETS };
_Static_assert((int)INLETS == (int)SHOW_LANES, "each of a process's inlets has a lane");

// Who outlived the main process last, as people are told; both may be "".
struct left {
    char who[256];
    char program[16]; // one of them that is known to be a daemon
};

// What the shell around supervise knows of a slot: its output and the rest of its tree.
struct process {
    struct manager *manager;
    unsigned slot;
    char name[PROCESS_NAME_BYTES];
    bool has_terminal;
    struct inlet inlets[INLETS];
    struct show_voice voice;
    struct attachment *attachment; // of a client to its terminal; NULL: none
    struct watch *watch;           // whether it is ready and alive; NULL: its type is not looked at
    char *status_text; // what it says of itself: STATUS= of sd_notify(3), in the manager's memory
    bool is_dead;      // the guard saw its main process end, supervise has not been told yet
    bool is_held_up;   // by a sink: its output is not read
    struct process *next_held_up;
    struct left left;
    bool is_emptying;        // supervise was told, and waits for the tree and the output to end
    int wait_status;         // of its end; may have EXIT_OUT_OF_MEMORY
    unsigned long oom_kills; // as they were counted when nothing of this life had run yet
    int tree_fd;             // watched for the end of the tree, or -1
    struct loop_source tree_source;
    bool tree_was_killed;          // its folder is not used again: see tree_branch_remove()
    enum spawn_stage failed_stage; // of the last failed spawn
    bool failed_before_spawn;      // …which the guard was not even asked for
    uint32_t forbidden_token;      // of the life of which it was told that we may not signal it
};

// Processes that are held up, in the order in which they are read again.
struct held_up {
    struct process *first;
    struct process *last;
};

// Where the program of a type is, as it was found last.
struct found_program {
    bool is_valid;
    unsigned type;
    int result; // of program_find()
    char path[PATH_MAX];
};

// Spawns that were decided and not asked of the guard yet; each slot has one at most.
struct starts {
    size_t first;
    size_t count;
    nsec_t due_at;
    struct action actions[LIMIT_PROCESSES];
};

enum { INPUT_QUEUE = 4 * LIMIT_PROCESSES };

struct manager {
    struct plan *plan; // in force
    const struct options *options;
    struct board *board;
    struct manager_memory *memory;
    struct journal *journal; // in it
    struct supervisor *supervisor;
    struct launch_ring launches;
    struct starts starts;
    struct found_program found; // in this round of starts
    struct tree tree;           // to be searched: branch_tree()
    struct kin_set mains;
    struct listeners listeners;
    struct controllers controllers; // that keep limits for the trees
    char mark[TREE_MARK_BYTES + sizeof("FORMATION_ID=")];
    size_t pipe_bytes;

    struct loop loop;
    struct loop outputs; // all processes' outputs; one source of `loop`, so they pause together
    struct loop_source outputs_source;
    struct loop clients; // of the control socket; another one, which is all that is left at the end
    struct loop_source clients_source;
    struct held_up refused; // found no room in a sink
    struct held_up served;  // found some, and filled it
    struct loop_source channel_source;
    struct loop_source doorbell_source;
    struct loop_source outlet_source;
    struct show show;
    struct desk desk; // `memory` NULL: there is none, and what is read or not written dies with us
    struct sink *sinks; // as the plan has them
    size_t sink_count;
    uint64_t sinks_heard; // how often they were given lines
    struct compressor compressor;
    char host[LIMIT_HOST_BYTES + 1];
    struct lines_budget budget;
    struct server server; // of the control socket; fd -1: there is none
    struct subscription *subscriptions;
    struct upgrade *upgrade; // one that is tried; NULL
    bool is_successor;       // in another program's place, and the first round is not over
    struct watches watches;
    struct scaling *scalings[LIMIT_TYPES]; // NULL: the demand has never decided
    struct init_report init_report;
    uint64_t reviewed; // the last event that was looked at for those who wait
    bool rest_waits;   // some process's rest, for room in the outlet

    nsec_t awake_until;   // this round is to be over, or the wait behind it
    nsec_t wake_at;       // supervise wants INPUT_TIME
    nsec_t linger_at;     // an unfinished line wants to be shown
    nsec_t look_again_at; // trees that cannot be watched
    nsec_t push_again_at; // the disk was full
    bool is_over;         // ACTION_END was carried out
    bool guard_is_gone;
    bool reader_is_gone; // nobody takes our output any more
    int exit_status;

    size_t input_first; // ring of inputs that wait for their step
    size_t input_count;
    struct input inputs[INPUT_QUEUE];
    struct process *processes[LIMIT_PROCESSES];
    char bytes[64 * 1024]; // what was read from one process, without a desk
};

// decide.c: inputs to supervise, its events to the journal and to people, its actions to act.c.
void decide_later(struct manager *manager, struct input input); // `now` is filled in
void decide_all(struct manager *manager);
void decide_record(struct manager *manager, struct event *event); // a fact that asks for nothing

// act.c
void act(struct manager *manager, const struct action *action);
void act_send(struct manager *manager, struct guard_request request, const int *fds,
              size_t fd_count);

// Asks the guard for descriptors that it holds, and waits for them. 0 and one at least; -ENOENT:
// there are none; or -errno.
int act_fetch(struct manager *manager, struct guard_request request, struct guard_request *answer,
              int fds[CHANNEL_DESCRIPTORS], size_t *fd_count);

// forbidden.c: after a signal; says so where the kernel lets none of ours through.
void forbidden_tell(struct manager *manager, const struct action *action);

// starts.c: spawns in their turn.
void starts_add(struct manager *manager, const struct action *action);
void starts_work(struct manager *manager);
nsec_t starts_due_at(const struct manager *manager);

// limits.c: what trees may use.
struct diagnostics;
// Has the controllers that the plan needs. 0, or -EINVAL with what cannot be kept and why.
int limits_need(struct manager *manager, const struct plan *plan, struct diagnostics *diagnostics);
// Limits the tree of a process that is to be spawned. Returns how many `fds`, as
// controllers_limit().
int limits_put(struct process *process, int fds[CONTROLLERS]);
// How many of its tree were killed for want of memory, so far.
unsigned long limits_oom_kills(const struct process *process);

// The same in the supervisor's own folder, to be counted from here on.
void limits_count_own(struct manager *manager);
// How the manager before us ended: a wait(2) status with EXIT_OUT_OF_MEMORY if it was so; 0: not
// known.
int limits_end_of_manager(struct manager *manager);

// branch.c
const struct tree *branch_tree(struct manager *manager); // in its present state

// left.c: notes who outlives the main process; their number.
unsigned left_look(struct process *process);

// process.c
struct process *process_of(struct manager *manager, unsigned slot);             // NULL: none
int process_open(struct manager *manager, unsigned slot, struct process **out); // new output
int process_adopt(struct manager *manager, unsigned slot); // output from the guard
void process_tell_apart(struct process *process); // its next life's standard error, if possible
void process_close(struct manager *manager, unsigned slot);
void process_free_all(struct manager *manager); // at the end, when the kernel closes the rest
void process_resize_terminals(struct manager *manager); // to the size of our own

// output.c: reading.
void output_watch(struct inlet *inlet);
void output_forget(struct inlet *inlet);         // its unfinished line
unsigned output_lane(const struct inlet *inlet); // of the desk, and of the terminal
struct inlet *output_inlet(const struct manager *manager, unsigned lane); // NULL: none
void output_resume(struct manager *manager); // with what the last manager has left on the desk
// What there is to read now. When nobody can write any more, `is_last`, the unfinished line is
// shown as it is. False: the outlet is full, come again.
bool output_read_rest(struct process *process, bool is_last);
void output_read_again(struct manager *manager); // those that sinks have held up

// While nothing is read since standard output takes nothing: who is ready once it says so is heard.
void output_read_awaited(struct manager *manager);
void output_show_lingering(struct manager *manager, nsec_t now);
void output_bring_back(struct manager *manager); // the bar that gave way to a line

// news.c: what the guard saw.
int news_open(struct manager *manager); // 0 or -errno
void news_of_slot(struct manager *manager, unsigned slot);
bool news_is_started(struct process *process); // its start was told; looks at the board if not
void news_settle(struct process *process);     // an exit, once its output is read
void news_settle_all(struct manager *manager);
bool news_is_interrupted(const struct manager *manager); // by Ctrl-C, not dealt with yet

// tell.c
void tell(struct manager *manager, const struct event *events, size_t count);

// drain.c: the last lines, at the end.
void drain(struct manager *manager);
void note_reader_gone(struct manager *manager); // manager.c: told once

// recover.c
struct handover;
int recover(struct manager *manager, struct handover *handover); // 0 or -errno

// outlive.c: the guard is gone.
void outlive_guard(struct manager *manager);
