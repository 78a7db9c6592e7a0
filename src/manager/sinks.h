// SPDX-License-Identifier: MIT
// All sinks of the plan in force.
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "manager/show.h"

struct manager;
struct plan;
struct process;

// Opens those of the plan, with what earlier managers have left for them. Failures are told in the
// output and tried again; they end nothing. 0, or -errno where what was left cannot be had, nor may
// be lost.
int sinks_open(struct manager *manager);
void sinks_close(struct manager *manager);

// Goes over to those of the plan that is in force now; `old` was before.
void sinks_adopt(struct manager *manager, const struct plan *old);

// Writes what can be written. True: processes that had to wait for one of them are read again.
bool sinks_push(struct manager *manager);

// Opens the files again that are open, and adds their paths to an open list of JSON. 0; or -errno
// and the first failure, after all were tried.
int sinks_reopen(struct manager *manager, struct buffer *paths, struct error *error);

// Whether the output of that process has to wait for a sink where at least so much waits already.
bool sinks_hold_up(const struct manager *manager, const struct process *process, size_t most_bytes);

// Whether one of them, or standard output, wants to know what of its output is of the standard
// error.
bool sinks_tell_apart(const struct manager *manager, const struct process *process);

bool sinks_are_full(const struct manager *manager); // one of them, at least

// What there is to know of each, LIMIT_SINKS at most; returns how many. Texts are borrowed.
struct sink_facts;
size_t sinks_look(const struct manager *manager, struct sink_facts *out);

nsec_t sinks_due_at(const struct manager *manager);

// At the end: waits until all is written, nothing moves any more, or Ctrl-C; tells what is lost.
void sinks_drain(struct manager *manager);
