// SPDX-License-Identifier: MIT
// Whether processes are ready and alive: probes, what they say by sd_notify(3), lines that they
// write. What is found out becomes an input to supervise.
#pragma once

#include "base/error.h"
#include "event/event.h"
#include "os/check.h"
#include "os/loop.h"
#include "os/port.h"
#include "os/tree.h"
#include "plan/launch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct manager;
struct pattern;
struct process;

enum { WATCH_REASON_BYTES = PORT_REASON_BYTES + 64 };

enum watch_phase {
    WATCH_NOTHING,
    WATCH_READY, // it runs: is it ready?
    WATCH_ALIVE, // it is ready: does it still do its work?
};

enum watch_told { // once in a life
    WATCH_TOLD_MAIN_PID = 1 << 0,
    WATCH_TOLD_STRANGER = 1 << 1,
    WATCH_TOLD_TOO_LONG = 1 << 2,
};

// One look at a process: a connection, a request or a command that is under way.
struct look {
    struct manager *manager;
    struct look *next;
    struct watch *watch; // whose verdict it is; NULL: nobody's any more
    bool is_command;
    bool is_judged; // the verdict was given
    bool is_over;
    nsec_t timeout;
    nsec_t deadline;
    char branch[TREE_NAME_BYTES]; // of a command: the part of the tree that it runs in
    union {
        struct port_look port;
        struct check check;
    };
};

// Of a process whose type is looked at in any way.
struct watch {
    struct process *process;
    struct watch *next; // in the order in which they were looked at
    struct watch *previous;
    enum watch_phase phase;
    uint32_t token; // of the incarnation
    unsigned port;  // that it was started with
    struct look *look;
    nsec_t due_at;                   // of the next look; NSEC_NEVER
    unsigned failures;               // in a row
    bool has_matched;                // a line of its output
    char reason[WATCH_REASON_BYTES]; // why it is not ready yet, or not alive any more

    int notify;         // its NOTIFY_SOCKET; -1
    bool guard_has_it;  // …too
    bool is_leaving;    // it has said so: it is not looked at any more
    unsigned told;      // enum watch_told
    nsec_t watchdog_at; // when WATCHDOG=1 is missing; NSEC_NEVER
    nsec_t changed_at;  // when it last said that it is ready no longer
    int trusted;        // pid of the last sender that was found to be of its tree
    struct loop_source source;
    unsigned messages;  // in the present stretch of time, which ends at …
    nsec_t stretch_end; // … and is waited for when there were too many of them
};

struct watches {
    struct watch *first;
    struct watch *last;
    struct look *looks;
    unsigned look_count;
    unsigned command_count;
    nsec_t wake_at;
    nsec_t worked_at;
    struct pattern *patterns[LIMIT_TYPES]; // of `ready: {log: …}`, compiled; NULL: not yet
};

// watch.c
void watch_open(struct manager *manager);
void watch_close(struct manager *manager); // kills what is under way

// Before a process is started: adds to its environment what it needs to notify us. 0 or -errno.
int watch_prepare(struct process *process, struct arena *arena, struct launch *launch);
// The socket that an earlier manager had made for it.
void watch_adopt(struct process *process, int notify);
void watch_end(struct process *process); // it is freed

// For so long we were stopped, and maybe everybody else: whoever had a deadline has the time back.
void watch_forgive(struct manager *manager, nsec_t lost);

// What became of a process, by event or in general; a new plan.
void watch_hear(struct manager *manager, const struct event *event);
void watch_follow(struct manager *manager, unsigned slot);
void watch_follow_plan(struct manager *manager);

nsec_t watch_due_at(const struct manager *manager);
void watch_work(struct manager *manager, nsec_t now);

// Why it is not ready, or not alive: "" if that is not known.
const char *watch_reason(const struct process *process);

// For the watch_*.c files.
enum look_verdict {
    LOOK_GOOD,
    LOOK_BAD,
    LOOK_UNKNOWN, // we could not look
};
void watch_judge(struct watch *watch, enum look_verdict verdict, const char *reason);
void watch_set_reason(struct watch *watch, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void watch_wake(struct manager *manager, nsec_t at);
void watch_condemn(struct watch *watch); // it is not alive, for the reason that was set

// watch_look.c: looks at it, by a probe of the kinds tcp, http or exec.
bool look_is_possible(const struct manager *manager, const struct probe *probe);
void look_begin(struct watch *watch, const struct probe *probe);
void look_forget(struct watch *watch); // its verdict is not wanted any more
void look_sweep(struct manager *manager, nsec_t now);
void look_close(struct manager *manager);
void look_clear_branch(struct process *process);   // what commands of an earlier manager have left
void look_adopt_children(struct manager *manager); // of a manager that was this process before

// watch_notify.c
int notify_prepare(struct watch *watch, struct arena *arena, struct launch *launch);
void notify_resume(struct watch *watch, nsec_t now); // reads on after too many messages
bool notify_is_waiting(const struct watch *watch);   // there is something to be read
void notify_listen(struct watch *watch);

// watch_log.c
bool watch_can_match(struct manager *manager, const struct process_type *type); // false: no memory
void watch_hear_line(struct process *process, struct str line);
bool watch_waits_for_line(const struct process *process);
void watch_search_lines(struct watch *watch); // those that an earlier manager has read
void watch_forget_patterns(struct manager *manager);
