// SPDX-License-Identifier: MIT
// Starting a program costs the same whatever the size of the caller, and leaks nothing into it.
#pragma once

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

struct confine;
struct shelter;

// What a new process was about to do when it failed. A guard and a manager of other versions know
// them by number: new ones come at the end.
enum spawn_stage {
    SPAWN_STAGE_CLONE,
    SPAWN_STAGE_DESCRIPTORS,
    SPAWN_STAGE_SESSION,
    SPAWN_STAGE_TERMINAL,
    SPAWN_STAGE_DIRECTORY,
    SPAWN_STAGE_LIMITS,
    SPAWN_STAGE_EXEC,
    // os/confine.h
    SPAWN_STAGE_CONFINEMENT, // understanding what it is to be allowed
    SPAWN_STAGE_NICE,
    SPAWN_STAGE_TMP,
    SPAWN_STAGE_GROUPS,
    SPAWN_STAGE_GROUP,
    SPAWN_STAGE_CAPABILITIES,
    SPAWN_STAGE_USER,
    SPAWN_STAGE_PRIVILEGES,
};

// Descriptors from 3 to here are reserved for handing over (see spawn.c).
enum { PID_TEXT_BYTES = 12 };

enum { SPAWN_RESERVED = 24, SPAWN_DESCRIPTORS = SPAWN_RESERVED - 3 - 2 };

enum { SPAWN_GROUPS = 3 }; // a cgroup v1 hierarchy each

struct spawn_request {
    const char *program; // path; NULL: the open file `program_fd`
    int program_fd;
    char *const *argv;
    char *const *envp;
    const char *directory;              // NULL: the caller's
    int descriptors[SPAWN_DESCRIPTORS]; // they become 0, 1, 2, …; all closed to others
    int descriptor_count;
    int cgroup_fd;        // born into this cgroup v2 folder; -1: the caller's
    const int *group_fds; // cgroup.procs of v1 folders that it goes to before all else
    int group_count;      // SPAWN_GROUPS at most
    bool new_session;     // setsid(2): own session and process group
    bool takes_terminal;  // descriptor 0 becomes the controlling terminal
    int death_signal;     // sent to it when the caller dies; 0: none
    const struct rlimit *descriptor_limit; // RLIMIT_NOFILE of the new program
    const struct rlimit *brand;            // os/brand.h; NULL: none
    const struct shelter *shelter;         // ours, which it is not to have; NULL: there is none
    const struct confine *confine;         // what it is not to be allowed; NULL: all that we are
    int mount_namespace;                   // with a private /tmp: the one to join; 0: a new one
    char *pid_text; // the new process writes its pid there before it executes the program, which
                    // may have it in its environment: PID_TEXT_BYTES; NULL
    // The caller has reserved no descriptors and may ignore signals. Then it pays for a copy of all
    // its descriptors (which must be close-on-exec), and `descriptors` must be above their targets.
    bool is_unprepared;
};

// Reserves the descriptors that spawn_process() works with. Call once, before any other is opened;
// what the caller had inherited in that range is closed. 0 or -errno.
int spawn_reserve_descriptors(void);

// Starts a program with the empty signal mask. The caller must have no signal handler, ignore no
// signal unless it says so, and be single-threaded. Returns 0, `pid` and `pidfd` (close-on-exec, to
// be closed by the caller) once execve(2) has succeeded; or -errno and the `stage`, with nothing
// left behind.
int spawn_process(const struct spawn_request *request, pid_t *pid, int *pidfd,
                  enum spawn_stage *stage);
