// SPDX-License-Identifier: MIT
// What a manager knows that stands neither in the journal nor with the guard, for a successor that
// takes its place: clients with their requests, lines that are not finished, output not written.
#pragma once

#include "base/buffer.h"
#include "manager/serve.h"

// To be raised with every change of what is handed over, how it is written, and struct target.
enum { HANDOVER_FORMAT = 4 };

// Appends all of it. The clients' descriptors must survive execve(2); handover_keep() sees to it.
void handover_write(const struct manager *manager, struct buffer *out);
void handover_keep(const struct manager *manager, bool is_kept);

// What was handed over to us: open it first, then take its parts at the time when there is what
// they belong to; without a predecessor they do nothing.
struct handover {
    char *bytes; // NULL: none
    struct str rest;
    bool is_ours;
    bool is_broken;
};

void handover_open(struct handover *handover);
void handover_take_output(struct handover *handover, struct manager *manager);
void handover_take_lines(struct handover *handover, struct manager *manager);
void handover_take_clients(struct handover *handover, struct manager *manager);
void handover_close(struct handover *handover);

// The environment's variable with the descriptor of a memfd that holds it.
#define HANDOVER_VARIABLE "FORMATION_HANDOVER"
