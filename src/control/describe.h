// SPDX-License-Identifier: MIT
// Facts as the JSON that org.formation.Manager.varlink describes, type by type. Each function
// writes one value into a reply; `name` as in json_put.h.
#pragma once

#include "base/buffer.h"
#include "base/duration.h"
#include "base/str.h"
#include "event/event.h"
#include "plan/plan.h"
#include "plan/sink.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What all values of a reply have in common; borrowed.
struct description {
    const struct plan *plan;
    nsec_t wall_offset; // what a time of CLOCK_MONOTONIC lacks to one since the epoch
};

// Of a whole tree.
struct process_usage {
    nsec_t cpu;
    uint64_t memory_bytes;
    uint64_t task_count;
    int cpu_pressure; // hundredths of a percent, as in os/pressure.h; -1: not known
    int memory_pressure;
};

struct process_facts {
    const struct process_record *record; // of no vacant slot
    const struct process_usage *usage;   // NULL: was not asked for
    const char *status_text;             // what it says of itself; NULL or "": nothing
    uint64_t dropped;                    // lines of it that sinks have left out
};

// One life of a process that is over.
struct process_life {
    int32_t pid;         // 0: was not started
    int32_t exit_status; // of wait(2); may have EXIT_OUT_OF_MEMORY
    int spawn_error;     // errno why it was not started; 0: it was
    nsec_t started;      // NSEC_NEVER: was not started
    nsec_t ended;
    bool asked;      // RECORD_ASKED at its end
    struct str left; // what was said of processes that have outlived its main one; empty: none has
    struct str_list last_lines;
};

enum sink_state {
    SINK_OK,
    SINK_SLOW,    // lines wait for it, as many as may: they are left out, or the processes wait
    SINK_FAILING, // it is tried again and again
};

struct sink_facts {
    struct str name; // "syslog at udp://logs.example.com:514"
    enum sink_policy policy;
    enum sink_state state;
    nsec_t since; // it fails; NSEC_NEVER: it does not
    struct str why;
    uint64_t waiting_bytes;
    uint64_t dropped; // lines
};

struct formation_status {
    const struct formation_record *formation;
    int guard_pid;
    int manager_pid;
    unsigned manager_restarts;
    const char *version;
    nsec_t since;                           // when the formation was started
    const struct process_record *processes; // all slots, vacant ones too
    size_t process_count;
    const struct sink_facts *sinks;
    size_t sink_count;
};

// Bytes of a command in a Process: a List of all processes must stay small, even where each has
// the longest command. GetStatus has them whole.
enum { DESCRIBE_COMMAND_BYTES = 1024 };

// Type Process.
void describe_process(struct buffer *out, const char *name, const struct description *description,
                      const struct process_facts *facts);

// Type Event.
void describe_event(struct buffer *out, const char *name, const struct description *description,
                    const struct event *event);

// Type Line. `process` is "web.1" or "system"; `at` as all times here monotonic.
void describe_line(struct buffer *out, const char *name, const struct description *description,
                   nsec_t at, struct str process, struct str text, bool is_cut);

// Type History; `lives` with the newest first.
void describe_history(struct buffer *out, const char *name, const struct description *description,
                      const struct process_facts *facts, const struct process_life *lives,
                      size_t life_count);

// The members of GetStatus' reply, into an object that is open.
void describe_status(struct buffer *out, const struct description *description,
                     const struct formation_status *status);

// Member `changes` of Scale's reply: where `after` differs from `before`, quantities by type.
void describe_changes(struct buffer *out, const struct plan *plan, const unsigned *before,
                      const unsigned *after);
