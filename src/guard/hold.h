// SPDX-License-Identifier: MIT
// What the guard holds for each slot: its process and the ends of its output.
#pragma once

#include "guard/board.h"
#include "guard/link.h"

#include <signal.h>

struct shelter;

// -1: not held.
struct hold {
    int pidfd;
    int near;       // read by managers
    int far;        // written by the process
    int notify;     // NOTIFY_SOCKET, read by managers
    int error_near; // the same ends for its standard error, where that is told apart
    int error_far;
};

// All the guard's memory: of fixed size, from the start.
struct holds {
    struct board *board;
    int watch_fd;       // epoll: told of each pidfd with the slot as data
    int null_fd;        // /dev/null, what processes read
    const int *sockets; // that processes may be given, by the bits of GUARD_SPAWN
    int socket_count;
    int listeners[LIMIT_LISTENERS]; // likewise, by their numbers; -1
    const struct shelter *shelter;  // of the guard, not for processes
    unsigned used;                  // slots used so far
    uint64_t brand;                 // of the formation
    bool has_news; // something was written to the board that the manager was not told of
    struct hold slots[LIMIT_PROCESSES];
};

void holds_init(struct holds *holds, struct board *board, int watch_fd, int null_fd);
// …with slots that are filled already.
void holds_resume(struct holds *holds, struct board *board, int watch_fd, int null_fd);

// The guard's part of each request. Those that do not fit what is held change nothing.
// Which descriptors come along, the first ones, is told by the request's flags.
void hold_keep(struct holds *holds, const struct guard_request *request, const int *fds);
// What a manager has to have of `slot`, with the flags of a spawn for each; returns how many.
enum { HOLD_FETCHED = 3 };
size_t hold_fetch(const struct holds *holds, unsigned slot, int fds[HOLD_FETCHED], uint32_t *flags);
// The cgroups that it is put in: see struct spawn_request.
struct hold_place {
    int cgroup_fd;
    const int *group_fds;
    int group_count;
};
void hold_spawn(struct holds *holds, const struct guard_request *request,
                const struct hold_place *place, const struct rlimit *descriptor_limit);
// … cannot be spawned, since what it needs did not arrive.
void hold_refuse(struct holds *holds, const struct guard_request *request, int error);
void hold_signal(const struct holds *holds, const struct guard_request *request);
// Holds `fd` as a listening socket, or, with -1, none any more. False: it is not taken.
bool hold_listener(struct holds *holds, int number, int fd);
int hold_find_listener(const struct holds *holds, int number); // -1: there is none
void hold_bury(struct holds *holds, const struct guard_request *request);
void hold_forget(struct holds *holds, unsigned slot);

// As wait(2) would have told it.
int hold_wait_status(const siginfo_t *info);

// The process of `slot` has ended: notes its status on the board.
void hold_note_death(struct holds *holds, unsigned slot);

// Whether `pid` is the main process of a slot and not buried.
bool holds_pid(const struct holds *holds, int pid);

// To the group of each process that was not buried.
void holds_signal(const struct holds *holds, int signal);

// Whether any main process still lives.
bool holds_live(const struct holds *holds);
