// SPDX-License-Identifier: MIT
// What should run: the process types, how many of each, and how each is treated. Immutable once
// made: a change makes a new plan.
#pragma once

#include "base/arena.h"
#include "base/duration.h"
#include "base/str.h"
#include "plan/confinement.h"
#include "plan/listener.h"
#include "plan/origin.h"
#include "plan/scale.h"
#include "plan/sink.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// One process of the formation: web.2 is {index of web, 2}. Numbers start at 1.
struct process_id {
    uint16_t type;
    uint16_t number;
};

// A variable of the environment. Both texts are NUL-terminated behind their last byte.
struct variable {
    struct str name;
    struct str value;
};

struct environment {
    const struct variable *variables;
    size_t count;
};

enum restart_mode {
    RESTART_ALWAYS,     // any exit that was not asked for
    RESTART_ON_FAILURE, // unless it exited with 0
    RESTART_NEVER,
};

// How the manager learns that a process is ready, or that it still does its work.
enum probe_kind {
    PROBE_NONE,
    PROBE_TCP,    // a connection to `port` is accepted
    PROBE_HTTP,   // GET of `text` at `port` is answered with 200 to 399
    PROBE_EXEC,   // the shell command `text` ends with 0
    PROBE_LOG,    // a line of its output matches the extended regular expression `text`
    PROBE_NOTIFY, // it says so itself: READY=1 to NOTIFY_SOCKET, sd_notify(3)
};

struct probe {
    enum probe_kind kind;
    unsigned port; // 0: the process's own PORT
    struct str text;
    nsec_t interval;   // from the end of one look to the next
    nsec_t timeout;    // of one look
    unsigned failures; // so many in a row count
};

// How one process is treated in its life; read by supervise.
struct process_policy {
    enum restart_mode restart;
    nsec_t backoff_base;  // the second pause; the first restart is immediate
    nsec_t backoff_max;   // no pause is longer
    nsec_t backoff_reset; // ready for so long (or twice the last pause): crashes are forgotten
    int stop_signal;
    nsec_t stop_grace;    // from the stop signal to SIGKILL
    bool waits_for_ready; // a readiness check is declared; without one, running is ready
    nsec_t boot_limit;    // not ready by then: stopped and counted as a crash
    nsec_t watchdog;      // WATCHDOG=1 must come that often (sd_notify(3)); 0: need not come
    unsigned roll_surge;  // so many more than wanted may run during a rolling restart
    unsigned roll_max_unavailable; // and so many fewer may be ready
};

// Listening sockets that whoever has started the formation has opened for it, by the names that
// they have there (FileDescriptorName= of systemd.socket(5)).
struct wanted_sockets {
    bool are_all;
    const struct str *names;
    size_t name_count;
    struct origin origin; // of the key; of no meaning in a plan that was kept
};

struct process_type {
    struct str name;
    struct str command; // as declared, one line of shell
    struct origin origin;
    unsigned quantity;
    unsigned declared;       // the quantity that files and command line ask for
    struct plan_scale scale; // what decides about the quantity, unless
    bool is_fixed;           // …somebody has asked for a number instead,
    bool declared_is_fixed;  // …and that on the command line
    unsigned revision;   // how often it came to be started in another way (plan/merge.h): who runs
                         // by an earlier one is rolled
    unsigned port_index; // place among all declared types: PORT = base + 100 × port_index + n − 1
    bool tty;
    bool is_gone;         // of an earlier plan only: keeps its index, runs nothing (plan/merge.h)
    struct str directory; // absolute
    struct environment environment; // of this type only; beats the plan's
    struct process_policy policy;
    struct confinement confinement;
    struct wanted_sockets sockets;
    struct listening listening;
    struct probe ready;    // PROBE_NONE: ready once it runs
    struct probe alive;    // PROBE_NONE: alive as long as it runs
    const uint16_t *after; // starts once the processes of these types are ready
    size_t after_count;
};

struct plan {
    struct arena arena; // owns every text and table of the plan
    struct str app;
    struct str root; // absolute: where processes run unless their type says otherwise
    bool has_port;   // false: --no-port
    unsigned port_base;
    bool ends_at_first_exit;        // Foreman's rule: any exit ends the formation
    bool expands_like_foreman;      // `$NAME` is replaced in the text of the command
    struct environment environment; // of the .env files; beats the inherited one
    size_t type_count;
    struct process_type *types;
    size_t sink_count; // LIMIT_SINKS at most
    struct plan_sink *sinks;
};

// Frees the plan and everything in it. plan may be NULL.
void plan_free(struct plan *plan);

// The defaults of design §4, which every type starts from.
struct process_policy plan_default_policy(void);

// The PORT of a process, or 0 when the plan assigns none.
unsigned plan_port(const struct plan *plan, struct process_id id);

// The type of that name, or NULL.
const struct process_type *plan_find(const struct plan *plan, struct str name);

// Whether its processes are given a NOTIFY_SOCKET: to say that they are ready, or still work.
bool plan_type_notifies(const struct process_type *type);

// Whether its processes are given sockets: those of an init, or the type's own.
bool plan_type_wants_sockets(const struct process_type *type);

// How many processes it may ever have: the quantity, or the most that `scale` allows unless a
// number was asked for.
unsigned plan_type_most(const struct process_type *type);

// Whether the demand decides how many there are now.
bool plan_type_is_auto(const struct process_type *type);

// Sum of all quantities; of all plan_type_most().
unsigned plan_process_count(const struct plan *plan);
unsigned plan_most_processes(const struct plan *plan);

// "web.2". `out` holds PROCESS_NAME_BYTES; returns out.
enum { PROCESS_NAME_BYTES = 112 };
const char *plan_process_name(const struct plan *plan, struct process_id id,
                              char out[PROCESS_NAME_BYTES]);
