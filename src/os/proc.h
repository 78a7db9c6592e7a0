// SPDX-License-Identifier: MIT
// Searching /proc for processes by what is known of them.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_status {
    pid_t pid;
    char state; // as in ps: R, S, D, Z, T …
    pid_t parent;
    pid_t group;
    pid_t session;
    uint64_t start_ticks; // since boot; with the pid it names a process for ever
    uint64_t cpu_ticks;   // spent in user and kernel mode, children that it has waited for included
    uint64_t resident_pages;
};

// 0 or -errno (-ESRCH, -ENOENT: no such process).
int proc_read_status(pid_t pid, struct proc_status *out);

// What it is called (comm of proc(5)), cut to `capacity` > 0 with its NUL; "" when it is gone.
void proc_read_name(pid_t pid, char *out, size_t capacity);

// Whether the environment that `pid` was started with has the variable `assignment` ("NAME=value").
bool proc_has_variable(pid_t pid, const char *assignment);

// Copies the value of the variable that begins with `prefix` ("NAME="), cut to `capacity` > 0 with
// its NUL. Returns false if there is none, or none that may be read.
bool proc_read_variable(pid_t pid, const char *prefix, char *out, size_t capacity);

// Calls `visit` for every process; stops when it returns false. False: /proc cannot be read.
typedef bool proc_visit(pid_t pid, void *context);
bool proc_each(proc_visit *visit, void *context);

// Inode number of our pid namespace, 0 without /proc: pids mean something only within it.
uint64_t proc_namespace(void);

// Signals `pid` by a pidfd if, once that is held, `still` agrees that it is the one meant.
void proc_signal_if(pid_t pid, int signal, proc_visit *still, void *context);

// SIGKILL likewise, and to its process group unless that is ours; as fast as can be, since somebody
// who forks and exits all the time has to be outrun. Whether `still` agreed.
bool proc_kill_if(pid_t pid, proc_visit *still, void *context);
