// SPDX-License-Identifier: MIT
// Memory that guard and manager share. It outlives every manager: what the guard saw stands in it
// until a manager has dealt with it, so no doorbell and no death of a reader can lose a fact.
#pragma once

#include "base/duration.h"
#include "base/limits.h"
#include "os/spawn.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum board_slot_state {
    BOARD_VACANT,
    BOARD_LIVE,   // the spawn `token` runs as `pid`
    BOARD_FAILED, // … could not be started: `error` at `stage`
    BOARD_DEAD,   // … has ended with `status`; its pid is kept from being used again
    BOARD_BURIED, // … and its pid was released
};

// Written by the guard only. `state` is stored last: who has loaded it may read the rest.
struct board_slot {
    _Atomic uint32_t state; // enum board_slot_state
    uint32_t token;
    int32_t pid;
    int32_t status; // wait(2) status
    int32_t error;  // errno
    int32_t stage;  // enum spawn_stage
};

enum {
    BOARD_VERSION = 5,
    BOARD_SIGNALS = 65,
    // Of socket_count: an init has said that it passes sockets, and …
    BOARD_SOCKETS_BROKEN = -1,   // … what it has passed is none
    BOARD_SOCKETS_TOO_MANY = -2, // … there are more than LIMIT_SOCKETS
    BOARD_WORDS = LIMIT_PROCESSES / 64,
    // What a launch needs waits here until the guard has read it. Room for two of the largest, so
    // that the second can be written while the first is read.
    BOARD_LAUNCH_BYTES = 2 * LIMIT_LAUNCH_BYTES,
};

struct board {
    uint32_t version;
    int32_t guard_pid;
    uint32_t guard_revision; // of the program that the guard is
    uint32_t guard_format;   // of what it can hand over to another one
    int32_t witness_pid;
    bool has_init;                   // somebody wants to be notified: sd_notify(3)
    bool is_hangup_for_reload;       // SIGHUP comes from an init, not from a terminal
    uint16_t score_before;           // of the guard, shelter_before()
    int32_t socket_count;            // that the guard holds for processes; or one of the above
    _Atomic uint32_t notified;       // token of the last notification that the init has taken
    _Atomic bool is_managed;         // a manager has said that it is up: the formation has begun
    _Atomic bool is_up;              // the present manager has come through its first round
    _Atomic uint16_t manager_status; // wait(2) status of the last manager that died; 0: not known
    _Atomic uint32_t manager_count;
    // Signals that the guard received, by number, and how many of them a manager has dealt with.
    _Atomic uint32_t signals_received[BOARD_SIGNALS];
    _Atomic uint32_t signals_handled[BOARD_SIGNALS];
    _Atomic uint64_t changed[BOARD_WORDS]; // slots that the manager has to look at
    _Atomic uint64_t launches_read;        // counts bytes; see launch ring in link.c
    struct board_slot slots[LIMIT_PROCESSES];
    _Alignas(64) char launch[BOARD_LAUNCH_BYTES];
    // The rest is the manager's, which the guard only keeps.
    _Alignas(4096) char memory[];
};

// Made by the guard: `memory_bytes` for the manager, all zero. The descriptor keeps it alive.
int board_make(size_t memory_bytes, int *out_fd, struct board **out);

// Mapped by a manager. 0, -errno, or -EPROTO when it is of another version or size.
int board_map(int fd, size_t memory_bytes, struct board **out);

void board_unmap(struct board *board, size_t memory_bytes);

void board_mark_changed(struct board *board, unsigned slot);
