// SPDX-License-Identifier: MIT
// One place that lines go to besides standard output: what waits for it, and how it is written.
// A sink that cannot be written says so once, keeps what it has, and tries again; it never ends
// anything, and never holds up another sink.
#pragma once

#include "manager/show.h"
#include "os/logfile.h"
#include "os/loop.h"
#include "plan/sink.h"
#include "stream/outlet.h"
#include "stream/tray.h"
#include "view/format.h"

#include <stdbool.h>
#include <stdint.h>

struct manager;

// The file of an owner: of a process, a type, or the formation.
struct sink_file {
    uint32_t owner;
    struct logfile file; // fd -1: not open
    char *path;
};

struct sink {
    struct manager *manager;
    const struct plan_sink *declared; // of the plan in force
    enum log_format format;
    struct tray *tray; // of the desk, or `own`
    struct tray own;
    struct format_prefix prefix; // of this source and this moment
    struct recent_line prefix_of;
    unsigned prefix_source;
    nsec_t again_at; // when it is tried again; NSEC_NEVER
    bool is_failing; // and it was told
    bool is_within_record;
    struct sink_file *files; // by their owners, in order
    size_t file_count;
    size_t file_capacity;
    int socket; // -1: not connected
    struct outlet outlet;
    struct loop_source source;
};

// Takes the tray with that index of the manager's desk, with what waits there. 0 or -errno.
int sink_open(struct sink *sink, struct manager *manager, const struct plan_sink *declared,
              unsigned index);
void sink_close(struct sink *sink);

// Appends a line, or by a sink that drops, counts it.
void sink_append(struct sink *sink, unsigned source, const struct recent_line *line);

// Writes what can be written now.
void sink_push(struct sink *sink);

// True when the processes whose lines it gets have to wait.
bool sink_is_full(const struct sink *sink);

// One sentence in the output, unless the last one was the same failure.
__attribute__((format(printf, 2, 3))) void sink_fail(struct sink *sink, const char *format, ...);
void sink_recover(struct sink *sink);

// sink_file.c
void sink_push_files(struct sink *sink);
int sink_open_file(struct sink *sink, uint32_t owner, struct sink_file **out);
uint32_t sink_owner(const struct sink *sink, uint32_t line_owner);
void sink_forget_files(struct sink *sink);
enum { SINK_OWNER_SYSTEM = -1 };

// sink_socket.c
void sink_push_socket(struct sink *sink);
void sink_disconnect(struct sink *sink);
