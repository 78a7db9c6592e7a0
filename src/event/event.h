// SPDX-License-Identifier: MIT
// What happened: each event carries the whole new record of what it is about, so that any view,
// and a manager that was killed and started again, gets the present state by applying events.
#pragma once

#include "base/duration.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stdint.h>

enum process_state {
#define STATE(identifier, name, after, meaning) PROCESS_##identifier,
#include "event/states.def"
#undef STATE
    PROCESS_STATE_COUNT
};

const char *process_state_name(enum process_state state);
bool process_state_allows(enum process_state from, enum process_state to);

enum record_flag {
    RECORD_WANTED = 1 << 0,    // the plan has it; without, it is removed once it is finished
    RECORD_ASKED = 1 << 1,     // its stop was asked for: the exit is no crash; who is finished so
                               // was stopped by request and can be started by another
    RECORD_RESTART = 1 << 2,   // it is started again after the exit, by request
    RECORD_KILLED = 1 << 3,    // SIGKILL was sent, or is due as soon as it runs
    RECORD_UNSPAWNED = 1 << 4, // in backoff since the kernel refused to start it, not by a crash
    RECORD_ROLL = 1 << 5,      // it is restarted when its turn in a rolling restart comes
    RECORD_ROLLED = 1 << 6,    // it was started by one, and has not proven itself since
    RECORD_FAILED = 1 << 7,    // it could not be started, or was stopped since it was not ready or
                               // alive: a failure, however it exits
};

// Beside the 16 bits of a wait(2) status, whose macros do not see it: the kernel killed the
// process, or what it ran, for want of memory. Never with an exit of 0.
enum { EXIT_OUT_OF_MEMORY = 1 << 16 };

// All that is known of one process. Times are CLOCK_MONOTONIC; NSEC_NEVER: none.
struct process_record {
    struct process_id id;
    uint8_t state; // enum process_state
    uint8_t flags; // enum record_flag
    uint16_t kills;
    uint32_t token;      // number of the last spawn asked for; 0: none yet
    int32_t pid;         // of the last incarnation; 0: none yet
    int32_t exit_status; // wait(2) status of the last exit; may have EXIT_OUT_OF_MEMORY
    uint32_t starts;     // incarnations so far
    uint32_t crashes;    // in a row, not forgotten yet
    uint32_t refusals;   // failed spawns in a row
    uint64_t revision; // of its type, by which it was started last, or is excused from a later one
    nsec_t since;      // of the state
    nsec_t ready_at;   // of this incarnation
    nsec_t deadline;   // when the state is over by itself
    nsec_t pause;      // the last one between a crash and the next start
};

enum formation_phase {
    FORMATION_RUNNING,
    FORMATION_STOPPING, // every process was asked to stop
    FORMATION_KILLING,  // every process is killed
    FORMATION_ENDED,    // nothing is left
};

struct formation_record {
    uint8_t phase; // enum formation_phase
    bool asked;    // a person or signal asked for the end
    uint16_t signal;
    int32_t exit_status; // of the program, once ended (or by whom the end came)
    nsec_t since;    // …it is in this phase, or a person has asked for what had begun by itself
    nsec_t deadline; // of the next message about who is waited for
};

// Why a sink leaves lines out.
enum drop_cause {
    DROP_SLOW,    // it takes fewer than there are
    DROP_FAILING, // it takes none
    DROP_REFUSED, // it was sent them in vain: too long, or refused by its machine
};

// Beginning and end of a time in which a sink leaves lines out.
struct sink_record {
    uint64_t dropped; // lines since the last such event of it
    uint64_t total;   // …since the formation began
    char name[56];    // "syslog at udp://192.0.2.1:514", cut; with its NUL
};

// Of the event of a new manager, how the last one has ended.
struct manager_record {
    struct formation_record formation; // as the other events of no process have it
    int32_t status;                    // wait(2) status, may have EXIT_OUT_OF_MEMORY; 0: not known
};

enum event_kind {
#define EVENT(identifier, name, detail) EVENT_##identifier,
#include "event/events.def"
#undef EVENT
    EVENT_KIND_COUNT
};

const char *event_kind_name(enum event_kind kind);

struct event {
    uint64_t sequence; // 1, 2, 3 …, given by the journal
    nsec_t at;
    uint16_t kind; // enum event_kind
    uint16_t slot; // place of the process; of no meaning in other events
    int32_t detail;
    union {
        struct process_record process;
        struct formation_record formation;
        struct sink_record sink;
        struct manager_record manager;
    };
};

// Which of the records it has.
bool event_is_of_process(enum event_kind kind);
bool event_is_of_sink(enum event_kind kind);
bool event_is_of_formation(enum event_kind kind);
