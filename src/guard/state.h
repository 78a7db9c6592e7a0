// SPDX-License-Identifier: MIT
// The guard's whole state, shared by the files of this module only.
#pragma once

#include "guard/herald.h"
#include "guard/hold.h"
#include "os/tree.h"

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

enum {
    ARGUMENTS = 4096, // of the command line; the kernel allows more, nobody types it
    MANAGER_ARGUMENTS_EXTRA = 2,
};

struct guard {
    struct board *board;
    int board_fd;
    int program_fd; // this very program, also when its file was replaced
    int doorbell;
    int signals;
    int watch;
    int null;
    int kept[KEPT_COUNT]; // of managers, for the next one; -1
    int witness_pipe[2];
    int witness_pidfd;
    int channel; // -1: no manager
    int manager_pidfd;
    pid_t manager_pid;
    nsec_t manager_started_at;
    nsec_t manager_due_at; // NSEC_NEVER while one runs
    nsec_t manager_pause;
    nsec_t heard_at;     // the manager's last sign of life
    nsec_t asked_at;     // since when a signal that asks for the end waits; NSEC_NEVER: none does
    uint32_t handled;    // signals of that kind that a manager had dealt with by then
    bool ignores_hangup; // started by nohup
    bool may_have_strangers; // adopted processes that have ended, to be reaped
    nsec_t strangers_due_at; // not looked for in our list of children before
    bool is_over;
    bool manager_is_left; // it hangs in the kernel, by a disk, and is not waited for
    int exit_status;
    struct rlimit descriptor_limit; // as it was before it was raised, for the processes
    struct tree tree;
    struct herald herald;
    char *arguments[ARGUMENTS + MANAGER_ARGUMENTS_EXTRA + 1];
    struct holds holds;
};
