// SPDX-License-Identifier: MIT
// What a machine gives to a formation, as facts: found by doing it (os/machine.h), judged in
// sentences (view/findings.h).
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { MACHINE_TEXT_BYTES = 128, MACHINE_PATH_BYTES = 512 };

// What was tried: 0, or the errno value that it failed with.
typedef int machine_try;

struct machine_kernel {
    char release[MACHINE_TEXT_BYTES];
    machine_try pidfd;       // a child is waited for by its pidfd
    machine_try clone3;      // a child is made
    machine_try close_range; // a descriptor table of its own is made
    machine_try memfd;       // memory that has no name
    machine_try execveat;    // this program, by descriptor
    machine_try subreaper;   // an orphan is adopted
    machine_try null;        // /dev/null is opened
};

struct machine_proc {
    machine_try own;  // ENOENT: not mounted; ENXIO: that of another pid namespace
    bool hides;       // processes of other users
    bool lists_child; // the kernel lists children
};

enum machine_way { MACHINE_NO_WAY, MACHINE_V1, MACHINE_V2 };

// Who keeps limits: memory, cpu, pids.
enum { MACHINE_CONTROLLERS = 3 };

struct machine_controller {
    enum machine_way way;
    char found[MACHINE_PATH_BYTES]; // "cgroup v2", or why there is none
};

struct machine_cgroup {
    bool is_mounted;                 // version 2, and we are in it
    char folder[MACHINE_PATH_BYTES]; // our own
    machine_try make;                // a folder in it
    machine_try born;                // a process is born into that (CLONE_INTO_CGROUP)
    machine_try kill;                // everything in it is killed by one write
    struct machine_controller controllers[MACHINE_CONTROLLERS];
    machine_try pressure; // /proc/pressure
};

// UINT64_MAX: no limit.
struct machine_amounts {
    uint64_t files_soft;
    uint64_t files_hard;
    uint64_t pids;       // of the machine or namespace
    uint64_t user_pids;  // of the user; root is not bound by it
    uint64_t own_pids;   // of our cgroup
    uint64_t pipe_pages; // of the user, from where pipes become small
    unsigned pipe_bytes; // of one that was made
};

struct machine_self {
    unsigned uid;
    uint64_t capabilities; // effective
    bool in_user_namespace;
    bool has_no_new_privs;
    bool is_filtered; // by seccomp
    bool is_first;    // PID 1
};

struct machine_place {
    char control[MACHINE_PATH_BYTES]; // the control socket
    machine_try control_made;         // whether it could be there
};

struct machine_services {
    bool has_systemd;
    char notify[MACHINE_PATH_BYTES]; // NOTIFY_SOCKET; empty: not set
    machine_try notified;
    machine_try journald;
    machine_try syslog;
    machine_try zstd;
    bool is_terminal; // standard output
    unsigned columns;
};

struct machine {
    struct machine_kernel kernel;
    struct machine_proc proc;
    struct machine_cgroup cgroup;
    struct machine_amounts amounts;
    struct machine_self self;
    struct machine_place place;
    struct machine_services services;
};

// What the files of an app ask for; without files nothing.
struct machine_needs {
    unsigned processes;
    bool controllers[MACHINE_CONTROLLERS];
    bool journald;
    bool syslog; // of this machine
    bool zstd;
};
