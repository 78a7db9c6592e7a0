// SPDX-License-Identifier: MIT
// What people read about an event: one line, in Foreman's words where Foreman has some.
#pragma once

#include "base/buffer.h"
#include "base/duration.h"
#include "base/str.h"
#include "event/event.h"

#include <stddef.h>
#include <stdint.h>

// How far a launch came before it failed.
enum launch_stage {
    LAUNCH_OUTPUT,    // its pipe or terminal
    LAUNCH_FORK,      // the new process itself
    LAUNCH_DIRECTORY, // entering its directory
    LAUNCH_SETUP,     // anything else before the command
    LAUNCH_COMMAND,   // executing it
    // Giving up what it is not to have.
    LAUNCH_CONFINEMENT, // understanding what that is
    LAUNCH_NICE,
    LAUNCH_TMP,
    LAUNCH_USER,
    LAUNCH_CAPABILITIES,
    LAUNCH_LIMITS,
};

// All append to `out`, without a newline; names and commands may hold any bytes.

// "started with pid 1923"
void sentence_started(struct buffer *out, int pid);

// Of a wait(2) status: "exited with code 3", "terminated by SIGSEGV (core dumped)"; with
// EXIT_OUT_OF_MEMORY (event/event.h): "terminated by SIGKILL (out of memory)".
void sentence_ended(struct buffer *out, int wait_status);

// The same of one with a limit, or 0: "terminated by SIGKILL (out of memory: its limit is 64M)".
void sentence_ended_within(struct buffer *out, int wait_status, uint64_t memory_limit);

// "unknown command: nosuch", "directory gone: /srv/shop". `subject` is the command, or for
// LAUNCH_DIRECTORY the directory; `code` an errno value.
void sentence_not_started(struct buffer *out, enum launch_stage stage, int code,
                          struct str subject);

// "restarting", "restarting in 1.6s (crash 3 in a row)"
void sentence_restarting(struct buffer *out, nsec_t pause, unsigned crash_count);

// "SIGINT received, starting shutdown", "USR1 received, forwarding it to children"
void sentence_shutdown(struct buffer *out, int signal);
void sentence_forward(struct buffer *out, int signal);

// "sending SIGTERM to all processes"; the second with names: "sending SIGKILL to web.1, web.2".
// Of many names the first ones are listed and the others counted.
void sentence_sending_to_all(struct buffer *out, int signal);
void sentence_sending(struct buffer *out, int signal, const struct str *names, size_t count);

// "waiting for web.1, worker.2"
void sentence_waiting(struct buffer *out, const struct str *names, size_t count);

// "not ready within 60s: connection to port 5000 refused; stopping it". The reason may be "".
void sentence_boot_expired(struct buffer *out, nsec_t limit, const char *reason);

// "no WATCHDOG=1 within 30s; stopping it"; without a reason: "no sign of life; stopping it"
void sentence_unresponsive(struct buffer *out, const char *reason);

// "has not ended 1s after SIGKILL: it hangs in the kernel, or is frozen", or that it has become
// another user's.
void sentence_unkilled(struct buffer *out, bool is_forbidden);

// "the rolling restart is halted: 3 processes were not restarted"
void sentence_roll_halted(struct buffer *out, unsigned left);

// Its main process ended, `count` processes of its tree live on: what is wrong and what to change.
// `who` they are, "redis-server (pid 1923) and sh (pid 1924)", and how one of them is to be run:
// "redis-server … --daemonize no"; both may be empty.
void sentence_left_behind(struct buffer *out, unsigned count, struct str who, struct str command);

// "pid 1923 does not end, even by SIGKILL; giving up on it"
void sentence_abandoned(struct buffer *out, int pid);

// Of a sink, by its name: "lines are dropped: syslog at udp://192.0.2.1:514 is too slow"; and
// "1,234 lines were dropped here: …" with `where` " here".
void sentence_dropping(struct buffer *out, struct str sink, enum drop_cause cause);
void sentence_dropped(struct buffer *out, uint64_t count, const char *where, struct str sink,
                      enum drop_cause cause);

// "a line of more than 4 MiB was cut"
void sentence_line_cut(struct buffer *out, size_t limit_bytes);

// "a line was cut: there is no memory for its rest"
void sentence_line_cut_early(struct buffer *out);
