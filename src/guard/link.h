// SPDX-License-Identifier: MIT
// What a manager asks of the guard. Requests are small messages; answers stand on the board, and
// the doorbell (an eventfd) says that there are some.
#pragma once

#include "guard/board.h"

#include <stdint.h>

enum guard_request_kind {
    GUARD_FETCH,   // send me what is held for `slot` and read by managers: the near ends, and the
                   // socket that it notifies us by (answered by the same with them and flags)
    GUARD_SPAWN,   // start the launch in the ring as `token` of `slot`, with the descriptors that
                   // the flags tell of, in their order
    GUARD_SIGNAL,  // send `value` to the group of `token`, if that has not been buried
    GUARD_BURY,    // release the pid of `token`
    GUARD_FORGET,  // bury what is dead in `slot` and close what is held for it
    GUARD_KEEP,    // keep this descriptor for the next manager, as number `value` of manager_kept
    GUARD_UPGRADE, // this is the program from now on; with `value` 1, become it
    GUARD_NOTIFY,  // tell the init what stands in the ring, if anything does; within `value`
                   // milliseconds there will be another sign of life, 0: this is no promise
    GUARD_END,     // the formation is over: exit with `value` once the manager has
    GUARD_LISTEN,  // hold this listening socket as number `value`, in the place of what is there
    GUARD_CLOSE_LISTENER, // …hold it no more
    GUARD_FETCH_LISTENER, // send it to me (answered by the same, with GUARD_SPAWN_LISTENERS if
                          // there is one)
};

enum guard_request_flag {
    GUARD_SPAWN_TERMINAL = 1 << 0, // its output is a terminal: its input too, and controlling
    GUARD_SPAWN_OUTPUT = 1 << 1,   // near and far end of its output come along, to be held
    GUARD_SPAWN_NOTIFY = 1 << 2,   // the socket that it notifies us by, to be held
    GUARD_SPAWN_CGROUP = 1 << 3,   // the cgroup folder that it is to be born into comes along
    GUARD_SPAWN_ERRORS = 1 << 4,   // as GUARD_SPAWN_OUTPUT, for its standard error alone
    GUARD_SPAWN_APART = 1 << 5,    // its standard error goes there
    GUARD_SPAWN_CONFINED = 1 << 6, // a struct confine (os/confine.h) stands before its launch
    GUARD_SPAWN_GROUPS = 1 << 7,   // `value` files to move itself into cgroup v1 folders come along
    GUARD_SPAWN_LISTENERS = 1 << 8, // a struct guard_listeners stands before its launch, behind the
                                    // struct confine
};

// Which of the listening sockets that the guard holds a process gets behind 0, 1 and 2, in this
// order; those of `sockets` come behind them.
struct guard_listeners {
    uint32_t count;
    uint32_t numbers[LIMIT_TYPE_LISTENERS];
};

struct guard_request {
    uint32_t kind; // enum guard_request_kind
    uint32_t slot;
    uint32_t token;
    int32_t value;
    uint32_t flags;
    uint32_t argc; // GUARD_SPAWN: strings in the launch: program, directory, argc, envc
    uint32_t envc;
    uint32_t launch_size; // bytes
    uint64_t launch_at;   // position in the ring's endless count
    uint32_t sockets;     // GUARD_SPAWN: bit i: the guard's socket i comes behind 0, 1 and 2
    uint32_t reserved;
};

enum { CONTROL_QUEUE = 512 }; // connections that wait to be accepted

// What a manager may give to keep.
enum manager_kept {
    KEPT_PLAN,    // the plan as bytes, in a memfd
    KEPT_CONTROL, // the control socket that listens
    KEPT_DESK,    // three parts of it: stream/desk.h
    KEPT_DESK_END = KEPT_DESK + 2,
    KEPT_COUNT,
};

// The descriptors that a manager is born with.
enum manager_descriptor {
    MANAGER_BOARD = 3,
    MANAGER_CHANNEL,
    MANAGER_DOORBELL,
    MANAGER_WITNESS, // never written: the witness sees when guard and manager both are gone
    MANAGER_TREE,    // the formation's cgroup folder, or /dev/null
    MANAGER_KEPT,    // what earlier managers gave to keep, in its order, or /dev/null
    MANAGER_DESCRIPTOR_END = MANAGER_KEPT + KEPT_COUNT,
};

// The ring that launches are written to, on the manager's side.
struct launch_ring {
    struct board *board;
    uint64_t written; // bytes since the beginning of the formation
    uint64_t emptied; // nothing before it is waiting: from there on it was last filled anew
};

void launch_ring_init(struct launch_ring *ring, struct board *board);

// Room for `size` bytes in one piece, or NULL when the guard has not read enough yet (try again
// soon). Fill it, then send GUARD_SPAWN with `at`. size ≤ LIMIT_LAUNCH_BYTES.
char *launch_ring_reserve(struct launch_ring *ring, size_t size, uint64_t *at);

// The guard's side: the launch of a request, or NULL if the request does not describe one. After
// use, launch_ring_release() makes room again.
const char *launch_ring_read(struct board *board, const struct guard_request *request);
void launch_ring_release(struct board *board, const struct guard_request *request);
