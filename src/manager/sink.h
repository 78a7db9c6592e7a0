// SPDX-License-Identifier: MIT
// One place that lines go to besides standard output: what waits for it, and how it is written.
// A sink that cannot be written says so once, keeps what it has, and tries again; it never ends
// anything, and never holds up another sink.
#pragma once

#include "event/event.h"
#include "manager/show.h"
#include "manager/sink_address.h"
#include "manager/sink_file.h"
#include "os/loop.h"
#include "plan/sink.h"
#include "stream/outlet.h"
#include "stream/tray.h"
#include "view/format.h"

#include <stdbool.h>
#include <stdint.h>

struct manager;

struct sink {
    struct manager *manager;
    const struct plan_sink *declared; // of the plan in force
    enum log_format format;
    struct tray *tray; // of the desk, or `own`
    struct tray own;
    struct format_prefix prefix; // of the lines that are being appended
    nsec_t again_at;             // when it is tried again; NSEC_NEVER
    nsec_t tend_at;              // when a file is to be closed or put aside; NSEC_NEVER
    bool is_failing;             // and it was told
    bool is_spoken_of;           // by a line that is not for it
    char name[SINK_NAME_BYTES];
    char why[512];              // it fails, …
    nsec_t failing_since;       // …and since when
    enum drop_cause drop_cause; // of the last line that was left out
    uint64_t drops_seen;        // in the last round
    uint64_t refused_seen;
    nsec_t drops_over_at;    // if no more are left out until then
    struct sink_file *files; // by their owners, in order
    size_t file_count;
    size_t file_capacity;
    int socket; // -1: not connected
    struct outlet outlet;
    struct sink_addresses addresses; // of the socket
    bool is_connected;               // something was sent since it was opened
    uint32_t watched_events;         // while `source` is added
    struct loop_source source;
};

// Takes the tray with that index of the manager's desk, with what waits there. 0 or -errno.
int sink_open(struct sink *sink, struct manager *manager, const struct plan_sink *declared,
              unsigned index);
void sink_close(struct sink *sink);

// The same place as before, of another plan.
void sink_declare(struct sink *sink, const struct plan_sink *declared);

// Appends what waits, as it may be appended to the tray of the same place.
void sink_save(struct sink *sink, struct buffer *out);

nsec_t sink_due_at(const struct sink *sink); // when it has to be pushed again

// Appends lines, or by a sink that drops and has no room, counts them.
void sink_append(struct sink *sink, const struct show_lines *lines);

// Appends a sentence that is for this sink alone.
void sink_note(struct sink *sink, struct str sentence);

// Writes what can be written now.
void sink_push(struct sink *sink);

// True when the processes whose lines it gets have to wait.
bool sink_is_full(const struct sink *sink);

// One sentence in the output, unless the last one was the same failure.
__attribute__((format(printf, 2, 3))) void sink_fail(struct sink *sink, const char *format, ...);
void sink_recover(struct sink *sink);
__attribute__((format(printf, 2, 3))) void sink_tell(struct sink *sink, const char *format, ...);

// sink_file.c
void sink_push_files(struct sink *sink);
int sink_open_file(struct sink *sink, uint32_t owner, struct sink_file **out);
void sink_resume_files(struct sink *sink); // what was being written when a manager was killed
int sink_reopen_files(struct sink *sink, struct buffer *paths, struct error *error);
void sink_tend_files(struct sink *sink); // closes those that are idle, puts old ones aside
uint32_t sink_owner(const struct sink *sink, uint32_t line_owner);
void sink_forget_files(struct sink *sink);
enum { SINK_OWNER_SYSTEM = -1 };

// sink_socket.c
void sink_push_socket(struct sink *sink);
void sink_disconnect(struct sink *sink);
